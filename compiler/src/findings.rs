//! Findings as they are collected: at most so many for one file, so that a generated file can't fill the memory.
//!
//! Hints, warnings and errors are counted apart, so that a file with too many hints still fails for its errors.

use crate::diagnostic::{Diagnostic, Severity};
use crate::limits::MAX_DIAGNOSTICS_PER_FILE;
use crate::span::FileId;
use std::collections::HashMap;

/// A list of findings with room for [`MAX_DIAGNOSTICS_PER_FILE`] of each severity in each file.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Diagnostic>,
    counts: HashMap<(FileId, Severity), usize>,
}

impl Findings {
    /// Adds a finding, if there is room.
    pub(crate) fn push(&mut self, finding: Diagnostic) {
        let count = self.counts.entry((finding.primary.file, finding.severity)).or_default();
        if *count < MAX_DIAGNOSTICS_PER_FILE {
            *count += 1;
            self.list.push(finding);
        }
    }

    /// The findings in the order they came.
    pub(crate) fn into_list(self) -> Vec<Diagnostic> {
        self.list
    }
}

impl Extend<Diagnostic> for Findings {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, findings: T) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }
}

#[cfg(test)]
mod tests {
    use super::Findings;
    use crate::limits::MAX_DIAGNOSTICS_PER_FILE;
    use crate::rules;
    use crate::span::{FileId, Span};

    #[test]
    fn many_hints_leave_room_for_an_error() {
        let mut findings = Findings::default();
        for at in 0..=MAX_DIAGNOSTICS_PER_FILE as u32 {
            findings.push(rules::SUDO_NOT_NEEDED.at(FileId::new(0), Span::empty(at), "a hint"));
        }
        findings.push(rules::SEVERAL_SPLITS.at(FileId::new(0), Span::empty(0), "an error"));
        findings.push(rules::SUDO_NOT_NEEDED.at(FileId::new(1), Span::empty(0), "in another file"));
        assert_eq!(findings.into_list().len(), MAX_DIAGNOSTICS_PER_FILE + 2);
    }
}
