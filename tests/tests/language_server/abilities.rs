//! The table in `spec/language-server.md` is what the server says of itself.

use layerc_tests::language_server::{Client, codes, place, uri};
use layerc_tests::project_files::read;
use layerc_tests::repository::Repository;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

/// A client that can be told to ask for diagnostics again.
fn pulling() -> Value {
    json!({
        "textDocument": { "diagnostic": {} },
        "workspace": { "diagnostics": { "refreshSupport": true } },
    })
}

#[test]
fn the_table_of_abilities_is_true() {
    let page = read("spec/language-server.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let claimed: BTreeSet<String> = rows
        .map(|(name, _)| name.to_owned())
        .filter(|name| {
            name.starts_with(char::is_lowercase) && name.chars().all(char::is_alphanumeric)
        })
        .collect();
    let repository = Repository::new();
    let answer = Client::start().greet(repository.path(), &pulling());
    assert_eq!(claimed, keys(&answer["capabilities"]));
}

#[test]
fn diagnostics_come_one_way_only() {
    let repository = Repository::new();
    let pushed = Client::start().greet(repository.path(), &json!({}));
    assert_eq!(pushed["capabilities"]["diagnosticProvider"], Value::Null);
    let pulled = Client::start().greet(repository.path(), &pulling());
    assert_eq!(pulled["capabilities"]["diagnosticProvider"]["workspaceDiagnostics"], true);
}

#[test]
fn the_encoding_is_agreed_on() {
    let repository = Repository::new();
    for (offered, chosen) in [
        (json!(["utf-16"]), "utf-16"),
        (json!(["utf-16", "utf-8"]), "utf-8"),
        (json!(["utf-32", "utf-8", "utf-16"]), "utf-8"),
        (Value::Null, "utf-16"),
    ] {
        let capabilities = json!({ "general": { "positionEncodings": offered } });
        let answer = Client::start().greet(repository.path(), &capabilities);
        assert_eq!(answer["capabilities"]["positionEncoding"], chosen);
    }
}

#[test]
fn diagnostics_say_all_there_is_to_say() {
    let repository = Repository::with(&[
        ("a/Layerfile", "FROM ../b\n"),
        ("b/Layerfile", "FROM ../a\n"),
        (
            "c/Layerfile",
            "FROM vm/ubuntu:18.04\nSKIP REMAINING IF LAYERCI_BRANCH!=main\nWAIT ../d ../d\n",
        ),
    ]);
    repository.write("d/Layerfile", "FROM vm/ubuntu:18.04\n");
    let mut client = Client::greeted(repository.path(), &pulling());
    let document = |path: &str| json!({ "textDocument": { "uri": uri(&repository.join(path)) } });
    let cycle = client.request("textDocument/diagnostic", &document("a/Layerfile"));
    let cycle = &cycle["items"][0];
    assert_eq!(
        (cycle["code"].as_str(), cycle["source"].as_str()),
        (Some("LF0107"), Some("layerc"))
    );
    let related = cycle["relatedInformation"][0]["location"]["uri"].as_str().unwrap_or_default();
    assert!(related.ends_with("/b/Layerfile"), "{cycle}");
    let page =
        cycle["codeDescription"]["href"].as_str().and_then(|href| href.strip_prefix("file://"));
    let page = std::fs::read_to_string(page.expect("a page")).expect("the page is there");
    assert!(page.starts_with("# LF0107"), "{page}");
    assert_eq!(cycle["data"]["rule"], "dependency-cycle");
    let tagged = client.request("textDocument/diagnostic", &document("c/Layerfile"));
    let tags: BTreeSet<i64> = tagged["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["tags"][0].as_i64())
        .collect();
    assert_eq!(tags, BTreeSet::from([1, 2]), "unnecessary and deprecated: {tagged}");
}

#[test]
fn the_workspace_is_reported_once_and_then_what_changed() {
    let repository = Repository::with(&[
        ("a/Layerfile", "FROM vm/ubuntu:18.04\nrun x\n"),
        ("b/Layerfile", "FROM vm/ubuntu:18.04\n"),
    ]);
    let mut client = Client::greeted(repository.path(), &pulling());
    let first = client.request("workspace/diagnostic", &json!({ "previousResultIds": [] }));
    let items = first["items"].as_array().cloned().unwrap_or_default();
    let found: Vec<Vec<String>> = items.iter().map(|item| codes(&item["items"])).collect();
    assert_eq!(found, [vec!["LF0011".to_owned()], Vec::new()]);
    let known: Vec<Value> =
        items.iter().map(|item| json!({ "uri": item["uri"], "value": item["resultId"] })).collect();
    let second = client.request("workspace/diagnostic", &json!({ "previousResultIds": known }));
    let kinds = second["items"].as_array().cloned().unwrap_or_default();
    assert!(kinds.iter().all(|item| item["kind"] == "unchanged"), "{second}");
}

#[test]
fn settings_come_by_every_way() {
    let repository =
        Repository::with(&[("Layerfile", "FROM vm/ubuntu:18.04\nRUN sudo x\nSPLIT 2\n")]);
    let document = uri(&repository.join("Layerfile"));
    let off = json!({ "layerc": { "lints": { "sudo-not-needed": "error" }, "inlayHints": { "enable": false } } });
    let mut client = Client::greeted(repository.path(), &json!({}));
    let is_hint = |params: &Value| params["diagnostics"][0]["severity"] == 4;
    let is_error = |params: &Value| params["diagnostics"][0]["severity"] == 1;
    client.notification("textDocument/publishDiagnostics", is_hint);
    client.notify("workspace/didChangeConfiguration", &json!({ "settings": off }));
    client.notification("textDocument/publishDiagnostics", is_error);
    let range =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 9, "character": 0 } });
    let hints = json!({ "textDocument": { "uri": document }, "range": range });
    assert_eq!(client.request("textDocument/inlayHint", &hints), json!([]));
    repository.write("layerc.toml", "[lints]\nsudo-not-needed = \"off\"\n");
    client.notify("workspace/didChangeConfiguration", &json!({ "settings": { "layerc": {} } }));
    client.codes(&document, <[String]>::is_empty);
    assert_ne!(client.request("textDocument/inlayHint", &hints), json!([]));
    assert_ne!(client.request("textDocument/hover", &place(&document, 1, 0)), Value::Null);
}

