//! Checks of one well-formed file: each looks at the instructions and adds what it finds.
//!
//! They see no other file; where an ancestor could make a finding wrong, it is deferred to linking.
//! One module for each subject, one function for each rule.

mod deferred;
mod expose;
mod memory;
mod names;
mod plain_secrets;
mod reachability;
mod replaced;
mod runs;
mod secrets;
mod shell_syntax;
mod variables;

pub(crate) use deferred::{Deferred, Inherited, NeedsSecret, Refutation};

use crate::diagnostic::{Applicability, Diagnostic, Fix, TextEdit};
use crate::directive::{Directive, Instruction, Run, Word};
use crate::facts::Facts;
use crate::findings::Findings;
use crate::limits::MAX_DIAGNOSTICS_PER_FILE;
use crate::rules::Rule;
use crate::source_map::LogicalText;
use crate::span::{OWN_FILE, Span};
use std::ops::Range;
use std::sync::Arc;

/// The file that is checked.
#[derive(Debug)]
pub(crate) struct File<'a> {
    /// Its original text.
    pub(crate) text: &'a str,
    /// Its instructions.
    pub(crate) directives: &'a [Arc<Directive>],
    /// What was summed up of it.
    pub(crate) facts: &'a Facts,
}

/// What the checks of a file find.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Findings that stand.
    pub(crate) findings: Findings,
    /// Findings that an ancestor can refute.
    pub(crate) deferred: Vec<Deferred>,
    /// Findings that hold only if an ancestor has a secret.
    pub(crate) needs_secret: Vec<NeedsSecret>,
}

impl Checked {
    fn add(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    fn defer(&mut self, unless: Refutation, finding: Diagnostic) {
        if self.deferred.len() < MAX_DIAGNOSTICS_PER_FILE {
            self.deferred.push(Deferred { unless, finding });
        }
    }

    fn if_inherited(&mut self, secret: Inherited, finding: Diagnostic) {
        if self.needs_secret.len() < MAX_DIAGNOSTICS_PER_FILE {
            self.needs_secret.push(NeedsSecret { secret, finding });
        }
    }
}

/// Runs every check.
pub(crate) fn check_file(file: &File<'_>, checked: &mut Checked) {
    memory::check(file, checked);
    variables::check(file, checked);
    secrets::check(file, checked);
    plain_secrets::check(file, checked);
    reachability::check(file, checked);
    expose::check(file, checked);
    runs::check(file, checked);
    shell_syntax::check(file, checked);
    names::check(file, checked);
    replaced::check(file, checked);
}

impl<'a> File<'a> {
    /// The instructions in order.
    fn directives(&self) -> impl DoubleEndedIterator<Item = &'a Directive> + use<'a> {
        self.directives.iter().map(Arc::as_ref)
    }

    /// The commands of RUN in order, with their instructions.
    fn runs(&self) -> impl Iterator<Item = (&'a Directive, &'a Run)> + use<'a> {
        self.directives().filter_map(|directive| match &directive.instruction {
            Instruction::Run(run) => Some((directive, run)),
            _ => None,
        })
    }

    /// The way from the logical text of `word` back to the original.
    fn located(&self, word: &Word) -> Located<'a> {
        let original = self.text.get(word.span.range()).unwrap_or_default();
        let map = LogicalText::new(original);
        let map = (map.text() == word.value).then_some(map);
        Located { word: word.span, map }
    }
}

/// Turns ranges of a word's logical text into spans of the original text.
#[derive(Debug)]
struct Located<'a> {
    word: Span,
    /// `None` if the value isn't the text at the span; then every part is the whole word.
    map: Option<LogicalText<'a>>,
}

impl Located<'_> {
    fn span(&self, part: &Range<usize>) -> Span {
        let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let Some(map) = &self.map else { return self.word };
        let inner = map.span(narrow(part.start)..narrow(part.end));
        Span::new(self.word.start() + inner.start(), self.word.start() + inner.end())
    }
}

/// A finding in the file that is checked.
fn found(rule: &Rule, span: Span, message: impl Into<String>) -> Diagnostic {
    rule.at(OWN_FILE, span, message)
}

/// A fix of several edits in the file that is checked.
fn fix(
    title: &str,
    applicability: Applicability,
    edits: impl IntoIterator<Item = (Span, String)>,
) -> Fix {
    let edit = |(span, replacement)| TextEdit { file: OWN_FILE, span, replacement };
    Fix { title: title.to_owned(), applicability, edits: edits.into_iter().map(edit).collect() }
}

/// What to delete so that an instruction loses the word at `span`: the whole instruction if it has no other.
pub(crate) fn without_word(directive: &Directive, words: &[Word], span: Span) -> Span {
    if words.len() < 2 {
        return directive.span;
    }
    let index = words.partition_point(|word| word.span.start() < span.start());
    let before = index.checked_sub(1).and_then(|before| words.get(before));
    Span::new(before.map_or(directive.keyword.end(), |word| word.span.end()), span.end())
}
