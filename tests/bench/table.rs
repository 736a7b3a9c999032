//! The table: one row per figure, as Markdown, so that it can be put into the README as it is.

use std::fmt;

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// Not above this.
    AtMost(f64),
    /// Not below this.
    AtLeast(f64),
    /// Measured for comparison only.
    None,
}

/// The unit of a figure and of its goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Mebibytes.
    Mebibytes,
    /// Thousands of bytes.
    Kilobytes,
    /// Per cent.
    Percent,
    /// How many times as much.
    Times,
    /// A number of things.
    Count,
}

impl Unit {
    fn show(self, value: f64) -> String {
        let (digits, unit) = match self {
            Self::Milliseconds if value < 10.0 => (2, " ms"),
            Self::Milliseconds => (0, " ms"),
            Self::Microseconds => (1, " µs"),
            Self::Mebibytes if value < 10.0 => (2, " MiB"),
            Self::Mebibytes => (0, " MiB"),
            Self::Kilobytes => (0, " kB"),
            Self::Percent => (1, " %"),
            Self::Times => (2, "×"),
            Self::Count => (0, ""),
        };
        format!("{value:.digits$}{unit}")
    }
}

/// The rows so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<[String; 4]>,
}

impl Table {
    /// A figure with its goal.
    pub(crate) fn figure(&mut self, what: &str, value: f64, unit: Unit, goal: Goal) {
        let (goal_text, verdict) = match goal {
            Goal::AtMost(limit) => (format!("≤ {}", unit.show(limit)), verdict(value <= limit)),
            Goal::AtLeast(limit) => (format!("≥ {}", unit.show(limit)), verdict(value >= limit)),
            Goal::None => (String::new(), ""),
        };
        let row = [what.to_owned(), unit.show(value), goal_text, verdict.to_owned()];
        eprintln!("  {} {} {} {}", row[0], row[1], row[2], row[3]);
        self.rows.push(row);
    }

    /// A figure that can't be measured here, and why.
    pub(crate) fn unmeasured(&mut self, what: &str, reason: &str) {
        eprintln!("  {what}: not measured: {reason}");
        self.rows.push([
            what.to_owned(),
            format!("not measured: {reason}"),
            String::new(),
            String::new(),
        ]);
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "| what | figure | goal | |\n|---|---|---|---|")?;
        for [what, figure, goal, verdict] in &self.rows {
            writeln!(formatter, "| {what} | {figure} | {goal} | {verdict} |")?;
        }
        Ok(())
    }
}
