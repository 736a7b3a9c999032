//! A circle of FROM and WAIT, told in every file that is part of it, and in every file that waits for one that is.
//!
//! The compiler reports a circle once, in its first file, with the others as related places: enough for a terminal. In
//! an editor somebody looks at one file.

use crate::workspace::FileView;
use layerc_compiler::diagnostic::{Diagnostic, Label};
use layerc_compiler::project::Parent;
use layerc_compiler::rules;
use layerc_compiler::span::{FileId, Span};

/// What is to be said in `view` besides its own findings.
pub fn mirrored(view: FileView<'_>) -> Vec<Diagnostic> {
    let circles = view
        .repository
        .compiled()
        .diagnostics
        .iter()
        .filter(|finding| finding.code == rules::DEPENDENCY_CYCLE.code);
    let mut found = Vec::new();
    let mut tangled = Vec::new();
    for circle in circles {
        tangled.extend(files_of(circle));
        found.extend(seen_from(view, circle));
    }
    if !tangled.contains(&view.id) && !tangled.is_empty() {
        found.extend(dead_ends(view, &tangled));
    }
    found
}

/// The files that take part in a circle.
fn files_of(circle: &Diagnostic) -> impl Iterator<Item = FileId> + '_ {
    std::iter::once(circle.primary.file).chain(circle.related.iter().map(|label| label.file))
}

/// The circle, told from a file that isn't its first.
fn seen_from(view: FileView<'_>, circle: &Diagnostic) -> Option<Diagnostic> {
    if circle.primary.file == view.id {
        return None;
    }
    let own = circle.related.iter().position(|label| label.file == view.id)?;
    let mut related = circle.related.clone();
    let primary = related.remove(own);
    let text = "the circle begins here".to_owned();
    related.insert(0, Label { text, ..circle.primary.clone() });
    Some(Diagnostic { primary, related, fixes: Vec::new(), ..circle.clone() })
}

/// The FROM and WAITs of a file that lead into a circle, so that they never end.
fn dead_ends(view: FileView<'_>, tangled: &[FileId]) -> Vec<Diagnostic> {
    let Some(linked) = view.linked() else { return Vec::new() };
    let mut found = Vec::new();
    for directive in &linked.directives {
        let parent = match linked.parent {
            Parent::File(parent) if Some(directive) == linked.directives.first() => Some(parent),
            Parent::File(_) | Parent::Image(_) | Parent::Unresolved => None,
        };
        let needed = parent.into_iter().chain(directive.waits.iter().copied());
        found.extend(needed.filter_map(|target| dead_end(view, directive.span, target, tangled)));
    }
    found
}

fn dead_end(
    view: FileView<'_>,
    span: Span,
    target: FileId,
    tangled: &[FileId],
) -> Option<Diagnostic> {
    let reached = reaches(view, target, tangled)?;
    let name = |id: FileId| view.sibling(id).map(|file| file.document.path().to_string());
    let (target, circle) = (name(target)?, name(reached)?);
    let why = if target == circle {
        format!("`{target}` never starts: it is part of a circle of files that need each other")
    } else {
        format!("`{target}` never starts: it needs `{circle}`, which is part of a circle")
    };
    Some(rules::DEPENDENCY_CYCLE.at(view.id, span, why).with_related(
        reached,
        view.sibling(reached)?.analysis().directives.first()?.span,
        "part of the circle",
    ))
}

/// A file of a circle that `start` needs, itself included.
fn reaches(view: FileView<'_>, start: FileId, tangled: &[FileId]) -> Option<FileId> {
    let project = view.repository.project();
    let mut seen = vec![start];
    let mut next = 0;
    while let Some(id) = seen.get(next).copied() {
        if tangled.contains(&id) {
            return Some(id);
        }
        let file = project.files.get(id.index())?;
        let parent = match file.parent {
            Parent::File(parent) => Some(parent),
            Parent::Image(_) | Parent::Unresolved => None,
        };
        let waits = file.directives.iter().flat_map(|linked| linked.waits.iter().copied());
        for needed in parent.into_iter().chain(waits) {
            if !seen.contains(&needed) {
                seen.push(needed);
            }
        }
        next += 1;
    }
    None
}