#[test]
fn settings_come_with_the_greeting_and_when_they_are_asked_for() {
    let repository = Repository::with(&[("Layerfile", "FROM vm/ubuntu:18.04\nRUN sudo x\n")]);
    let is_error = |params: &Value| params["diagnostics"][0]["severity"] == 1;
    let wanted = json!({ "lints": { "sudo-not-needed": "error" } });
    let mut greeted = Client::start();
    greeted.greet_with(repository.path(), &json!({}), &json!({ "layerc": wanted }));
    greeted.notification("textDocument/publishDiagnostics", is_error);
    let mut asked = Client::start();
    asked.keep_settings(wanted);
    asked.greet(repository.path(), &json!({ "workspace": { "configuration": true } }));
    asked.notification("textDocument/publishDiagnostics", is_error);
    asked.keep_settings(json!({ "lints": { "sudo-not-needed": "off" } }));
    asked.notify("workspace/didChangeConfiguration", &json!({ "settings": null }));
    asked.codes(&uri(&repository.join("Layerfile")), <[String]>::is_empty);
}

#[test]
fn what_the_user_chooses_to_see_is_shown_at_once() {
    let repository = Repository::with(&[(
        "Layerfile",
        "FROM vm/ubuntu:18.04\nSPLIT 3\nRUN test $SPLIT of $SPLIT_NUM\n",
    )]);
    let document = uri(&repository.join("Layerfile"));
    let refreshes =
        json!({ "inlayHint": { "refreshSupport": true }, "codeLens": { "refreshSupport": true } });
    let mut client = Client::greeted(repository.path(), &json!({ "workspace": refreshes }));
    client.open(&document, "FROM vm/ubuntu:18.04\nSPLIT 3\nRUN test $SPLIT of $SPLIT_NUM\n");
    client.asked("workspace/codeLens/refresh");
    let range =
        json!({ "start": { "line": 2, "character": 0 }, "end": { "line": 3, "character": 0 } });
    let hints = json!({ "textDocument": { "uri": document }, "range": range });
    let show = json!({ "command": "layerc.showCopy", "arguments": [document, 1] });
    client.request("workspace/executeCommand", &show);
    client.asked("workspace/inlayHint/refresh");
    client.asked("workspace/codeLens/refresh");
    assert!(client.request("textDocument/inlayHint", &hints).to_string().contains("SPLIT=1"));
    let off = json!({ "layerc": { "inlayHints": { "enable": false } } });
    client.notify("workspace/didChangeConfiguration", &json!({ "settings": off }));
    client.asked("workspace/inlayHint/refresh");
    assert_eq!(client.request("textDocument/inlayHint", &hints), json!([]));
}
