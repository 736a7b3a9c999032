//! Inlay hints of the plan: what FROM brings along and from where, what relative words come to, whether SKIP REMAINING IF
//! skips here, and what the next run would do with each step.

use super::conditions::{Verdict, judge};
use super::machine::{self, Machine, Place, Variable};
use super::{outlook, words};
use crate::workspace::FileView;
use crate::workspace::settings::Shown;
use layerc_compiler::directive::{Directive, Instruction};
use layerc_compiler::span::Span;
use ls_types::{
    InlayHint, InlayHintLabel, InlayHintLabelPart, InlayHintLabelPartTooltip, InlayHintTooltip,
    Range,
};
use std::collections::BTreeMap;

/// The hints of the lines in `range`, in order.
pub fn hints(view: FileView<'_>, range: Range) -> Vec<InlayHint> {
    if view.snapshot.settings().inlay_hints == Shown::No {
        return Vec::new();
    }
    let wanted = view.positions().span(range);
    let mut outlooks = BTreeMap::new();
    for outlook in outlook::of_file(view) {
        outlooks.insert(outlook.line, outlook);
    }
    let mut machine = machine::inherited(view);
    let mut hints = Vec::new();
    for (index, directive) in view.analysis().directives.iter().enumerate() {
        if wanted.touches(directive.span.end()) {
            let mut parts = parts(view, directive, &machine);
            parts.extend(split_part(view, index, directive));
            let line = view.analysis().lines.line(directive.span.start()) + 1;
            parts.extend(outlooks.get(&line).and_then(outlook_part));
            hints.extend(hint(view, directive.span, parts));
        }
        machine.advance(view, index);
    }
    hints
}

fn hint(view: FileView<'_>, span: Span, parts: Vec<InlayHintLabelPart>) -> Option<InlayHint> {
    let mut label = Vec::with_capacity(parts.len() * 2);
    for part in parts {
        if !label.is_empty() {
            label.push(plain_part(" · "));
        }
        label.push(part);
    }
    (!label.is_empty()).then(|| InlayHint {
        position: view.positions().position(span.end()),
        label: InlayHintLabel::LabelParts(label),
        kind: None,
        text_edits: None,
        tooltip: None::<InlayHintTooltip>,
        padding_left: Some(true),
        padding_right: None,
        data: None,
    })
}

fn plain_part(text: impl Into<String>) -> InlayHintLabelPart {
    InlayHintLabelPart { value: text.into(), ..InlayHintLabelPart::default() }
}

/// A part that leads to the line that it tells of.
fn linked_part(text: impl Into<String>, place: Place<'_>) -> InlayHintLabelPart {
    InlayHintLabelPart {
        value: text.into(),
        tooltip: Some(InlayHintLabelPartTooltip::String(words::plain(place))),
        location: Some(place.view.location(place.span)),
        command: None,
    }
}

