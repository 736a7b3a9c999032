//! EXPOSE WEBSITE: two targets for one path, and ports that belong to the other scheme.

use super::{Checked, File, found};
use crate::diagnostic::Diagnostic;
use crate::directive::{ExposeWebsite, Instruction, Scheme};
use crate::rules;
use crate::span::{OWN_FILE, Span};
use std::collections::BTreeMap;

pub(super) fn check(file: &File<'_>, checked: &mut Checked) {
    let mut routed: BTreeMap<&str, (&ExposeWebsite, Span)> = BTreeMap::new();
    for directive in file.directives() {
        let Instruction::ExposeWebsite(expose) = &directive.instruction else { continue };
        scheme(expose, checked);
        if let Some(before) = routed.insert(&expose.path.value, (expose, directive.span)) {
            checked.add(repeated(expose, directive.span, before));
        }
    }
}

/// A path that an earlier instruction already routed, to the same target or another.
fn repeated(
    expose: &ExposeWebsite,
    span: Span,
    (before, place): (&ExposeWebsite, Span),
) -> Diagnostic {
    let path = &expose.path.value;
    if (expose.scheme, expose.port, &expose.rewrite)
        == (before.scheme, before.port, &before.rewrite)
    {
        return found(
            &rules::EXPOSE_REPEATED,
            span,
            format!("`{path}` is already routed to this target"),
        )
        .with_related(OWN_FILE, place, "here")
        .with_help("remove one of the two");
    }
    found(
        &rules::EXPOSE_REPEATED,
        span,
        format!("`{path}` was already routed; the last target gets all its requests"),
    )
    .with_related(OWN_FILE, place, "never gets a request")
    .with_help("give each target a path of its own, for example `/api`")
}

/// A port that is known for the other scheme, or a slip of one.
fn scheme(expose: &ExposeWebsite, checked: &mut Checked) {
    let message = match (expose.scheme, expose.port) {
        (Scheme::Http, 443) => "port 443 is where servers speak https, but this says http",
        (Scheme::Https, 80) => "port 80 is where servers speak http, but this says https",
        (_, 433) => "port 433 is nothing that web servers use: https is 443",
        _ => return,
    };
    let finding = found(&rules::EXPOSE_SCHEME, expose.target.span, message);
    checked.add(
        finding.with_help("requests fail if the server in the machine speaks the other protocol"),
    );
}
