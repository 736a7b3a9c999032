//! Changes in the form that each client takes: what one can't do is refused or left out as a whole, never done by halves.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON indexed by a name gives null where there is none"
)]

use layerc_tests::language_server::{Client, place, uri};
use layerc_tests::repository::Repository;
use serde_json::{Value, json};

/// What a client takes, said as editors say it.
struct Taker {
    workspace_edit: Value,
    /// Whether it shows what can't be done.
    disabled: bool,
    /// Whether files can be moved and made, and edits come as a list.
    files: bool,
    listed: bool,
}

/// VS Code; Neovim, which has files but doesn't speak of lists; Emacs 30, the other way round; and two that have neither.
fn takers() -> [Taker; 5] {
    let operations = ["create", "rename", "delete"];
    [
        Taker {
            workspace_edit: json!({ "documentChanges": true, "resourceOperations": operations }),
            disabled: true,
            files: true,
            listed: true,
        },
        Taker {
            workspace_edit: json!({ "resourceOperations": operations }),
            disabled: false,
            files: true,
            listed: false,
        },
        Taker {
            workspace_edit: json!({ "documentChanges": true }),
            disabled: false,
            files: false,
            listed: true,
        },
        Taker {
            workspace_edit: json!({ "documentChanges": true, "resourceOperations": [] }),
            disabled: true,
            files: false,
            listed: true,
        },
        Taker { workspace_edit: json!({}), disabled: false, files: false, listed: false },
    ]
}

fn session(repository: &Repository, taker: &Taker) -> Client {
    let actions = json!({ "disabledSupport": taker.disabled });
    let capabilities = json!({
        "workspace": { "workspaceEdit": taker.workspace_edit },
        "textDocument": { "codeAction": actions },
    });
    Client::greeted(repository.path(), &capabilities)
}

/// What a change does to files, in its order.
fn operations(edit: &Value) -> Vec<String> {
    let list = edit["documentChanges"].as_array().into_iter().flatten();
    list.filter_map(|change| change["kind"].as_str().map(str::to_owned)).collect()
}

fn repository() -> Repository {
    let web = "FROM ../base\nENV MODE=fast\nRUN sudo make $MODE\n";
    Repository::with(&[
        (".git/HEAD", ""),
        ("base/Layerfile", "FROM vm/ubuntu:18.04\n"),
        ("web/Layerfile", web),
    ])
}

/// A session of each of them, over a repository of its own.
fn sessions() -> impl Iterator<Item = (Taker, Repository, Client)> {
    takers().into_iter().map(|taker| {
        let repository = repository();
        let client = session(&repository, &taker);
        (taker, repository, client)
    })
}

/// Texts are changed in the form that the client takes.
fn assert_has_the_form(taker: &Taker, edit: &Value) {
    let form = if taker.listed { "documentChanges" } else { "changes" };
    assert!(edit[form].is_array() || edit[form].is_object(), "{form}: {edit}");
}

fn renamed(client: &mut Client, at: &Value, name: &str) -> Result<Value, Value> {
    let mut params = at.clone();
    params["newName"] = json!(name);
    client.try_request("textDocument/rename", &params)
}

#[test]
fn layers_are_renamed_where_directories_can_be_moved_and_refused_with_words_elsewhere() {
    for (taker, repository, mut client) in sessions() {
        let web = uri(&repository.join("web/Layerfile"));
        let layer = place(&web, 0, 9);
        let prepared = client.try_request("textDocument/prepareRename", &layer);
        let answer = renamed(&mut client, &layer, "core");
        if taker.files {
            assert_eq!(prepared.expect("a name")["placeholder"], "base");
            assert_eq!(operations(&answer.expect("a change")), ["rename"]);
        } else {
            for refusal in [prepared, answer] {
                let refusal = refusal.expect_err("the directory would stay");
                let words = refusal["message"].as_str().unwrap_or_default();
                assert!(words.contains("moves no files") && words.contains("by hand"), "{words}");
            }
        }
        let text = renamed(&mut client, &place(&web, 1, 5), "SPEED").expect("texts alone");
        assert_has_the_form(&taker, &text);
    }
}

#[test]
fn actions_that_need_files_are_offered_where_files_can_be_made() {
    for (taker, repository, mut client) in sessions() {
        let web = uri(&repository.join("web/Layerfile"));
        let line = |line: u32| json!({ "line": line, "character": 0 });
        let actions = |client: &mut Client| {
            let range = json!({ "start": line(1), "end": line(3) });
            let params = json!({
                "textDocument": { "uri": web }, "range": range, "context": { "diagnostics": [] },
            });
            let answer = client.request("textDocument/codeAction", &params);
            let titled = |part: &str| {
                let list = answer.as_array().into_iter().flatten();
                list.clone()
                    .find(|action| action["title"].as_str().unwrap().contains(part))
                    .cloned()
            };
            [titled("off in layerc.toml"), titled("new layer")]
        };
        for action in actions(&mut client) {
            match (taker.files, taker.disabled) {
                (true, _) => assert_eq!(operations(&action.expect("offered")["edit"])[0], "create"),
                (false, true) => {
                    let action = action.expect("shown");
                    assert_eq!(action["edit"], Value::Null, "{action}");
                    let reason = action["disabled"]["reason"].as_str().unwrap_or_default();
                    assert!(reason.contains("makes no files"), "{action}");
                }
                (false, false) => assert_eq!(action, None, "half a change is none"),
            }
        }
        // With the file there, nobody has to make it.
        repository.write("layerc.toml", "[lints]\n");
        client.notify("workspace/didChangeWatchedFiles", &json!({ "changes": [] }));
        let [off, _] = actions(&mut client);
        let edit = &off.expect("offered to all")["edit"];
        assert_eq!(operations(edit), [""; 0]);
        assert_has_the_form(&taker, edit);
    }
}
