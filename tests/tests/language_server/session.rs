//! How a session begins, goes wrong and ends.

use layerc_tests::language_server::{Client, PATIENCE, every_request, place, uri};
use layerc_tests::layerc::program;
use layerc_tests::repository::Repository;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const TEXT: &str = "FROM vm/ubuntu:18.04\nRUN echo hello\n";

#[test]
fn an_orderly_end_is_quiet_and_quick() {
    let repository = Repository::with(&[("Layerfile", TEXT)]);
    let mut client = Client::greeted(repository.path(), &json!({}));
    client.open(&uri(&repository.join("Layerfile")), TEXT);
    let (status, errors) = client.leave();
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
}

/// Holds that the server ends by itself with code 1 and quietly, and prints after how long.
fn ends_abruptly(client: Client, after: &str) {
    let begun = Instant::now();
    let (status, errors) = client.ended();
    println!("the server ended {} ms after {after}", begun.elapsed().as_millis());
    assert_eq!((status.code(), errors.as_str()), (Some(1), ""));
}

#[test]
fn leaving_without_goodbye_is_a_failure() {
    let repository = Repository::new();
    let mut client = Client::greeted(repository.path(), &json!({}));
    client.notify("exit", &Value::Null);
    ends_abruptly(client, "`exit`");
    let mut client = Client::greeted(repository.path(), &json!({}));
    client.hang_up();
    ends_abruptly(client, "the end of its input");
}

/// A client that the server asks things of and that answers none of them.
fn mute(root: &Path) -> Client {
    let mut client = Client::start();
    client.fall_silent();
    let asked = json!({
        "workspace": { "configuration": true, "inlayHint": { "refreshSupport": true } },
        "window": { "workDoneProgress": true },
    });
    client.greet(root, &asked);
    client
}

#[test]
fn who_answers_nothing_can_leave_all_the_same() {
    let repository = Repository::with(&[("Layerfile", TEXT)]);
    let mut client = mute(repository.path());
    assert_ne!(client.request("workspace/symbol", &json!({ "query": "" })), json!([]));
    assert_eq!(client.leave().0.code(), Some(0));
    let mut client = mute(repository.path());
    client.notify("workspace/didChangeConfiguration", &json!({ "settings": null }));
    client.notify("exit", &Value::Null);
    ends_abruptly(client, "`exit` of a mute client");
    let mut client = mute(repository.path());
    client.hang_up();
    ends_abruptly(client, "the end of its input from a mute client");
}

/// Waits until a process is gone; a process that nobody has waited for yet counts as gone.
fn is_gone(process: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    status.is_empty() || status.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}

/// The server's input stays open in a third process, so only the parent's death can end it.
#[test]
fn an_orphan_does_not_live_on() {
    let script = r#"
        mkfifo pipe
        exec 3<> pipe
        sleep 300 > /dev/null 2>&1 & echo $!
        "$0" lsp < pipe > answer 2> /dev/null 3>&- & echo $!
        body='{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":'$$',"capabilities":{}}}'
        printf 'Content-Length: %d\r\n\r\n%s' ${#body} "$body" >&3
        until [ -s answer ]; do sleep 0.02; done
    "#;
    let directory = Repository::new();
    let mut command = Command::new("bash");
    command.args(["-c", script]).arg(program()).current_dir(directory.path());
    let output = command.stdin(Stdio::null()).output().expect("bash starts");
    let processes = String::from_utf8_lossy(&output.stdout).into_owned();
    let [holder, server] = processes.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("two processes: {processes}")
    };
    let begun = Instant::now();
    while !is_gone(server) && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
    let gone = is_gone(server);
    println!("the server ended {} ms after its parent", begun.elapsed().as_millis());
    let _holder = Command::new("kill").args([holder, server]).output();
    assert!(gone, "the server outlives its parent");
}

#[test]
fn who_offers_what_the_server_has_never_heard_of_is_served() {
    let repository = Repository::with(&[("Layerfile", TEXT)]);
    let mut client = Client::start();
    let answer = client.greet(
        repository.path(),
        &json!({
            "general": { "positionEncodings": ["utf-64", "utf-8"] },
            "textDocument": {
                "hover": { "contentFormat": ["hologram", "markdown"] },
                "foldingRange": { "foldingRangeKind": { "valueSet": ["comment", "origami"] } },
            },
            "workspace": { "workspaceEdit": { "resourceOperations": ["rename", "teleport"] } },
        }),
    );
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-8");
    let document = uri(&repository.join("Layerfile"));
    let hover = client.request("textDocument/hover", &place(&document, 0, 1));
    assert_eq!(hover["contents"]["kind"], "markdown", "{hover}");
}

