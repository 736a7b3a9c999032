//! Every answer at every offset of every prefix of the cases and of the public files: no panic, no refusal, none slow.
//!
//! A few each time. With `LAYERC_TEST_EVERY_OFFSET=typed`, every prefix at every offset of the instruction that is being typed, and
//! every prefix that ends a line at every offset. With `1`, all 64 million pairs of a prefix and an offset in it. Both want
//! `--release` and take twenty minutes and half a day of one processor. What doesn't depend on the offset is asked once for each
//! prefix; texts that begin alike share prefixes, each of which is done once. Messages and threads are not in here:
//! `tests/tests/language_server/offsets.rs` goes through them.

use crate::features::completion::{self, Snippets};
use crate::features::{
    code_actions, code_lens, folding, formatting, hierarchy, hover, inlay_hints, links, navigation,
    pull, references, rename, selection, semantic_tokens, signature, symbols,
};
use crate::fixture::{Fixture, sections};
use crate::plan::{flattened, graph};
use crate::workspace::FileView;
use ls_types::{Position, Range};
use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Answers that are tried when not all are.
const SAMPLES: usize = 300;
const LONGEST: Duration = Duration::from_millis(50);
/// An answer that takes longer is asked for again, to know better.
const SUSPECT: Duration = Duration::from_millis(10);
/// Somebody else may have had the processor: the quickest of so many tries counts.
const TRIES: usize = 20;

/// What is around the text that is being typed.
const AROUND: &str = "--- base/Layerfile\nFROM vm/ubuntu:18.04\nENV A=1\nSECRET ENV TOKEN\nRUN make\n\
    --- src/main.c\n--- package.json\n--- web/Layerfile\nFROM ../here\nRUN make\n";

/// An answer about a place.
type Ask = fn(FileView<'_>, Position);

/// What is asked about each place, by its method.
const AT_OFFSET: &[(&str, Ask)] = &[
    ("hover", |view, at| drop(black_box(hover::hover(view, at)))),
    ("definition", |view, at| drop(black_box(navigation::definition(view, at)))),
    ("implementation", |view, at| drop(black_box(navigation::implementation(view, at)))),
    ("typeDefinition", |view, at| drop(black_box(navigation::type_definition(view, at)))),
    ("documentHighlight", |view, at| drop(black_box(references::highlight(view, at)))),
    ("linkedEditingRange", |view, at| drop(black_box(references::linked_editing(view, at)))),
    ("references", |view, at| {
        drop(black_box(references::references(view, at, references::Definitions::Included)));
    }),
    ("completion", |view, at| {
        drop(black_box(completion::complete(view, at, Snippets::Understood)));
    }),
    ("signatureHelp", |view, at| drop(black_box(signature::signature(view, at)))),
    ("rename", |view, at| {
        // What can be renamed has a new name that is refused nowhere.
        if let Some(Err(refusal)) =
            rename::prepare(view, at).map(|_| rename::rename(view, at, "RENAMED"))
        {
            panic!("{refusal}");
        }
    }),
    ("prepareCallHierarchy", |view, at| drop(black_box(hierarchy::prepare_calls(view, at)))),
    ("prepareTypeHierarchy", |view, at| drop(black_box(hierarchy::prepare_types(view, at)))),
    ("selectionRange", |view, at| drop(black_box(selection::selection(view, &[at])))),
    ("onTypeFormatting", |view, at| drop(black_box(formatting::on_type(view, at)))),
    ("rangeFormatting", |view, at| drop(black_box(formatting::ranges(view, &[until(at)])))),
    ("inlayHint", |view, at| drop(black_box(inlay_hints::hints(view, until(at))))),
    ("semanticTokens/range", |view, at| drop(black_box(semantic_tokens::range(view, until(at))))),
    ("codeAction", |view, at| {
        let cursor = Range { start: at, end: at };
        drop(black_box(code_actions::actions(view, &code_actions::Wanted::about(cursor))));
    }),
];

/// What is asked about each text, at its end where a place is needed.
const OF_TEXT: &[(&str, Ask)] = &[
    ("formatting", |view, _| drop(black_box(formatting::whole(view)))),
    ("documentSymbol", |view, _| drop(black_box(symbols::document(view)))),
    ("symbol", |view, _| drop(black_box(symbols::workspace(view.snapshot, "")))),
    ("codeLens", |view, _| {
        drop(black_box(code_lens::lenses(view, &code_lens::ClientCommands::new())));
    }),
    ("documentLink", |view, _| drop(black_box(links::links(view)))),
    ("foldingRange", |view, _| drop(black_box(folding::folding(view)))),
    ("semanticTokens/full", |view, _| drop(black_box(semantic_tokens::whole(view)))),
    ("diagnostic", |view, _| {
        drop(black_box(pull::document(view.snapshot, view.document.uri(), None)));
    }),
    ("workspace/diagnostic", |view, _| {
        drop(black_box(pull::workspace(view.snapshot, Vec::new())));
    }),
    ("supertypes and subtypes", |view, _| {
        let uri = view.document.uri();
        drop(black_box(hierarchy::supertypes(view.snapshot, uri)));
        drop(black_box(hierarchy::subtypes(view.snapshot, uri)));
    }),
    ("incoming and outgoing calls", |view, _| {
        let uri = view.document.uri();
        drop(black_box(hierarchy::incoming(view.snapshot, uri)));
        drop(black_box(hierarchy::outgoing(view.snapshot, uri)));
    }),
    ("codeAction of all", |view, at| {
        drop(black_box(code_actions::actions(view, &code_actions::Wanted::about(until(at)))));
    }),
    ("layerc/flattened", |view, _| drop(black_box(flattened::flattened(view)))),
    ("layerc/graph", |view, _| drop(black_box(graph::graph(view)))),
];

const fn until(end: Position) -> Range {
    Range { start: Position { line: 0, character: 0 }, end }
}

/// The slowest answer of some.
#[derive(Debug, Default)]
struct Slowest {
    elapsed: Duration,
    of: String,
    answers: usize,
}

impl Slowest {
    fn ask(&mut self, view: FileView<'_>, at: Position, (name, ask): (&str, Ask)) {
        self.answers += 1;
        let mut elapsed = timed(view, at, ask);
        for _ in 0..TRIES {
            if elapsed > self.elapsed.max(SUSPECT) {
                elapsed = elapsed.min(timed(view, at, ask));
            }
        }
        if elapsed > self.elapsed {
            self.elapsed = elapsed;
            self.of = format!("{name} at {}:{} of\n{}", at.line, at.character, view.text());
        }
    }

    fn or(self, other: Self) -> Self {
        let answers = self.answers + other.answers;
        let slower = if self.elapsed > other.elapsed { self } else { other };
        Self { answers, ..slower }
    }
}

fn timed(view: FileView<'_>, at: Position, ask: Ask) -> Duration {
    let begun = Instant::now();
    ask(view, at);
    begun.elapsed()
}

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

    /// The offsets of a prefix that are tried; in a sample, `seed` says which one.
    fn offsets(self, view: FileView<'_>, seed: usize) -> Vec<usize> {
        let text = view.text();
        let first = match self {
            Self::Sample => seed % (text.len() + 1),
            Self::Typed if !text.ends_with('\n') => {
                let end = u32::try_from(text.len()).expect("a small text");
                code_actions::line_of_instruction(view, end) as usize
            }
            Self::Typed | Self::Whole => 0,
        };
        let count = if self == Self::Sample { 1 } else { usize::MAX };
        let offsets = (first..=text.len()).filter(|offset| text.is_char_boundary(*offset));
        offsets.take(count).collect()
    }
}

