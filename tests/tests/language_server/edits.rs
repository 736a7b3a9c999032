//! Ten thousand edits between requests: the server's text is the client's text.

#![expect(clippy::indexing_slicing, reason = "the places of a text that the test makes itself")]

use layerc_tests::language_server::{Client, place};
use layerc_tests::repository::Repository;
use serde_json::{Value, json};

const EDITS: usize = 10_000;
const DOCUMENTS: usize = 3;
/// A text that grows longer is cut, so that edits stay cheap.
const LONGEST: usize = 4_000;

/// What is typed: words of the language, all line ends, characters of every width.
const PIECES: &[&str] = &[
    "RUN echo a",
    "\n",
    "\r\n",
    "\r",
    " ",
    "FROM ",
    "WAIT ../x",
    "é",
    "😀",
    "\u{2028}",
    "$A",
    "# note",
    "\\\n",
    "ENV A=1",
    "\t",
    "",
];

/// A generator of numbers that is the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit.max(1)
    }
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Bytes,
    Utf16,
}

impl Unit {
    fn count(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }
}

/// Line ends as the protocol has them.
fn position(text: &str, offset: usize, unit: Unit) -> Value {
    let before = &text[..offset];
    let bytes = text.as_bytes();
    let ends = |at: &usize| {
        bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
    };
    let starts: Vec<usize> = (0..before.len()).filter(ends).map(|at| at + 1).collect();
    let start = starts.last().copied().unwrap_or(0);
    // Between the two halves of a line end there is no position: it counts as the end of the line.
    let line = before[start..].trim_end_matches('\r');
    json!({ "line": starts.len(), "character": unit.count(line) })
}

fn boundary(text: &str, random: &mut Random) -> usize {
    let offset = text.floor_char_boundary(random.below(text.len() + 1));
    let splits_line_end =
        offset > 0 && text[..offset].ends_with('\r') && text[offset..].starts_with('\n');
    if splits_line_end { offset - 1 } else { offset }
}

/// One random change of `text`, as the client sends it.
fn change(text: &mut String, random: &mut Random, unit: Unit) -> Value {
    let piece = PIECES[random.below(PIECES.len())];
    if text.len() > LONGEST || random.below(500) == 0 {
        *text = piece.to_owned();
        return json!({ "text": piece });
    }
    let (one, other) = (boundary(text, random), boundary(text, random));
    let near = text.floor_char_boundary((one + random.below(8)).min(text.len()));
    let near =
        if text[..near].ends_with('\r') && text[near..].starts_with('\n') { one } else { near };
    let end = if random.below(10) == 0 { other } else { near };
    let (start, end) = (one.min(end), one.max(end));
    let range = json!({ "start": position(text, start, unit), "end": position(text, end, unit) });
    text.replace_range(start..end, piece);
    json!({ "range": range, "text": piece })
}

fn check(offered: &str, unit: Unit) {
    let repository = Repository::new();
    let capabilities = json!({ "general": { "positionEncodings": [offered] } });
    let mut client = Client::greeted(repository.path(), &capabilities);
    let name = |index: usize| {
        layerc_tests::language_server::uri(&repository.join(&format!("{index}/Layerfile")))
    };
    let mut texts = vec!["FROM vm/ubuntu:18.04\n".to_owned(); DOCUMENTS];
    (0..DOCUMENTS).for_each(|index| client.open(&name(index), &texts[index]));
    let mut random = Random(7);
    let mut open = Vec::new();
    for version in 2..EDITS + 2 {
        let index = random.below(DOCUMENTS);
        let count = 1 + random.below(3);
        let changes: Vec<Value> =
            (0..count).map(|_| change(&mut texts[index], &mut random, unit)).collect();
        let document = json!({ "uri": name(index), "version": version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        client.notify("textDocument/didChange", &params);
        if random.below(20) == 0 {
            open.push(client.begin("textDocument/completion", &place(&name(index), 1, 3)));
        }
        if random.below(200) == 0 {
            for id in open.drain(..) {
                client.finish(id).expect("an answer");
            }
            compare(&mut client, &name(index), &texts[index]);
        }
    }
    (0..DOCUMENTS).for_each(|index| compare(&mut client, &name(index), &texts[index]));
}

fn compare(client: &mut Client, uri: &str, text: &str) {
    let params = json!({ "command": "layerc.text", "arguments": [uri] });
    let answer = client.request("workspace/executeCommand", &params);
    assert_eq!(answer["text"].as_str(), Some(text));
}

#[test]
fn texts_stay_the_same_in_bytes() {
    check("utf-8", Unit::Bytes);
}

#[test]
fn texts_stay_the_same_in_utf_16() {
    check("utf-16", Unit::Utf16);
}
