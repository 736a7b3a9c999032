//! Any text as a Layerfile: it is read without a panic, no byte is lost, and every position that is spoken of exists.

#![no_main]

use layerc_compiler::parser::parse;
use layerc_compiler::span::{FileId, Span};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let parsed = parse(FileId::new(0), &text);
    let mut end = 0;
    for token in &parsed.tokens {
        assert_eq!(token.span.range().start, end, "a gap or an overlap in the tokens");
        end = token.span.range().end;
    }
    assert_eq!(end, text.len(), "the tokens don't cover the text");
    for diagnostic in &parsed.diagnostics {
        check(&text, diagnostic.primary.span);
        diagnostic.related.iter().for_each(|label| check(&text, label.span));
        diagnostic.fixes.iter().flat_map(|fix| &fix.edits).for_each(|edit| check(&text, edit.span));
    }
});

fn check(text: &str, span: Span) {
    assert!(text.get(span.range()).is_some(), "{span:?} is not a piece of the text");
}
