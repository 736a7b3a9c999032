//! The language server, as a client feels it: one long file, a thousand Layerfiles, the start; peers beside it.
//!
//! Times are from the client's last byte out to the answer's last byte in, through a pipe, of the whole process.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON indexed by a name gives null where there is none"
)]

use crate::clock::{median, milliseconds};
use crate::table::{Goal, Table, Unit};
use layerc_tests::language_server::{Client, place, uri};
use layerc_tests::project_files::root;
use layerc_tests::repository::Repository;
use layerc_tests::skip::skipped;
use serde_json::{Value, json};
use std::path::Path;

/// Lines of the long file.
pub(crate) const LINES: usize = 5_000;

/// Files of the large repository.
pub(crate) const FILES: usize = 1_000;

const ROUNDS: usize = 41;

/// As many as it takes to say what 99 of 100 take.
const MANY_ROUNDS: usize = 400;

pub(crate) fn measure(table: &mut Table) {
    long_file(table);
    many_files(table);
    start(table);
    size(table);
    crate::language_peers::measure(table);
}

/// A file in the proportions of real ones: mostly RUN, one in four over two lines.
fn layerfile(lines: usize) -> String {
    let mut text = "FROM vm/ubuntu:22.04\n".to_owned();
    for number in 1..=lines / 10 {
        text.push_str(&format!(
            "# part {number}\nRUN apt-get update && \\\n    apt-get install --yes package-{number}\nRUN echo {number} > /srv/{number}\n\
             ENV KEY_{number}=value-{number} OTHER_{number}=\"$HOME/x\"\nWORKDIR /srv/{number}\n\nCHECKPOINT part-{number}\n\
             RUN BACKGROUND sleep {number}\nRUN cat {number} | grep -v $KEY_{number}\n"
        ));
    }
    text
}

fn asked(client: &mut Client, method: &str, params: impl Fn(usize) -> Value) -> (f64, f64) {
    asked_in(ROUNDS, client, method, params)
}

