//! ENV and ARG.

use super::quoting::{self, Part};
use super::variables;
use super::words;
use super::writer::Writer;
use crate::catalog;

/// Variables that Docker's builder sets without being asked.
const BUILDER_VARIABLES: [&str; 8] = [
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
];

/// Writes ENV.
pub(super) fn write_env(writer: &mut Writer<'_>) {
    let arguments = writer.instruction.arguments();
    let pairs = pairs(&arguments);
    if pairs.is_empty() {
        return writer.leave_out("ENV names no variable with a value");
    }
    note_order(writer, &pairs);
    let before = writer.state.variables.clone();
    let mut written = Vec::new();
    for (name, parts) in &pairs {
        written.push(format!("{name}={}", quoting::assignment(parts)));
        writer.state.variables.set(name, before.value(parts).ok());
    }
    writer.write(&format!("ENV {}", written.join(" ")));
}

/// Writes ARG: a variable with a default is set to it, one that is built in becomes part of the cache key.
pub(super) fn write_arg(writer: &mut Writer<'_>) {
    let arguments = writer.instruction.arguments();
    for word in words::quoted_words(&arguments) {
        let (name, default) = match word.split_once('=') {
            Some((name, value)) => (name, Some(variables::parts(value))),
            None => (
                word,
                writer.stages.global.get(word).map(|value| vec![Part::Literal(value.to_owned())]),
            ),
        };
        if let Some(parts) = default {
            writer.state.variables.set(name, writer.state.variables.value(&parts).ok());
            let text = format!("ENV {name}={}", quoting::assignment(&parts));
            writer.write(&text);
            writer.note(format!(
                "`{name}` always has its default here: a run takes no build arguments"
            ));
        } else if catalog::variable(name).is_some() {
            writer.write(&format!("BUILD ENV {name}"));
        } else {
            let why = if BUILDER_VARIABLES.contains(&name) {
                format!(
                    "`{name}` is set by Docker's builder and by nothing here: write the value where it is used, or an ENV"
                )
            } else {
                format!(
                    "`{name}` has no value here: write an ENV, or SECRET ENV if it is one that must stay secret"
                )
            };
            writer.leave_out(why);
        }
    }
}

/// The variables of ENV with their values: `name=value…` or the old form `name value`.
fn pairs(arguments: &str) -> Vec<(String, Vec<Part>)> {
    let words = words::quoted_words(arguments);
    let Some(first) = words.first() else { return Vec::new() };
    if first.contains('=') {
        let assignments = words.iter().filter_map(|word| word.split_once('='));
        return assignments
            .map(|(name, value)| (name.to_owned(), variables::parts(value)))
            .collect();
    }
    let value = arguments.strip_prefix(*first).unwrap_or_default().trim();
    if value.is_empty() { Vec::new() } else { vec![((*first).to_owned(), variables::parts(value))] }
}

/// In Docker the values of one ENV see the variables as they were before it.
fn note_order(writer: &mut Writer<'_>, pairs: &[(String, Vec<Part>)]) {
    for (index, (name, parts)) in pairs.iter().enumerate() {
        let earlier = pairs.get(..index).unwrap_or_default();
        let uses = |earlier: &str| parts.iter().any(|part| uses_variable(part, earlier));
        if let Some((used, _)) = earlier.iter().find(|(earlier, _)| uses(earlier)) {
            let text = format!(
                "here `{name}` sees the new value of `{used}`, in Docker the one before this ENV"
            );
            writer.note(text);
        }
    }
}

fn uses_variable(part: &Part, name: &str) -> bool {
    let Part::Expanded(text) = part else { return false };
    let rest = text
        .strip_prefix("${")
        .or_else(|| text.strip_prefix('$'))
        .and_then(|rest| rest.strip_prefix(name));
    rest.is_some_and(|rest| {
        !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
    })
}
