//! Two versions of a text as a unified diff, additions green and removals red.

use anstyle::{AnsiColor, Style};
use similar::TextDiff;

const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const PLACE: Style = AnsiColor::Cyan.on_default();

/// The diff of a file; `patch -p1` understands it without its styles.
pub(crate) fn unified(path: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let (old, new) = (format!("a/{path}"), format!("b/{path}"));
    diff.unified_diff().header(&old, &new).to_string().lines().map(styled).collect()
}

fn styled(line: &str) -> String {
    let style = match line.as_bytes().first() {
        Some(b'+') => ADDED,
        Some(b'-') => REMOVED,
        Some(b'@') => PLACE,
        _ => Style::new(),
    };
    format!("{style}{line}{style:#}\n")
}
