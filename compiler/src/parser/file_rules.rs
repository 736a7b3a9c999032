//! What must hold for the file as a whole: one FROM, and it comes first.

use super::reporter::{Reporter, WithFix};
use super::statement::Statement;
use crate::catalog::DirectiveKind;
use crate::diagnostic::TextEdit;
use crate::rules;
use crate::span::Span;
use std::ops::Range;

/// The order of the instructions seen so far.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The first instruction, if it is not FROM and nothing unreadable stands before it.
    first_other: Option<(Range<u32>, &'static str)>,
    /// The first FROM: its keyword, and all of it.
    from: Option<(Range<u32>, Range<u32>)>,
    /// Whether a line was not understood but meant FROM.
    from_meant: bool,
    /// Whether any instruction was seen, understood or not.
    any: bool,
}

impl Order {
    /// A line that was not understood; `meant` is what it was probably meant to be.
    pub(super) fn unknown(&mut self, meant: Option<DirectiveKind>) {
        self.any = true;
        self.from_meant |= meant == Some(DirectiveKind::From);
    }

    /// An instruction.
    pub(super) fn directive(&mut self, statement: &Statement<'_>, reporter: &mut Reporter<'_>) {
        self.any = true;
        if statement.info.kind != DirectiveKind::From {
            let is_first = self.from.is_none() && !self.from_meant && self.first_other.is_none();
            if is_first {
                self.first_other = Some((statement.keyword.clone(), statement.name()));
            }
            return;
        }
        let Some((first, _)) = self.from.clone() else {
            self.from = Some((statement.keyword.clone(), statement.range()));
            return;
        };
        let first = reporter.span(first);
        let message = "a Layerfile has one `FROM`, this is the second";
        let help = "describe a second machine in a Layerfile of its own, in another directory";
        let file = reporter.file();
        let diagnostic = reporter.at(&rules::SECOND_FROM, statement.range(), message);
        reporter.say(diagnostic.with_related(file, first, "the first one").with_help(help));
    }

    /// Judges the whole.
    pub(super) fn finish(self, reporter: &mut Reporter<'_>) {
        if !self.any {
            empty(reporter);
            return;
        }
        let Some((range, name)) = self.first_other else { return };
        let message = format!("the first instruction must be `FROM`, found `{name}`");
        let start = reporter.span(range.start..range.start);
        let diagnostic = reporter.at(&rules::FROM_NOT_FIRST, range, message);
        reporter.say(match self.from {
            Some((keyword, whole)) => {
                let (later, whole) = (reporter.span(keyword), reporter.span(whole));
                let text = reporter.original().get(whole.range()).unwrap_or_default();
                let moved = format!("{text}\n");
                let file = reporter.file();
                let mut diagnostic = diagnostic
                    .with_related(file, later, "`FROM` stands here")
                    .with_help("move `FROM` to the top")
                    .perhaps("move `FROM` to the top", start, moved);
                let gone = TextEdit { file, span: whole, replacement: String::new() };
                diagnostic.fixes.iter_mut().for_each(|fix| fix.edits.push(gone.clone()));
                diagnostic
            }
            None => diagnostic
                .with_help("say what the machine is built from: `FROM vm/ubuntu:18.04`")
                .perhaps("insert `FROM vm/ubuntu:18.04`", start, "FROM vm/ubuntu:18.04\n"),
        });
    }
}

/// No instruction: FROM is missing, behind the comments that there are.
fn empty(reporter: &mut Reporter<'_>) {
    let text = reporter.original();
    let end = if text.trim_end().ends_with('\\') { "" } else { text };
    let line_end = if end.is_empty() || end.ends_with('\n') { "" } else { "\n" };
    let place = Span::empty(u32::try_from(end.len()).unwrap_or(0));
    let diagnostic =
        reporter.at_span(&rules::EMPTY_FILE, Span::empty(0), "this Layerfile holds no instruction");
    reporter.say(
        diagnostic
            .with_help("start with what the machine is built from: `FROM vm/ubuntu:18.04`")
            .perhaps(
                "insert `FROM vm/ubuntu:18.04`",
                place,
                format!("{line_end}FROM vm/ubuntu:18.04\n"),
            ),
    );
}
