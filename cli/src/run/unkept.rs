//! Says of a runner's states that they are not kept, once and not behind every step. Knows no screen.

use crate::wording;
use layerc_executor::event::SnapshotInfo;
use std::collections::HashMap;

/// What was said last, by runner.
#[derive(Default)]
pub(super) struct Unkept {
    said: HashMap<String, String>,
}

impl Unkept {
    /// What is worth saying about a snapshot behind a step, if it isn't what was said behind the one before.
    pub(super) fn news(&mut self, runner: &str, snapshot: &SnapshotInfo) -> Option<String> {
        let Some(text) = wording::snapshot(snapshot) else {
            self.said.remove(runner);
            return None;
        };
        let before = self.said.insert(runner.to_owned(), text.clone());
        (before.as_ref() != Some(&text)).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_for_each_runner_and_again_after_a_state_was_kept() {
        let alive = SnapshotInfo::ProcessesAlive { names: vec!["server".to_owned()] };
        let mut unkept = Unkept::default();
        let mut says =
            |runner: &str, snapshot: &SnapshotInfo| unkept.news(runner, snapshot).is_some();
        assert!(says("base", &alive));
        assert!(!says("base", &alive));
        assert!(says("web", &alive));
        assert!(!says("base", &SnapshotInfo::Taken));
        assert!(says("base", &alive));
    }
}
