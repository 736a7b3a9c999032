//! Every request at every offset of every prefix of the cases and the public files: an answer, and no error.
//!
//! A sample each time. `LAYERC_TEST_EVERY_OFFSET=typed` does every text as it is typed, letter by letter with the cursor behind
//! it, and every offset of every whole text; `LAYERC_TEST_EVERY_OFFSET=1` does all, which takes days. Both hold each answer
//! to 50 ms.

#![expect(
    clippy::indexing_slicing,
    reason = "the places of a text that were just computed from it"
)]

use layerc_tests::cases::{Case, paths};
use layerc_tests::language_server::{Client, every_request};

use layerc_tests::reference;
use layerc_tests::repository::Repository;
use layerc_tests::skip::skipped;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Places in each set of texts that are tried when not all are.
const SAMPLES: usize = 150;
const LONGEST: Duration = Duration::from_millis(50);
const TRIES: usize = 20;

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Sample,
    Typed,
    Whole,
}

impl Extent {
    fn wanted() -> Self {
        match std::env::var("LAYERC_TEST_EVERY_OFFSET").as_deref() {
            Err(_) => Self::Sample,
            Ok("typed") => Self::Typed,
            Ok(_) => Self::Whole,
        }
    }
}

/// Every prefix with the cursor behind it, and every offset of whole texts.
fn typed(texts: &[String]) -> Vec<(String, usize)> {
    let places = texts.iter().flat_map(|text| {
        let offsets = (0..=text.len()).filter(|offset| text.is_char_boundary(*offset));
        offsets.flat_map(|offset| [(text[..offset].to_owned(), offset), (text.clone(), offset)])
    });
    places.collect()
}

/// Prefixes of a text and offsets in them: all, or some that are spread evenly.
fn places(texts: &[String]) -> Vec<(String, usize)> {
    if Extent::wanted() == Extent::Typed {
        return typed(texts);
    }
    let lengths: Vec<usize> = texts.iter().map(|text| text.len() + 1).collect();
    let pairs: Vec<usize> = lengths.iter().map(|length| length * (length + 1) / 2).collect();
    let total: usize = pairs.iter().sum();
    let is_whole = Extent::wanted() == Extent::Whole;
    let step = if is_whole { 1 } else { (total / SAMPLES).max(1) };
    let mut places = Vec::new();
    let mut before: usize = 0;
    for (text, count) in texts.iter().zip(pairs) {
        let first = before.next_multiple_of(step) - before;
        for pair in (first..count).step_by(step) {
            // Prefix p has p + 1 offsets, so pair number n belongs to the prefix whose triangle holds it.
            let prefix =
                (0..=text.len()).take_while(|p| p * (p + 1) / 2 <= pair).last().unwrap_or(0);
            let offset = pair - prefix * (prefix + 1) / 2;
            if text.is_char_boundary(prefix) && text.is_char_boundary(offset) {
                places.push((text[..prefix].to_owned(), offset));
            }
        }
        before += count;
    }
    places
}

fn position(text: &str, offset: usize) -> (u32, u32) {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let column = offset - before.rfind('\n').map_or(0, |at| at + 1);
    (u32::try_from(line).expect("small"), u32::try_from(column).expect("small"))
}

fn check(repository: &Repository, texts: &[String]) {
    let moves = json!({ "workspaceEdit": { "resourceOperations": ["rename"] } });
    let general = json!({ "positionEncodings": ["utf-8"] });
    let capabilities = json!({ "general": general, "workspace": moves });
    let mut client = Client::greeted(repository.path(), &capabilities);
    let name = layerc_tests::language_server::uri(&repository.join("here/Layerfile"));
    client.open(&name, "");
    let mut version = 1;
    for (prefix, offset) in places(texts) {
        version += 1;
        let document = json!({ "uri": name, "version": version });
        let params = json!({ "textDocument": document, "contentChanges": [{ "text": prefix }] });
        client.notify("textDocument/didChange", &params);
        let (line, character) = position(&prefix, offset);
        for (method, params) in every_request(&name, line, character) {
            ask(&mut client, method, &params, &prefix);
        }
    }
}

fn ask(client: &mut Client, method: &str, params: &Value, prefix: &str) {
    let method = format!("textDocument/{method}");
    let (mut elapsed, answer) = timed(client, &method, params);
    // Somebody else may have had the processor: the quickest of some tries counts.
    let tries = if Extent::wanted() == Extent::Sample { 0 } else { TRIES };
    for _ in 0..tries {
        if elapsed >= LONGEST {
            elapsed = elapsed.min(timed(client, &method, params).0);
        }
    }
    assert!(tries == 0 || elapsed < LONGEST, "{method} took {elapsed:?}: {params}\n{prefix}");
    if let Err(error) = answer {
        // A new name is refused where it can't be one; that is the answer, not a fault.
        let refusal = method.ends_with("/rename") && error["code"] == -32602;
        assert!(refusal, "{method} {params}: {error}\n{prefix}");
    }
}

fn timed(client: &mut Client, method: &str, params: &Value) -> (Duration, Result<Value, Value>) {
    let begun = Instant::now();
    let answer = client.try_request(method, params);
    (begun.elapsed(), answer)
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[test]
fn the_cases_at_every_offset() {
    let cases = paths("check");
    let repository = Repository::with(&[("base/Layerfile", "FROM vm/ubuntu:18.04\nENV A=1\n")]);
    let texts: Vec<String> = cases
        .iter()
        .flat_map(|path| Case::read(path, "findings").repository.layerfiles)
        .map(|file| file.text)
        .collect();
    check(&repository, &texts);
}

#[test]
fn the_public_files_at_every_offset() {
    let Some(folder) = reference::folder() else {
        return skipped(
            "the_public_files_at_every_offset",
            "the public files are not beside the repository",
        );
    };
    let texts: Vec<String> = files(&folder.join("corpus"))
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect();
    check(&Repository::new(), &texts);
}
