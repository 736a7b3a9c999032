//! Names of websites: `<runner>-<run>.localhost`, one label that DNS would take, different for different runners.

use std::collections::HashSet;

/// Longest label that DNS and browsers take.
const LONGEST_LABEL: usize = 63;

/// What every website's host ends with. Browsers lead it to the loopback by themselves.
const SUFFIX: &str = ".localhost";

/// The labels of a run's runners.
#[derive(Debug, Clone)]
pub struct HostLabels {
    run: String,
    given: HashSet<String>,
}

impl HostLabels {
    /// For the runners of this run.
    pub fn new(run: &str) -> Self {
        Self { run: run.to_owned(), given: HashSet::new() }
    }

    /// The label of the next runner; the same runners in the same order get the same.
    pub fn give(&mut self, runner: &str) -> String {
        let mut number = 1_u32;
        loop {
            let mark = if number == 1 { String::new() } else { format!("-x{number}") };
            let room = LONGEST_LABEL.saturating_sub(self.run.len() + 1 + mark.len());
            let label = format!("{}{mark}-{}", plain(runner, room), self.run);
            if self.given.insert(label.clone()) {
                return label;
            }
            number += 1;
        }
    }
}

/// A name with the characters that labels have.
fn plain(name: &str, room: usize) -> String {
    let allowed = |character: char| {
        let character = character.to_ascii_lowercase();
        if character.is_ascii_alphanumeric() { character } else { '-' }
    };
    let name: String = name.chars().map(allowed).take(room).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "runner".to_owned() } else { name.to_owned() }
}

/// What a request's Host names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// The website of this label.
    Site(String),
    /// `localhost` itself: no website's, but this computer's.
    Index,
    /// Something that doesn't belong here: a name that was made to lead to the loopback, for one.
    Foreign,
}

/// What a Host header with or without a port means.
pub(super) fn asked(host: &str) -> Asked {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    match name.as_str() {
        "localhost" | "127.0.0.1" | "[::1]" => Asked::Index,
        _ => match name.strip_suffix(SUFFIX) {
            Some(label) if !label.contains('.') => Asked::Site(label.to_owned()),
            _ => Asked::Foreign,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runners_get_labels_that_dns_takes() {
        let mut labels = HostLabels::new("k3f9x2ab");
        assert_eq!(labels.give("Tests-Cypress"), "tests-cypress-k3f9x2ab");
        assert_eq!(labels.give("api.2"), "api-2-k3f9x2ab");
        assert_eq!(labels.give("api-2"), "api-2-x2-k3f9x2ab");
        assert_eq!(labels.give("…"), "runner-k3f9x2ab");
        assert_eq!(labels.give(&"x".repeat(200)).len(), LONGEST_LABEL);
        assert_eq!(labels.give(&"x".repeat(201)).len(), LONGEST_LABEL);
    }

    #[test]
    fn hosts_name_a_website_this_computer_or_something_foreign() {
        assert_eq!(asked("Web-k3f.localhost:8080"), Asked::Site("web-k3f".to_owned()));
        assert_eq!(asked("web-k3f.localhost."), Asked::Site("web-k3f".to_owned()));
        for host in ["localhost", "localhost:80", "127.0.0.1:80", "[::1]:80"] {
            assert_eq!(asked(host), Asked::Index, "{host}");
        }
        for host in ["", "evil.example", "a.web-k3f.localhost", "web-k3f.localhost.evil.example"] {
            assert_eq!(asked(host), Asked::Foreign, "{host}");
        }
    }

    proptest! {
        #[test]
        fn any_runners_get_different_labels_of_allowed_characters(names in prop::collection::vec(".{0,80}", 1..20)) {
            let mut labels = HostLabels::new("k3f9x2ab");
            let given: Vec<String> = names.iter().map(|name| labels.give(name)).collect();
            let different: HashSet<&String> = given.iter().collect();
            prop_assert_eq!(different.len(), given.len());
            for label in given {
                let expected = Asked::Site(label.clone());
                prop_assert_eq!(asked(&format!("{label}.localhost:1")), expected);
                prop_assert!(label.len() <= LONGEST_LABEL);
            }
        }
    }
}
