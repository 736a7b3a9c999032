//! What this machine can do for runs, tried rather than guessed: each check has a name, an answer and a way out.
//!
//! | file | what it looks at |
//! |---|---|
//! | [`machines`] | namespaces, OverlayFS, FUSE, limits |
//! | [`virtualisation`] | whether /dev/kvm is good for virtual machines |
//! | [`programs`] | programs that parts of `layerc` call |

mod machines;
mod programs;
mod virtualisation;

use serde::Serialize;
use std::path::Path;

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It works.
    Works,
    /// It doesn't, and something that most runs do without is not possible.
    Limited,
    /// It doesn't, and without it nothing runs.
    Missing,
}

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Machines made of namespaces.
    Machines,
    /// Virtual machines.
    Virtualisation,
    /// Programs.
    Programs,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it belongs to.
    pub group: Group,
    /// Its name.
    pub name: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What it is for.
    pub needed_for: &'static str,
    /// What to do about it; empty where it works.
    pub advice: String,
}

impl Check {
    fn works(group: Group, name: &'static str, needed_for: &'static str, found: String) -> Self {
        Self { group, name, verdict: Verdict::Works, found, needed_for, advice: String::new() }
    }

    fn lacking(mut self, verdict: Verdict, advice: impl Into<String>) -> Self {
        self.verdict = verdict;
        self.advice = advice.into();
        self
    }
}

/// Looks at everything that can be looked at without starting a machine. Takes less than half a second.
/// `store_directory` is the store that would be used, if that can be told; it need not be there.
pub fn examine(store_directory: Option<&Path>) -> Vec<Check> {
    let mut checks = machines::examine();
    checks.extend(virtualisation::examine(store_directory));
    checks.extend(programs::examine());
    checks
}

/// Says how the start of a machine went, which needs a store and is the caller's affair.
pub fn of_start(started: Result<std::time::Duration, String>) -> Check {
    machines::of_start(started)
}
