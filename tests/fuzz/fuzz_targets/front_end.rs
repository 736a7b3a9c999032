//! Any text as a Layerfile: it is read, checked and formatted without a panic, no byte is lost, every position that is
//! spoken of exists, and formatting changes nothing but the layout.

#![no_main]

use layerc_compiler::diagnostic::Diagnostic;
use layerc_compiler::format::format;
use layerc_compiler::link::compile;
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::parser::parse;
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::NoSources;
use layerc_compiler::span::{FileId, Span};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes).into_owned();
    check_tokens(&text);
    let formatted = format(&text);
    assert_eq!(format(&formatted), formatted, "formatting twice is not formatting once");
    assert_eq!(instructions(&text), instructions(&formatted), "formatting changed the number of instructions");
    let path = RepoPath::new("Layerfile").expect("a path");
    let files = [SourceFile { path, text: text.clone() }];
    let compiled = compile(&files, &NoSources, &LintConfiguration::default());
    compiled.diagnostics.iter().for_each(|diagnostic| check_places(&text, diagnostic));
});

fn check_tokens(text: &str) {
    let mut end = 0;
    for token in parse(FileId::new(0), text).tokens {
        assert_eq!(token.span.range().start, end, "a gap or an overlap in the tokens");
        end = token.span.range().end;
    }
    assert_eq!(end, text.len(), "the tokens don't cover the text");
}

fn instructions(text: &str) -> usize {
    parse(FileId::new(0), text).directives.len()
}

fn check_places(text: &str, diagnostic: &Diagnostic) {
    check(text, diagnostic.primary.span);
    diagnostic.related.iter().for_each(|label| check(text, label.span));
    diagnostic.fixes.iter().flat_map(|fix| &fix.edits).for_each(|edit| check(text, edit.span));
}

fn check(text: &str, span: Span) {
    assert!(text.get(span.range()).is_some(), "{span:?} is not a piece of the text");
}