/// The median of some rounds, and the slowest but one in a hundred.
pub(crate) fn asked_in(
    rounds: usize,
    client: &mut Client,
    method: &str,
    params: impl Fn(usize) -> Value,
) -> (f64, f64) {
    let mut times: Vec<f64> = (0..rounds)
        .map(|round| {
            let params = params(round);
            milliseconds(|| client.request(method, &params)).0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let late = times.iter().rev().nth(rounds / 100).copied().unwrap_or_default();
    (median(times), late)
}

/// Types one letter at the end of a line and gives the text that the line has then.
fn type_letter(client: &mut Client, uri: &str, line: usize, version: usize) {
    let at = json!({ "line": line, "character": 0 });
    let change = json!({ "range": { "start": at, "end": at }, "text": "# x\n" });
    let document = json!({ "uri": uri, "version": version });
    let params = json!({ "textDocument": document, "contentChanges": [change] });
    client.notify("textDocument/didChange", &params);
}

/// Milliseconds from an edit to the diagnostics of its version.
fn edit_to_diagnostics(client: &mut Client, uri: &str, line: usize, version: usize) -> f64 {
    let shown = |params: &Value| params["uri"] == uri && params["version"] == version;
    milliseconds(|| {
        type_letter(client, uri, line, version);
        client.notification("textDocument/publishDiagnostics", shown)
    })
    .0
}

fn long_file(table: &mut Table) {
    let text = layerfile(LINES);
    let repository = Repository::with(&[("Layerfile", &text)]);
    let name = uri(&repository.join("Layerfile"));
    let mut client = Client::greeted(repository.path(), &json!({}));
    client.open(&name, &text);
    let document = json!({ "textDocument": { "uri": name } });
    let (tokens, _) = asked(&mut client, "textDocument/semanticTokens/full", |_| document.clone());
    let what = "5,000-line file in the editor: semantic tokens";
    table.figure(what, tokens, Unit::Milliseconds, Goal::AtMost(10.0));
    let deltas = (0..ROUNDS).map(|round| delta(&mut client, &name, round + 2)).collect();
    table.figure(
        "the same, what an edit changed",
        median(deltas),
        Unit::Milliseconds,
        Goal::AtMost(2.0),
    );
    let edits = (0..ROUNDS)
        .map(|round| edit_to_diagnostics(&mut client, &name, LINES / 2, ROUNDS + 2 + round))
        .collect();
    table.figure("edit to diagnostics", median(edits), Unit::Milliseconds, Goal::AtMost(10.0));
    for (what, method) in
        [("hover", "textDocument/hover"), ("completion", "textDocument/completion")]
    {
        let (_, late) = asked_in(MANY_ROUNDS, &mut client, method, |round| {
            place(&name, u32::try_from(round * 100 % LINES).unwrap_or(0), 2)
        });
        let what = format!("{what}, 99 of 100");
        table.figure(&what, late, Unit::Milliseconds, Goal::AtMost(5.0));
    }
}

/// Milliseconds for the tokens that one edit changed; the edit itself and its analysis are waited for before.
fn delta(client: &mut Client, name: &str, version: usize) -> f64 {
    let document = json!({ "textDocument": { "uri": name } });
    let before = client.request("textDocument/semanticTokens/full", &document);
    edit_to_diagnostics(client, name, LINES / 2, version);
    let known = json!({ "textDocument": { "uri": name }, "previousResultId": before["resultId"] });
    let (elapsed, answer) =
        milliseconds(|| client.request("textDocument/semanticTokens/full/delta", &known));
    assert!(answer["edits"].is_array(), "differences: {answer}");
    elapsed
}

/// One base that all others start from; one in ten waits for the nine before it.
fn one_of_many(number: usize) -> (String, String) {
    let body = "RUN echo a && \\\n    echo $MODE\nENV A=1 B=\"$A\"\nRUN make test\nCHECKPOINT\nRUN ./script --flag \"x y\"\n".repeat(8);
    let text = match number {
        0 => format!("FROM vm/ubuntu:22.04\nENV MODE=fast\n{body}"),
        number if number % 10 == 0 => {
            let waits: String = (number - 9..number).map(|other| format!(" ../{other}")).collect();
            format!("FROM ../0\nWAIT{waits}\n{body}")
        }
        _ => format!("FROM ../0\n{body}"),
    };
    (format!("services/{number}/Layerfile"), text)
}

fn many_files(table: &mut Table) {
    let files: Vec<(String, String)> = (0..FILES).map(one_of_many).collect();
    let borrowed: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let repository = Repository::with(&borrowed);
    let index = median((0..5).map(|_| milliseconds(|| first_symbols(&repository)).0).collect());
    table.figure(
        "1,000 Layerfiles in the editor: from nothing to the first answer",
        index,
        Unit::Milliseconds,
        Goal::AtMost(250.0),
    );
    let mut client = first_symbols(&repository);
    let base = uri(&repository.join("services/0/Layerfile"));
    client.open(&base, &one_of_many(0).1);
    let edits =
        (0..ROUNDS).map(|round| edit_to_diagnostics(&mut client, &base, 3, round + 2)).collect();
    table.figure(
        "an edit of the base of all, to its diagnostics",
        median(edits),
        Unit::Milliseconds,
        Goal::AtMost(15.0),
    );
    let mut of_base = place(&base, 0, 1);
    of_base["context"] = json!({ "includeDeclaration": true });
    let (references, _) = asked(&mut client, "textDocument/references", |_| of_base.clone());
    table.figure("the 999 references to it", references, Unit::Milliseconds, Goal::AtMost(10.0));
    let (symbols, _) = asked(&mut client, "workspace/symbol", |_| json!({ "query": "serv" }));
    table.figure("symbols of the workspace", symbols, Unit::Milliseconds, Goal::AtMost(10.0));
    table.figure("memory of the server", memory(&client), Unit::Mebibytes, Goal::AtMost(60.0));
}

/// A session that has read everything: its first answer names layers.
fn first_symbols(repository: &Repository) -> Client {
    let mut client = Client::greeted(repository.path(), &json!({}));
    let found = client.request("workspace/symbol", &json!({ "query": "services/999" }));
    assert_ne!(found, json!([]), "the layers are known");
    client
}

/// MiB that the server has resident.
pub(crate) fn memory(client: &Client) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", client.process()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kibibytes.unwrap_or_default() / 1_024.0
}

fn start(table: &mut Table) {
    let text = "FROM vm/ubuntu:22.04\nrun x\n";
    let repository = Repository::with(&[("Layerfile", text)]);
    let name = uri(&repository.join("Layerfile"));
    let session = || {
        let mut client = Client::greeted(repository.path(), &json!({}));
        client.open(&name, text);
        client.codes(&name, |codes| !codes.is_empty());
        client
    };
    let elapsed = median((0..ROUNDS).map(|_| milliseconds(session).0).collect());
    table.figure(
        "from the start of the process to the first diagnostic",
        elapsed,
        Unit::Milliseconds,
        Goal::AtMost(30.0),
    );
}

/// What is shipped to editors, which is built for size; where it was not built, there is nothing to say.
fn size(table: &mut Table) {
    let extension = root().join("editors/vscode");
    let made = std::fs::read_dir(&extension).into_iter().flatten().flatten();
    let mut packed =
        made.map(|entry| entry.path()).filter(|path| path.extension() == Some("vsix".as_ref()));
    let Some(packed) = packed.next() else {
        let how = "editors/vscode/package-extension makes it";
        return skipped("the size of the extension and its server", how);
    };
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let kilobytes = |path: &Path| f64::from(u32::try_from(bytes(path) / 1_000).unwrap_or(u32::MAX));
    let server = kilobytes(&extension.join("server/layerc"));
    table.figure("the server in the extension", server, Unit::Kilobytes, Goal::AtMost(12_000.0));
    let packed = kilobytes(&packed);
    table.figure("the extension", packed, Unit::Kilobytes, Goal::AtMost(6_000.0));
}
