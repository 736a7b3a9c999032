//! The table of `spec/vendor-differences.md`: the only differences there may be.

use crate::verdict::Difference;
use layerc_tests::project_files::read;
use std::collections::{BTreeMap, BTreeSet};

/// One allowed difference.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    name: String,
    differences: Vec<Difference>,
    /// Codes of findings, or quoted texts, one of which every input of this row has.
    marks: BTreeSet<String>,
}

/// The table, and which rows something was found for.
#[derive(Debug)]
pub(crate) struct Differences {
    rows: Vec<Row>,
    used: BTreeMap<String, usize>,
    unclaimed: Vec<String>,
}

impl Differences {
    /// Reads the table.
    pub(crate) fn read() -> Self {
        let page = read("spec/vendor-differences.md");
        let rows: Vec<Row> = page.lines().filter_map(row).collect();
        assert!(!rows.is_empty(), "spec/vendor-differences.md has no table");
        Self { rows, used: BTreeMap::new(), unclaimed: Vec::new() }
    }

    /// Finds the rows that allow a difference; remembers an input that none allows.
    pub(crate) fn claim(
        &mut self,
        name: &str,
        input: &str,
        difference: Difference,
        codes: &[String],
    ) {
        let has_mark = |mark: &String| {
            let quoted = mark.strip_prefix('"').and_then(|mark| mark.strip_suffix('"'));
            quoted.map_or_else(|| codes.contains(mark), |text| input.contains(text))
        };
        let allows =
            |row: &&Row| row.differences.contains(&difference) && row.marks.iter().any(has_mark);
        let names: Vec<String> =
            self.rows.iter().filter(allows).map(|row| row.name.clone()).collect();
        if names.is_empty() {
            self.unclaimed.push(format!("{difference}, with {codes:?}: {name}"));
        }
        for name in names {
            *self.used.entry(name).or_default() += 1;
        }
    }

    /// Fails on inputs that no row allows.
    pub(crate) fn check_claimed(&self) {
        let unclaimed = self.unclaimed.join("\n");
        assert!(
            self.unclaimed.is_empty(),
            "no row of spec/vendor-differences.md allows these:\n{unclaimed}"
        );
    }

    /// Fails on rows that allow nothing that happens.
    pub(crate) fn check_used(&self) {
        let unused: Vec<&str> = self
            .rows
            .iter()
            .map(|row| row.name.as_str())
            .filter(|name| !self.used.contains_key(*name))
            .collect();
        assert!(
            unused.is_empty(),
            "no recorded input shows these rows of spec/vendor-differences.md: {unused:?}"
        );
    }
}

/// Reads `| name | kinds | marks | … |`; `None` for any other line.
fn row(line: &str) -> Option<Row> {
    let mut cells = line.trim().strip_prefix('|')?.split('|').map(str::trim);
    let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?.to_owned();
    let kind = |text: &str| match text.trim() {
        "we reject" => Difference::WeReject,
        "we accept" => Difference::WeAccept,
        "we read differently" => Difference::WeReadDifferently,
        other => panic!("row {name}: `{other}` is no kind of difference"),
    };
    let differences = cells.next()?.split(',').map(kind).collect();
    let marks = cells.next()?.split(',').map(|mark| mark.trim().to_owned()).collect();
    Some(Row { name, differences, marks })
}
