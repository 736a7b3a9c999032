//! Public Layerfiles with the vendor's verdict on each: accepted or not.

use crate::differences::Differences;
use crate::verdict::{Difference, Verdict, ours};
use layerc_compiler::diagnostic::{Applicability, Severity};
use layerc_compiler::parser::parse;
use layerc_compiler::span::FileId;
use layerc_tests::{reference, skip};
use std::path::Path;

/// Name, text and whether the vendor accepts, of every public file.
fn files(folder: &Path) -> Vec<(String, String, bool)> {
    let corpus = folder.join("corpus");
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let mut files = Vec::new();
    for line in index.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let bytes = std::fs::read(corpus.join(cells[0])).unwrap();
        files.push((
            cells[0].to_owned(),
            String::from_utf8_lossy(&bytes).into_owned(),
            cells[4] == "accept",
        ));
    }
    files
}

/// Compares acceptance; what the vendor read is not recorded for these.
pub(crate) fn compare(folder: &Path, differences: &mut Differences) {
    for (name, text, vendor_accepts) in files(folder) {
        let (verdict, codes) = ours(&text);
        match (vendor_accepts, verdict) {
            (true, Verdict::Rejected) => {
                differences.claim(&name, &text, Difference::WeReject, &codes);
            }
            (false, Verdict::Accepted(..)) => {
                differences.claim(&name, &text, Difference::WeAccept, &codes);
            }
            _ => {}
        }
    }
}

#[test]
fn every_prefix_of_a_public_file_is_read() {
    let Some(folder) = reference::folder() else {
        skip::skipped("prefixes of public files", "no folder `shared` beside the repository");
        return;
    };
    for (name, text, _) in files(&folder) {
        // Long files repeat what short ones have; every byte of them would take minutes.
        let step = 1 + text.len() / 1000;
        for (end, _) in text.char_indices().step_by(step) {
            let parsed = parse(FileId::new(0), &text[..end]);
            let covered: u32 = parsed.tokens.iter().map(|token| token.span.len()).sum();
            assert_eq!(covered as usize, end, "{name} up to byte {end}");
        }
    }
}

#[test]
fn no_public_file_is_full_of_warnings() {
    let Some(folder) = reference::folder() else {
        skip::skipped("findings in public files", "no folder `shared` beside the repository");
        return;
    };
    let files = files(&folder);
    let accepted: Vec<_> = files.iter().filter(|(_, _, accepted)| *accepted).collect();
    let noisy = accepted.iter().filter(|(_, text, _)| {
        let findings = parse(FileId::new(0), text).diagnostics;
        findings.iter().filter(|finding| finding.severity >= Severity::Warning).count() > 2
    });
    let (noisy, all) = (noisy.count(), accepted.len());
    assert!(noisy * 20 <= all, "{noisy} of {all} accepted files have more than two findings");
}

/// What a file says, for comparison: its instructions and its comments.
fn said(text: &str) -> Vec<String> {
    let parsed = parse(FileId::new(0), text);
    let instructions: Vec<_> =
        parsed.directives.into_iter().map(|directive| directive.instruction).collect();
    let (from, rest) = crate::notation::render(&instructions);
    let comments = parsed.comments.iter().map(|comment| comment.text.trim_end().to_owned());
    std::iter::once(from).chain(rest).chain(comments).collect()
}

#[test]
fn formatting_public_files_keeps_what_they_say_and_is_stable() {
    let Some(folder) = reference::folder() else {
        skip::skipped("format of public files", "no folder `shared` beside the repository");
        return;
    };
    for (name, text, _) in files(&folder) {
        let formatted = layerc_compiler::format::format(&text);
        assert_eq!(said(&formatted), said(&text), "{name}");
        assert_eq!(layerc_compiler::format::format(&formatted), formatted, "{name} is not stable");
    }
}

#[test]
fn safe_fixes_of_public_files_make_no_new_errors() {
    let Some(folder) = reference::folder() else {
        skip::skipped("fixes in public files", "no folder `shared` beside the repository");
        return;
    };
    let errors = |text: &str| {
        let findings = parse(FileId::new(0), text).diagnostics;
        findings.into_iter().filter(|finding| finding.severity == Severity::Error).count()
    };
    for (name, text, _) in files(&folder) {
        let findings = parse(FileId::new(0), &text).diagnostics;
        let fixes = findings.iter().flat_map(|finding| &finding.fixes);
        for fix in fixes.filter(|fix| fix.applicability == Applicability::Safe) {
            let fixed =
                layerc_compiler::edits::apply(&text, &fix.edits).expect("edits fit their text");
            assert_ne!(fixed, text, "{name}: {:?} changes nothing", fix.title);
            assert!(errors(&fixed) <= errors(&text), "{name}: {:?} makes an error", fix.title);
        }
    }
}
