//! Runner names: what people see a Layerfile called while it runs.
//!
//! A LABEL display_name, else up to two parent directory names joined by `-`, else `main-layerfile`. Split copies
//! append `-2`, `-3`, …. Names are unique within a project: of files that would share one, the first by path keeps
//! it, a later one takes more of its directories, and when those are used up a number: `api.2`.

use layerc_compiler::repo_path::RepoPath;
use std::collections::{BTreeMap, HashMap};

/// What the name of a Layerfile at the repository root is.
const ROOT_NAME: &str = "main-layerfile";

/// How many directory names make the usual name.
const USUAL_DIRECTORIES: usize = 2;

/// The names given so far.
#[derive(Debug, Default)]
pub(crate) struct RunnerNames {
    /// Name to number of copies.
    taken: HashMap<String, u32>,
    /// For names of the form `stem-3`: the stem and the smallest such number, from 2 up.
    smallest_numbered: BTreeMap<String, u32>,
}

impl RunnerNames {
    /// A name for the Layerfile in `directory`, `copies` of which run, and no other's.
    pub(crate) fn give(
        &mut self,
        directory: &RepoPath,
        label: Option<&str>,
        copies: u32,
    ) -> String {
        let name = candidates(directory, label)
            .find(|candidate| self.is_free(candidate, copies))
            .unwrap_or_else(|| unreachable_name(directory));
        if let Some((stem, number)) = copy_number(&name) {
            let smallest = self.smallest_numbered.entry(stem.to_owned()).or_insert(number);
            *smallest = number.min(*smallest);
        }
        self.taken.insert(name.clone(), copies);
        name
    }

    /// Whether neither `name` nor one of its copies is or would be called like another.
    fn is_free(&self, name: &str, copies: u32) -> bool {
        let is_a_copy = copy_number(name).is_some_and(|(stem, number)| {
            self.taken.get(stem).is_some_and(|copies| number <= *copies)
        });
        let has_it_as_copy =
            self.smallest_numbered.get(name).is_some_and(|number| *number <= copies);
        !self.taken.contains_key(name) && !is_a_copy && !has_it_as_copy
    }
}

/// The names to try, best first; endless.
fn candidates(directory: &RepoPath, label: Option<&str>) -> impl Iterator<Item = String> {
    let directories: Vec<&str> = directory.components().collect();
    let first = label.map_or_else(|| last_joined(&directories, USUAL_DIRECTORIES), str::to_owned);
    let longer: Vec<String> = match label {
        Some(_) => Vec::new(),
        None => (USUAL_DIRECTORIES + 1..=directories.len())
            .map(|count| last_joined(&directories, count))
            .collect(),
    };
    let numbered = longer.last().unwrap_or(&first).clone();
    std::iter::once(first)
        .chain(longer)
        .chain((2_u32..).map(move |number| format!("{numbered}.{number}")))
}

/// The last `count` names joined by `-`.
fn last_joined(directories: &[&str], count: usize) -> String {
    let kept = directories.get(directories.len().saturating_sub(count)..).unwrap_or(directories);
    if kept.is_empty() { ROOT_NAME.to_owned() } else { kept.join("-") }
}

/// Splits `stem-3` into its stem and 3, for numbers that a split copy can have.
fn copy_number(name: &str) -> Option<(&str, u32)> {
    let (stem, digits) = name.rsplit_once('-')?;
    let is_written_like_a_copy = !digits.starts_with(['0', '+']);
    let number = digits.parse().ok().filter(|number| is_written_like_a_copy && *number >= 2)?;
    Some((stem, number))
}

/// The full path; only reached if more than four thousand million Layerfiles share a name.
fn unreachable_name(directory: &RepoPath) -> String {
    directory.as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::RunnerNames;
    use layerc_compiler::repo_path::RepoPath;

    fn names(files: &[(&str, Option<&str>, u32)]) -> Vec<String> {
        let mut names = RunnerNames::default();
        let directory = |path: &str| RepoPath::new(path).expect("a path in the repository");
        files
            .iter()
            .map(|(path, label, copies)| names.give(&directory(path), *label, *copies))
            .collect()
    }

    #[test]
    fn a_name_comes_from_label_directories_or_root() {
        assert_eq!(
            names(&[
                ("", None, 1),
                ("Layerfiles/Tests/Cypress", None, 1),
                ("api", None, 1),
                ("x", Some("Deploy"), 1)
            ]),
            ["main-layerfile", "Tests-Cypress", "api", "Deploy"]
        );
    }

    #[test]
    fn equal_names_grow_by_directories_and_then_by_number() {
        assert_eq!(
            names(&[
                ("a/x/y", None, 1),
                ("b/x/y", None, 1),
                ("c", Some("x-y"), 1),
                ("d", Some("x-y"), 1),
                ("x/y", None, 1)
            ]),
            ["x-y", "b-x-y", "x-y.2", "x-y.3", "x-y.4"]
        );
    }

    #[test]
    fn copies_count_as_names() {
        assert_eq!(
            names(&[("a", None, 3), ("a-2", None, 1), ("a-4", None, 1)]),
            ["a", "a-2.2", "a-4"]
        );
        assert_eq!(names(&[("a-3", None, 1), ("b", Some("a"), 3)]), ["a-3", "a.2"]);
        assert_eq!(names(&[("a-3", None, 1), ("b", Some("a"), 2)]), ["a-3", "a"]);
    }
}