fn parts(
    view: FileView<'_>,
    directive: &Directive,
    before: &Machine<'_>,
) -> Vec<InlayHintLabelPart> {
    match &directive.instruction {
        Instruction::From(_) => inherited_parts(before),
        Instruction::Workdir(word) if !word.value.starts_with(['/', '~']) => {
            let start = before.directory.as_ref().map_or("/root", |directory| &directory.value);
            let value = format!("= {}", machine::joined(start, &word.value));
            match &before.directory {
                Some(directory) => vec![linked_part(value, directory.place)],
                None => vec![plain_part(value)],
            }
        }
        Instruction::Memory(memory) => match &before.memory {
            Some((bytes, largest)) if *bytes > memory.bytes => {
                vec![linked_part(format!("{} in effect", largest.value), largest.place)]
            }
            _ => Vec::new(),
        },
        Instruction::Env(pairs) => {
            let replaced = pairs.iter().filter_map(|pair| {
                let name = &pair.key.value;
                let place = before.variables.get(name.as_str())?.place();
                (place.view.id != view.id).then(|| {
                    linked_part(format!("replaces {name} of {}", words::plain(place)), place)
                })
            });
            replaced.collect()
        }
        Instruction::SkipIf(conditions) => {
            let values = values(view);
            verdict_part(&judge(conditions, &values)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// What a machine brings along through FROM.
fn inherited_parts(machine: &Machine<'_>) -> Vec<InlayHintLabelPart> {
    let mut parts = Vec::new();
    if let Some(directory) = &machine.directory {
        parts.push(linked_part(format!("WORKDIR {}", directory.value), directory.place));
    }
    if let Some(user) = &machine.user {
        parts.push(linked_part(format!("USER {}", user.value), user.place));
    }
    if let Some((_, memory)) = &machine.memory {
        parts.push(linked_part(format!("MEMORY {}", memory.value), memory.place));
    }
    for file in &machine.setup_files {
        parts.push(linked_part(format!("SETUP FILE {}", file.value), file.place));
    }
    let variables: Vec<&Variable<'_>> = machine.variables.values().collect();
    if let [first, ..] = variables.as_slice() {
        let count = variables.len();
        let text = if count == 1 { "1 variable".to_owned() } else { format!("{count} variables") };
        let names: Vec<&str> = machine.variables.keys().copied().collect();
        let mut part = linked_part(text, first.place());
        part.tooltip = Some(InlayHintLabelPartTooltip::String(names.join(", ")));
        parts.push(part);
    }
    parts
}

/// What the built-in variables are on this machine now.
fn values(view: FileView<'_>) -> BTreeMap<String, String> {
    let directory = view.repository.directory();
    let mut values = directory.map(|root| view.snapshot.host().variables(root)).unwrap_or_default();
    if let Some((copy, copies)) = shown_copy(view) {
        values.insert("SPLIT".to_owned(), copy.to_string());
        values.insert("SPLIT_NUM".to_owned(), copies.to_string());
    }
    values
}

fn verdict_part(verdict: &Verdict) -> Option<InlayHintLabelPart> {
    match verdict {
        Verdict::Skips => Some(plain_part("skips the rest now")),
        Verdict::GoesOn { name, value } if value.is_empty() => {
            Some(plain_part(format!("goes on: {name} is empty")))
        }
        Verdict::GoesOn { name, value } => {
            Some(plain_part(format!("goes on: {name} is {}", words::shortened(value))))
        }
        Verdict::Open { .. } => None,
    }
}

fn outlook_part(line: &outlook::LineOutlook) -> Option<InlayHintLabelPart> {
    let mut part = plain_part(line.words(words::shortened)?);
    part.tooltip = line.reason().cloned().map(InlayHintLabelPartTooltip::String);
    Some(part)
}

/// The copy whose values are shown, and how many there are; `None` without an ordered SPLIT or a choice.
pub fn shown_copy(view: FileView<'_>) -> Option<(u32, u32)> {
    let copies = super::lenses::ordered_split(view)?.1;
    let chosen = view.snapshot.settings().shown_copies.get(view.document.uri().as_str());
    chosen.map(|copy| (*copy, copies)).filter(|(copy, _)| *copy < copies)
}

/// The values of SPLIT and SPLIT_NUM for an instruction that uses them, when a copy was chosen.
fn split_part(
    view: FileView<'_>,
    index: usize,
    directive: &Directive,
) -> Option<InlayHintLabelPart> {
    let (copy, copies) = shown_copy(view)?;
    let (split, _) = super::lenses::ordered_split(view)?;
    if index < split {
        return None;
    }
    let text = view.slice(directive.span);
    let values = [("SPLIT", copy), ("SPLIT_NUM", copies)];
    let used = values.iter().filter(|(name, _)| uses(text, name));
    let shown: Vec<String> = used.map(|(name, value)| format!("{name}={value}")).collect();
    (!shown.is_empty()).then(|| plain_part(shown.join(" ")))
}

/// Whether a text has `$NAME` or `${NAME`.
fn uses(text: &str, name: &str) -> bool {
    let behind = |start: usize| text.get(start + name.len()..).and_then(|rest| rest.chars().next());
    let ends =
        |next: Option<char>| !next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '_');
    text.match_indices(name).any(|(start, _)| {
        let before = text.get(..start).unwrap_or_default();
        (before.ends_with('$') || before.ends_with("${")) && ends(behind(start))
    })
}
