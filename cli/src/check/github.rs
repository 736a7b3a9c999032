//! Findings as workflow commands of GitHub Actions, which shows them beside the changed lines.

use super::place::Places;
use crate::compilation::Compilation;
use layerc_compiler::diagnostic::{Diagnostic, Severity};
use layerc_compiler::rules;

/// One line for each finding.
pub(super) fn report(compilation: &Compilation) -> String {
    let mut places = Places::new(compilation);
    compilation.findings().filter_map(|finding| command(finding, &mut places)).collect()
}

fn command(finding: &Diagnostic, places: &mut Places<'_>) -> Option<String> {
    let place = places.find(finding.primary.file, finding.primary.span)?;
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "notice",
    };
    let name = rules::by_code(finding.code).map_or("", |rule| rule.name);
    let help = finding.help.iter().map(|help| format!("\nhelp: {help}"));
    let message = help.fold(finding.message.clone(), |message, help| message + &help);
    Some(format!(
        "::{command} file={},line={},endLine={},col={},endColumn={},title={}::{}\n",
        property(place.path.as_str()),
        place.start.line,
        place.end.line,
        place.start.column,
        place.end.column,
        property(&format!("{} {name}", finding.code)),
        data(&message)
    ))
}

/// Text behind `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