#[test]
fn what_is_unknown_or_broken_is_answered_and_the_server_goes_on() {
    let repository = Repository::with(&[("Layerfile", TEXT)]);
    let mut client = Client::greeted(repository.path(), &json!({}));
    for method in ["textDocument/dance", "$/dance"] {
        let unknown = client.try_request(method, &json!({})).expect_err("an error");
        assert_eq!(unknown["code"], -32601, "{method}");
    }
    let broken =
        client.try_request("textDocument/hover", &json!({ "x": 1 })).expect_err("an error");
    assert_eq!(broken["code"], -32602);
    client.notify("$/unheardOf", &json!({}));
    client.notify("textDocument/didChange", &json!({ "textDocument": 3 }));
    let document = uri(&repository.join("Layerfile"));
    assert_ne!(client.request("textDocument/hover", &place(&document, 1, 0)), Value::Null);
}

#[test]
fn who_wants_to_hear_how_long_messages_take_is_told() {
    let repository = Repository::with(&[("Layerfile", TEXT)]);
    let mut client = Client::greeted(repository.path(), &json!({}));
    let place = place(&uri(&repository.join("Layerfile")), 1, 0);
    let about_hover = |params: &Value| {
        params["message"]
            .as_str()
            .is_some_and(|message| message.starts_with("textDocument/hover ("))
    };
    for (level, tells_params) in [("messages", false), ("verbose", true)] {
        client.notify("$/setTrace", &json!({ "value": level }));
        client.request("textDocument/hover", &place);
        let told = client.notification("$/logTrace", about_hover);
        assert!(told["message"].as_str().is_some_and(|message| message.ends_with(" ms")), "{told}");
        assert_eq!(told["verbose"].is_string(), tells_params, "{told}");
    }
}

#[test]
fn requests_before_the_greeting_are_refused() {
    let mut client = Client::start();
    let refusal = client.try_request("textDocument/hover", &place("file:///x", 0, 0));
    assert_eq!(refusal.expect_err("a refusal")["code"], -32002);
}

#[test]
fn a_cancelled_request_is_answered_as_such_or_in_full() {
    let repository = Repository::with(&[("Layerfile", TEXT)]);
    let mut client = Client::greeted(repository.path(), &json!({}));
    let mut cancelled = 0;
    for _ in 0..200 {
        let id = client.begin("workspace/symbol", &json!({ "query": "" }));
        client.notify("$/cancelRequest", &json!({ "id": id }));
        if let Err(error) = client.finish(id) {
            assert_eq!(error["code"], -32800);
            cancelled += 1;
        }
    }
    assert!(cancelled > 0, "no request was ever cancelled");
    assert_ne!(client.request("workspace/symbol", &json!({ "query": "" })), json!([]));
}

#[test]
fn texts_without_a_place_have_their_features() {
    let repository = Repository::new();
    let mut client = Client::greeted(repository.path(), &json!({}));
    let names = [
        "untitled:Untitled-1",
        "git:/x/Layerfile?%7B%22ref%22%3A%22~%22%7D",
        "vscode-vfs://github/a/b/Layerfile",
        "file:///nowhere/at%20all/notes.txt",
    ];
    for name in names {
        client.open(name, "FROM ../base\nRUN a\nCOPY ../../x .\nrun b\n");
        let codes = client.codes(name, |codes| !codes.is_empty());
        assert_eq!(codes, ["LF0011"], "{name}");
        for (method, params) in every_request(name, 1, 2) {
            let answer = client.try_request(&format!("textDocument/{method}"), &params);
            assert!(answer.is_ok(), "{name} {method}: {answer:?}");
        }
        let document = json!({ "textDocument": { "uri": name } });
        client.notify("textDocument/didClose", &document);
        client.codes(name, <[String]>::is_empty);
    }
    let never_opened = client.request("textDocument/hover", &place("git:/other", 0, 0));
    assert_eq!(never_opened, Value::Null);
}

#[test]
fn reading_repositories_is_reported() {
    let repository = Repository::with(&[("Layerfile", TEXT), ("a/Layerfile", TEXT)]);
    let capabilities = json!({ "window": { "workDoneProgress": true } });
    let mut client = Client::greeted(repository.path(), &capabilities);
    let end = client.notification("$/progress", |params| params["value"]["kind"] == "end");
    assert_eq!(end["value"]["message"], "2 Layerfiles");
}

#[test]
fn folders_come_and_go() {
    let one = Repository::with(&[("one/Layerfile", TEXT)]);
    let two = Repository::with(&[("two/Layerfile", TEXT)]);
    let mut client = Client::greeted(one.path(), &json!({}));
    let names = |client: &mut Client| -> Vec<String> {
        let found = client.request("workspace/symbol", &json!({ "query": "" }));
        let list = found.as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|symbol| symbol["name"].as_str().map(str::to_owned)).collect()
    };
    let folder = |path: &Path| json!([{ "uri": uri(path), "name": "x" }]);
    let change =
        |added: Value, removed: Value| json!({ "event": { "added": added, "removed": removed } });
    let method = "workspace/didChangeWorkspaceFolders";
    assert_eq!(names(&mut client), ["one"]);
    client.notify(method, &change(folder(two.path()), json!([])));
    assert_eq!(names(&mut client), ["one", "two"]);
    client.notify(method, &change(json!([]), folder(one.path())));
    assert_eq!(names(&mut client), ["two"]);
}
