//! The commands of RUN with a real ShellCheck: its findings at their exact places, its fixes, and what the machine inherits.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON indexed by a name gives null where there is none"
)]

use layerc_tests::language_server::{Client, uri};
use layerc_tests::repository::Repository;
use layerc_tests::skip::skipped;
use serde_json::{Value, json};
use std::process::Command;

/// A parent whose variables the commands of its child have, and a child that names one that nobody sets.
const FILES: &[(&str, &str)] = &[
    ("base/Layerfile", "FROM vm/ubuntu:18.04\nENV greeting=hi\nSECRET ENV token\n"),
    (
        "unit/Layerfile",
        "FROM ../base\nRUN test -n \"$greeting\" && test -n \"$token\" && \\\n    echo \"$nosuch\" $greeting\n",
    ),
];

/// Code, line and columns of what ShellCheck finds.
fn found(params: &Value) -> Vec<(String, u64, u64, u64)> {
    let of_shellcheck = |finding: &&Value| finding["source"] == "shellcheck";
    let place = |finding: &Value| {
        let number = |end: &str, key: &str| finding["range"][end][key].as_u64().expect("a number");
        let code = finding["code"].as_str().expect("a code").to_owned();
        (code, number("start", "line"), number("start", "character"), number("end", "character"))
    };
    let findings = params["diagnostics"].as_array().into_iter().flatten();
    findings.filter(of_shellcheck).map(place).collect()
}

#[test]
fn shellcheck_knows_what_is_inherited_and_points_through_continuations() {
    if Command::new("shellcheck").arg("--version").output().is_err() {
        return skipped("shellcheck_knows_what_is_inherited", "ShellCheck is not installed");
    }
    let repository = Repository::with(FILES);
    let unit = uri(&repository.join("unit/Layerfile"));
    let mut client = Client::greeted(repository.path(), &json!({}));
    client.open(&unit, FILES[1].1);
    let told = client.notification("textDocument/publishDiagnostics", |params| {
        params["uri"] == unit && found(params).len() == 2
    });
    let unset = ("SC2154".to_owned(), 2, 10, 17);
    let unquoted = ("SC2086".to_owned(), 2, 19, 28);
    assert_eq!(found(&told), [unset, unquoted], "{told}");
    let at = json!({ "line": 2, "character": 21 });
    let params = json!({
        "textDocument": { "uri": unit }, "range": { "start": at, "end": at },
        "context": { "diagnostics": [], "only": ["quickfix"] },
    });
    let actions = client.request("textDocument/codeAction", &params);
    let fix = actions.as_array().into_iter().flatten().find(|action| action["isPreferred"] == true);
    let edits = fix.expect("ShellCheck's fix")["edit"]["changes"][&unit].clone();
    let columns = edits.as_array().into_iter().flatten();
    let columns: Vec<(&Value, &Value)> =
        columns.map(|edit| (&edit["range"]["start"]["character"], &edit["newText"])).collect();
    let quote = json!("\"");
    assert_eq!(columns, [(&json!(19), &quote), (&json!(28), &quote)]);
}
