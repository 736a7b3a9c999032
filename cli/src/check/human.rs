//! The report for people: excerpts of all findings, and a last line that counts.

use crate::compilation::{Compilation, Counts, numbered};
use crate::excerpts::excerpts;
use crate::repository::LAYERFILE_NAME;
use std::cmp::Reverse;

/// The findings, a blank line between them, and a last line that counts.
pub(super) fn report(compilation: &Compilation) -> String {
    excerpts(compilation, compilation.findings()) + &summary(compilation)
}

fn summary(compilation: &Compilation) -> String {
    let counts = Counts::of(compilation.findings());
    let checked =
        compilation.compiled.project.ids().filter(|id| compilation.is_in_scope(*id)).count();
    let checked = numbered(checked, LAYERFILE_NAME);
    let found: Vec<String> =
        [(counts.errors, "error"), (counts.warnings, "warning"), (counts.hints, "hint")]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, noun)| numbered(number, noun))
            .collect();
    let silenced = match compilation.suppressed() {
        0 => String::new(),
        number => format!(" ({number} silenced by comments)"),
    };
    let gravest = compilation.findings().min_by_key(|finding| Reverse(finding.severity));
    match gravest {
        None => format!("{checked} checked, nothing to complain about{silenced}\n"),
        Some(finding) => {
            let (found, code) = (found.join(", "), finding.code);
            format!(
                "{found} in {checked}{silenced}; `layerc explain {code}` says more about a finding\n"
            )
        }
    }
}
