//! Language servers of relatives, asked for the same things in the same run: that of Dockerfiles and that of Earthfiles.
//!
//! `tests/bench/install-peers` fetches them; one that isn't there gets a row that says so. Their files have the
//! proportions of ours in their own language.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON indexed by a name gives null where there is none"
)]

use crate::clock::{median, milliseconds};
use crate::language_server::{FILES, LINES, asked_in, memory};
use crate::table::{Goal, Table, Unit};
use layerc_tests::language_server::{Client, place, uri};
use layerc_tests::layerc::Outcome;
use layerc_tests::project_files::root;
use layerc_tests::repository::Repository;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// Some of them take seconds for one answer.
const ROUNDS: usize = 5;

/// A language server and its language.
struct Peer {
    name: &'static str,
    /// Below the folder of the peers.
    program: &'static str,
    arguments: &'static [&'static str],
    language: &'static str,
    file: &'static str,
    /// A file of about this many lines.
    text: fn(usize) -> String,
    /// File `number` of a large repository; `None` for a language whose files don't name each other.
    one_of_many: Option<fn(usize) -> String>,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "dockerfile-language-server 0.15.0",
        program: "node_modules/.bin/docker-langserver",
        arguments: &["--stdio"],
        language: "dockerfile",
        file: "Dockerfile",
        text: dockerfile,
        one_of_many: None,
    },
    Peer {
        name: "earthlyls 0.5.5",
        program: "bin/earthlyls",
        arguments: &[],
        language: "earthfile",
        file: "Earthfile",
        text: earthfile,
        one_of_many: Some(one_earthfile),
    },
];

fn dockerfile(lines: usize) -> String {
    let mut text = "FROM ubuntu:22.04\n".to_owned();
    for number in 1..=lines / 10 {
        text.push_str(&format!(
            "# part {number}\nRUN apt-get update && \\\n    apt-get install --yes package-{number}\nRUN echo {number} > /srv/{number}\n\
             ENV KEY_{number}=value-{number} OTHER_{number}=\"$HOME/x\"\nWORKDIR /srv/{number}\n\nLABEL part={number}\n\
             RUN sleep {number}\nRUN cat {number} | grep -v $KEY_{number}\n"
        ));
    }
    text
}

fn earthfile(lines: usize) -> String {
    let mut text = "VERSION 0.8\nFROM ubuntu:22.04\n".to_owned();
    for number in 1..=lines / 10 {
        text.push_str(&format!(
            "part-{number}:\n    RUN apt-get update && \\\n        apt-get install --yes package-{number}\n    RUN echo {number} > /srv/{number}\n\
             \x20   ENV KEY_{number}=value-{number}\n    WORKDIR /srv/{number}\n    # done\n    RUN sleep {number}\n    RUN cat {number} | grep -v $KEY_{number}\n\n"
        ));
    }
    text
}

/// As ours: one base that all others start from, and as many lines.
fn one_earthfile(number: usize) -> String {
    let from = if number == 0 { "FROM ubuntu:22.04" } else { "FROM ../0+build" };
    let body = "    RUN echo a && \\\n        echo $MODE\n    ENV A=1\n    RUN make test\n    RUN ./script --flag \"x y\"\n".repeat(8);
    format!("VERSION 0.8\nbuild:\n    {from}\n{body}")
}

pub(crate) fn measure(table: &mut Table) {
    let installed = Outcome::of(&mut Command::new(root().join("tests/bench/install-peers")));
    for peer in PEERS {
        if peer.program().is_file() {
            peer.long_file(table);
            peer.many_files(table);
        } else {
            let mut lines = installed.stdout.lines();
            let reason = lines.find(|line| peer.name.starts_with(named(line)));
            table.unmeasured(peer.name, reason.unwrap_or("it is not installed"));
        }
    }
}

/// What a line `SKIPPED: name: reason` is about.
fn named(line: &str) -> &str {
    line.strip_prefix("SKIPPED: ").and_then(|rest| rest.split(':').next()).unwrap_or(line)
}

impl Peer {
    fn program(&self) -> PathBuf {
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        root().join(target).join("bench-peers").join(self.program)
    }

    /// A session, greeting done.
    fn greeted(&self, repository: &Repository) -> Client {
        let mut command = Command::new(self.program());
        command.args(self.arguments);
        let mut client = Client::start_with(command);
        client.greet(repository.path(), &json!({ "textDocument": { "semanticTokens": {
            "requests": { "full": true }, "tokenTypes": [], "tokenModifiers": [], "formats": ["relative"],
        } } }));
        client
    }

