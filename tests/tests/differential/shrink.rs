//! Makes a failing scenario smaller: leaves out one part after the other as long as it still fails.

use crate::check::{Scratch, check};
use crate::scenario::Scenario;

/// Attempts at most, so that a failure is shown within minutes.
const MOST_ATTEMPTS: usize = 150;

/// The smallest failing scenario found, and how it fails.
pub(crate) fn smallest(
    scenario: Scenario,
    problem: String,
    scratch: &mut Scratch,
) -> (Scenario, String) {
    let mut best = (scenario, problem);
    let mut attempts = 0;
    let mut position = 0;
    while attempts < MOST_ATTEMPTS {
        let Some(candidate) = without(&best.0, position) else { break };
        attempts += 1;
        match check(&candidate, scratch) {
            Ok(_) => position += 1,
            // The next part has moved to this position.
            Err(problem) => best = (candidate, problem),
        }
    }
    best
}

/// The scenario without its part number `position`: batches first, then instructions, then edits, then files.
fn without(scenario: &Scenario, position: usize) -> Option<Scenario> {
    let mut smaller = scenario.clone();
    let mut position = position;
    if position < smaller.batches.len() {
        smaller.batches.remove(position);
        return Some(smaller);
    }
    position -= smaller.batches.len();
    if position < smaller.instructions.len() {
        smaller.instructions.remove(position);
        smaller.in_parent -= usize::from(position < smaller.in_parent);
        return Some(smaller);
    }
    position -= smaller.instructions.len();
    for batch in &mut smaller.batches {
        if position < batch.len() {
            batch.remove(position);
            return Some(smaller);
        }
        position -= batch.len();
    }
    if position < smaller.tree.len() {
        smaller.tree.remove(position);
        return Some(smaller);
    }
    None
}
