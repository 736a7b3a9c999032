//! Files that change under the server: on disk without a word, and by the editor with one.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON indexed by a name gives null where there is none"
)]

use layerc_tests::language_server::{Client, uri};
use layerc_tests::repository::Repository;
use serde_json::{Value, json};

#[test]
fn the_server_sees_the_disk_by_itself() {
    let repository = Repository::with(&[("web/Layerfile", "FROM ../base\nCOPY notes.txt .\n")]);
    let mut client = Client::greeted(repository.path(), &json!({}));
    let web = uri(&repository.join("web/Layerfile"));
    client.codes(&web, |codes| codes == ["LF0100", "LF0113"]);
    repository.write("base/Layerfile", "FROM vm/ubuntu:18.04\n");
    client.codes(&web, |codes| codes == ["LF0113"]);
    repository.write("web/notes.txt", "");
    client.codes(&web, <[String]>::is_empty);
    repository.rename("base", "core");
    client.codes(&web, |codes| codes == ["LF0100"]);
    repository.write("web/Layerfile", "FROM /core\n");
    client.codes(&web, <[String]>::is_empty);
    repository.write("layerc.toml", "[lints]\nsudo-not-needed = \"error\"\n");
    repository.write("web/Layerfile", "FROM /core\nRUN sudo x\n");
    client.notification("textDocument/publishDiagnostics", |params| {
        params["diagnostics"][0]["severity"] == 1
    });
}

#[test]
fn unsaved_text_counts_over_the_disk() {
    let repository = Repository::with(&[("web/Layerfile", "FROM ../new\n")]);
    let mut client = Client::greeted(repository.path(), &json!({}));
    let (web, new) =
        (uri(&repository.join("web/Layerfile")), uri(&repository.join("new/Layerfile")));
    client.codes(&web, |codes| codes == ["LF0100"]);
    client.open(&new, "FROM vm/ubuntu:18.04\n");
    client.codes(&web, <[String]>::is_empty);
    repository.write("web/Layerfile", "FROM ../new\nrun x\n");
    client.codes(&web, |codes| codes == ["LF0011"]);
    client.open(&web, "FROM ../new\n");
    client.codes(&web, <[String]>::is_empty);
    client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": web } }));
    client.codes(&web, |codes| codes == ["LF0011"]);
    client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": new } }));
    client.codes(&web, |codes| codes.contains(&"LF0100".to_owned()));
}

/// The text of a document after a workspace edit of the plain kind.
fn after(edit: &Value, document: &str, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for change in edit["changes"][document].as_array().into_iter().flatten() {
        let at = |end: &str, key: &str| {
            usize::try_from(change["range"][end][key].as_u64().expect("a number")).expect("small")
        };
        assert_eq!(at("start", "line"), at("end", "line"), "edits of words stay on a line");
        let line = &mut lines[at("start", "line")];
        let new = change["newText"].as_str().expect("a text");
        line.replace_range(at("start", "character")..at("end", "character"), new);
    }
    lines.join("\n")
}

#[test]
fn moving_deleting_and_making_files_brings_edits() {
    let text = "FROM ../base\nWAIT /unit\nCOPY ../base/x.txt .";
    let repository = Repository::with(&[
        ("base/Layerfile", "FROM vm/ubuntu:18.04\n"),
        ("base/x.txt", ""),
        ("unit/Layerfile", "FROM ../base\n"),
        ("web/Layerfile", text),
    ]);
    let mut client = Client::greeted(repository.path(), &json!({}));
    let web = uri(&repository.join("web/Layerfile"));
    let name = |path: &str| uri(&repository.join(path));
    let moved = json!({ "files": [{ "oldUri": name("base"), "newUri": name("images/base") }] });
    let edit = client.request("workspace/willRenameFiles", &moved);
    let expected = "FROM ../images/base\nWAIT /unit\nCOPY ../images/base/x.txt .";
    assert_eq!(after(&edit, &web, text), expected);
    let gone = json!({ "files": [{ "uri": name("unit") }] });
    let edit = client.request("workspace/willDeleteFiles", &gone);
    assert_eq!(edit["changes"][&web][0]["range"]["start"]["line"], 1);
    let made = json!({ "files": [{ "uri": name("web/e2e/Layerfile") }] });
    let edit = client.request("workspace/willCreateFiles", &made);
    assert_eq!(edit["changes"][name("web/e2e/Layerfile")][0]["newText"], "FROM ..\n");
}