    fn row(&self, table: &mut Table, what: &str, value: f64, unit: Unit) {
        table.figure(&format!("{}: {what}", self.name), value, unit, Goal::None);
    }

    fn long_file(&self, table: &mut Table) {
        let text = (self.text)(LINES);
        let repository = Repository::with(&[(self.file, &text)]);
        let name = uri(&repository.join(self.file));
        let mut client = self.greeted(&repository);
        client.open_as(self.language, &name, &text);
        let document = json!({ "textDocument": { "uri": name } });
        let tokens = "textDocument/semanticTokens/full";
        let (tokens, _) = asked_in(ROUNDS, &mut client, tokens, |_| document.clone());
        self.row(table, "semantic tokens of 5,000 lines", tokens, Unit::Milliseconds);
        let edits = edits_to_diagnostics(&mut client, &name, LINES / 2 + 3);
        self.row(table, "edit to diagnostics", edits, Unit::Milliseconds);
        for (what, method) in
            [("hover", "textDocument/hover"), ("completion", "textDocument/completion")]
        {
            let (_, late) = asked_in(ROUNDS, &mut client, method, |round| {
                place(&name, u32::try_from(round * 100 + 4).unwrap_or(0), 5)
            });
            self.row(table, &format!("{what}, the slowest"), late, Unit::Milliseconds);
        }
    }

    fn many_files(&self, table: &mut Table) {
        let Some(one_of_many) = self.one_of_many else { return };
        let files: Vec<(String, String)> = (0..FILES)
            .map(|number| (format!("services/{number}/{}", self.file), one_of_many(number)))
            .collect();
        let borrowed: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let repository = Repository::with(&borrowed);
        let base = uri(&repository.join(&format!("services/0/{}", self.file)));
        let (index, mut client) = milliseconds(|| self.indexed(&repository, &base));
        self.row(table, "1,000 files, to the first answer", index, Unit::Milliseconds);
        let edits = edits_to_diagnostics(&mut client, &base, 3);
        self.row(table, "an edit of the base of all", edits, Unit::Milliseconds);
        let mut of_base = place(&base, 1, 1);
        of_base["context"] = json!({ "includeDeclaration": true });
        let references = "textDocument/references";
        let (references, _) = asked_in(ROUNDS, &mut client, references, |_| of_base.clone());
        self.row(table, "the references to it", references, Unit::Milliseconds);
        let symbols = "workspace/symbol";
        let query = json!({ "query": "build" });
        let (symbols, _) = asked_in(ROUNDS, &mut client, symbols, |_| query.clone());
        self.row(table, "symbols of the workspace", symbols, Unit::Milliseconds);
        self.row(table, "memory", memory(&client), Unit::Mebibytes);
    }

    /// A session that has read everything: it finds symbols.
    fn indexed(&self, repository: &Repository, base: &str) -> Client {
        let mut client = self.greeted(repository);
        let text = self.one_of_many.map(|text| text(0)).unwrap_or_default();
        client.open_as(self.language, base, &text);
        loop {
            let found = client.request("workspace/symbol", &json!({ "query": "build" }));
            if found.as_array().is_some_and(|found| found.len() > 1) {
                return client;
            }
        }
    }
}

/// Milliseconds from an edit to the diagnostics that show it: a line that is no instruction comes and goes.
fn edits_to_diagnostics(client: &mut Client, uri: &str, line: usize) -> f64 {
    let at = json!({ "line": line, "character": 0 });
    let below = json!({ "line": line + 1, "character": 0 });
    let mut times = Vec::new();
    for round in 0..ROUNDS * 2 {
        let (end, text) = if round % 2 == 0 { (&at, "%% no\n") } else { (&below, "") };
        let change = json!({ "range": { "start": at, "end": end }, "text": text });
        let document = json!({ "uri": uri, "version": round + 2 });
        let params = json!({ "textDocument": document, "contentChanges": [change] });
        let shown = |params: &Value| {
            let found = params["diagnostics"].as_array().is_some_and(|found| !found.is_empty());
            params["uri"] == uri && found == (round % 2 == 0)
        };
        times.push(
            milliseconds(|| {
                client.notify("textDocument/didChange", &params);
                client.notification("textDocument/publishDiagnostics", shown)
            })
            .0,
        );
    }
    median(times)
}
