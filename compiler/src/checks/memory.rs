//! MEMORY: where it stands and how often.

use super::{Checked, File, fix, found};
use crate::diagnostic::{Applicability, Fix};
use crate::directive::{Directive, FromSource, Instruction, Memory};
use crate::rules;
use crate::span::{OWN_FILE, Span};

pub(super) fn check(file: &File<'_>, checked: &mut Checked) {
    let mut run: Option<&Directive> = None;
    let mut first: Option<(&Directive, &Memory)> = None;
    for directive in file.directives() {
        match &directive.instruction {
            Instruction::Run(_) => run = run.or(Some(directive)),
            Instruction::Memory(memory) => {
                match (first, run) {
                    (Some(before), _) => checked.add(repeated(directive, memory, before)),
                    (None, Some(run)) if starts_machine(file) => {
                        checked.add(late(file, directive, run));
                    }
                    (None, _) => {}
                }
                first = first.or(Some((directive, memory)));
            }
            _ => {}
        }
    }
}

/// Whether the machine is started for this file: FROM names an image.
fn starts_machine(file: &File<'_>) -> bool {
    let mut directives = file.directives();
    directives
        .any(|directive| matches!(directive.instruction, Instruction::From(FromSource::Image(_))))
}

/// A MEMORY below a RUN counts for the whole machine all the same, which its place hides.
fn late(file: &File<'_>, directive: &Directive, run: &Directive) -> crate::diagnostic::Diagnostic {
    let message =
        "the machine has this memory from its start, so MEMORY belongs above the first RUN";
    let mut finding = found(&rules::MEMORY_LATE, directive.span, message).with_related(
        OWN_FILE,
        run.keyword,
        "the first RUN",
    );
    match move_below_from(file, directive) {
        Some(fix) => finding.fixes.push(fix),
        None => finding.help = Some("move it below FROM".to_owned()),
    }
    finding
}

/// Takes the line of the instruction out and puts the instruction below FROM.
fn move_below_from(file: &File<'_>, directive: &Directive) -> Option<Fix> {
    let from = file.directives().find(|other| matches!(other.instruction, Instruction::From(_)))?;
    let line = whole_line(file.text, directive.span)?;
    let text = file.text.get(directive.span.range())?;
    let line_end = if file.text.contains("\r\n") { "\r\n" } else { "\n" };
    let below = Span::empty(from.span.end());
    let edits = [(below, format!("{line_end}{text}")), (line, String::new())];
    Some(fix("move it below FROM", Applicability::Safe, edits))
}

/// The lines of `span` with their line end, if they hold nothing else.
fn whole_line(text: &str, span: Span) -> Option<Span> {
    let before = text.get(..span.start() as usize)?;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let after = text.get(span.end() as usize..)?;
    let rest = after.find('\n').map_or(after.len(), |end| end + 1);
    let alone = before.get(start..)?.trim().is_empty() && after.get(..rest)?.trim().is_empty();
    let end = span.end() + u32::try_from(rest).ok()?;
    alone.then(|| Span::new(u32::try_from(start).unwrap_or(0), end))
}

/// Several MEMORY instructions don't add up: the largest counts.
fn repeated(
    directive: &Directive,
    memory: &Memory,
    before: (&Directive, &Memory),
) -> crate::diagnostic::Diagnostic {
    let (first, first_memory) = before;
    let largest = if memory.bytes > first_memory.bytes { memory } else { first_memory };
    let message =
        format!("MEMORY doesn't add up: the machine gets the largest, `{}`", largest.text.value);
    found(&rules::MEMORY_REPEATED, directive.span, message)
        .with_related(OWN_FILE, first.span, "memory was asked for here")
        .with_help("keep one MEMORY with all that the machine needs")
}
