//! What must hold for the file as a whole: one FROM, and it comes first.

use super::reporter::{Reporter, WithFix};
use super::statement::Statement;
use crate::catalog::DirectiveKind;
use crate::rules;
use crate::span::Span;
use std::ops::Range;

/// The order of the instructions seen so far.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The first instruction, if it is not FROM and nothing unreadable stands before it.
    first_other: Option<(Range<u32>, &'static str)>,
    /// The first FROM.
    from: Option<Range<u32>>,
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
        let Some(first) = self.from.clone() else {
            self.from = Some(statement.keyword.clone());
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
            let diagnostic = reporter.at_span(
                &rules::EMPTY_FILE,
                Span::empty(0),
                "this Layerfile holds no instruction",
            );
            reporter
                .say(diagnostic.with_help(
                    "start with what the machine is built from: `FROM vm/ubuntu:18.04`",
                ));
            return;
        }
        let Some((range, name)) = self.first_other else { return };
        let message = format!("the first instruction must be `FROM`, found `{name}`");
        let start = reporter.span(range.start..range.start);
        let diagnostic = reporter.at(&rules::FROM_NOT_FIRST, range, message);
        reporter.say(match self.from {
            Some(from) => {
                let later = reporter.span(from);
                let file = reporter.file();
                diagnostic
                    .with_related(file, later, "`FROM` stands here")
                    .with_help("move `FROM` to the top")
            }
            None => diagnostic
                .with_help("say what the machine is built from: `FROM vm/ubuntu:18.04`")
                .perhaps("insert `FROM vm/ubuntu:18.04`", start, "FROM vm/ubuntu:18.04\n"),
        });
    }
}