/// Asks everything about one text.
fn ask_all(text: &str, extent: Extent, seed: usize) -> Slowest {
    let fixture = Fixture::typing(AROUND, "here/Layerfile", text);
    let view = fixture.view();
    let mut slowest = Slowest::default();
    let mut ask = |offset: usize, all: &[(&str, Ask)]| {
        let at = view.positions().position(u32::try_from(offset).expect("a small text"));
        all.iter().for_each(|one| slowest.ask(view, at, *one));
    };
    ask(text.len(), OF_TEXT);
    extent.offsets(view, seed).into_iter().for_each(|offset| ask(offset, AT_OFFSET));
    slowest
}

/// The Layerfiles of the cases and of the public files; the latter only where they are.
fn texts() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
    let cases = files(&root.join("tests/cases/check")).into_iter().flat_map(|path| {
        let written = sections(&read(&path)).into_iter();
        written.filter(|(path, _)| path.ends_with("Layerfile")).map(|(_, text)| text)
    });
    let mut texts: Vec<String> = cases.collect();
    assert!(texts.len() > 10, "there are cases");
    let around = root.ancestors().skip(1).take(2).map(|place| place.join("shared/corpus"));
    match around.into_iter().find(|folder| folder.is_dir()) {
        Some(folder) => texts.extend(
            files(&folder)
                .iter()
                .filter(|path| path.extension().is_some_and(|extension| extension == "layerfile"))
                .map(|path| read(path)),
        ),
        None => println!("SKIPPED: the public files: they are not beside the repository"),
    }
    texts
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a text")
}

/// Every prefix of the texts, each once, the long ones first.
fn prefixes(texts: &[String]) -> Vec<&str> {
    let every = texts.iter().flat_map(|text| {
        let ends = (0..=text.len()).filter_map(|end| text.get(..end));
        ends.collect::<Vec<_>>()
    });
    let distinct: BTreeSet<&str> = every.collect();
    let mut prefixes: Vec<&str> = distinct.into_iter().collect();
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
    prefixes
}

#[test]
fn every_answer_at_every_offset_of_every_prefix() {
    let (extent, texts) = (Extent::wanted(), texts());
    let prefixes = prefixes(&texts);
    let step = if extent == Extent::Sample { prefixes.len() / SAMPLES } else { 1 };
    let next = AtomicUsize::new(0);
    let slowest = Mutex::new(Slowest::default());
    let work = || {
        let mut own = Slowest::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed) * step;
            let Some(prefix) = prefixes.get(number) else { break };
            own = own.or(ask_all(prefix, extent, number));
            if number.is_multiple_of(1000) && extent != Extent::Sample {
                println!("{number} of {}: {:?}", prefixes.len(), own.elapsed);
            }
        }
        let mut all = slowest.lock().expect("no panic");
        *all = std::mem::take(&mut *all).or(own);
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(4));
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let Slowest { elapsed, of, answers } = slowest.into_inner().expect("no panic");
    println!("{answers} answers, the slowest took {elapsed:?}: {of}");
    assert!(extent == Extent::Sample || elapsed < LONGEST, "{elapsed:?}: {of}");
}
