//! When the state of a machine is worth keeping, where keeping it takes a while: a pure rule.
//!
//! Keeping too seldom makes the next run repeat work, keeping too often makes this one slow. So a state is kept when the
//! work behind it is many times what keeping it is expected to take, and always where it would otherwise be lost several
//! times over: where others start from it, where a person is waited for, where CHECKPOINT asks for it. Knows no machines.

use layerc_planner::plan::SnapshotPolicy;
use std::time::Duration;

/// Work after which a state is kept, whatever that takes.
pub const MOST_WORK: Duration = Duration::from_secs(20);

/// How many times the expected cost the work behind a state must be: keeping adds at most a tenth to a run.
pub const WORK_FOR_COST: u32 = 10;

/// What keeping a state is expected to take as long as it was not tried.
pub const FIRST_COST: Duration = Duration::from_secs(1);

/// Where a machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Behind a step, before another.
    Step,
    /// Where others start from, a person is waited for, or CHECKPOINT asks.
    Branch,
}

/// What is known about a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Where it is.
    pub moment: Moment,
    /// What commands took since the last kept state.
    pub worked: Duration,
    /// What keeping the last one took.
    pub cost: Duration,
}

/// Whether it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// Yes.
    Keep,
    /// No: making it again is cheap.
    Leave,
    /// No: the language forbids it.
    Forbidden,
}

/// Decides.
pub fn worth(policy: SnapshotPolicy, state: State) -> Worth {
    match (policy, state.moment) {
        (SnapshotPolicy::Forbidden, _) => Worth::Forbidden,
        (SnapshotPolicy::Required, _) | (_, Moment::Branch) => Worth::Keep,
        (SnapshotPolicy::Automatic, Moment::Step) => {
            let pays = state.worked >= state.cost.saturating_mul(WORK_FOR_COST);
            if pays || state.worked >= MOST_WORK { Worth::Keep } else { Worth::Leave }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn millis(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn work_is_weighed_against_what_keeping_takes() {
        let decide = |worked, cost| {
            let state = State { moment: Moment::Step, worked: millis(worked), cost: millis(cost) };
            worth(SnapshotPolicy::Automatic, state)
        };
        assert_eq!(decide(300, 50), Worth::Leave);
        assert_eq!(decide(500, 50), Worth::Keep);
        assert_eq!(decide(19_999, 60_000), Worth::Leave);
        assert_eq!(decide(20_000, 60_000), Worth::Keep);
    }

    proptest! {
        /// A run of steps: what is lost at any moment is little, and what keeping takes is a part of the work.
        #[test]
        fn little_is_ever_lost_and_keeping_costs_a_tenth(
            steps in prop::collection::vec((0_u64..30_000, 0_u64..5_000), 1..60),
        ) {
            let (mut worked, mut cost) = (Duration::ZERO, FIRST_COST);
            let (mut all_work, mut all_cheap_cost) = (Duration::ZERO, Duration::ZERO);
            for (step, next_cost) in steps {
                worked += millis(step);
                all_work += millis(step);
                let state = State { moment: Moment::Step, worked, cost };
                match worth(SnapshotPolicy::Automatic, state) {
                    Worth::Keep => {
                        if worked < MOST_WORK {
                            all_cheap_cost += cost;
                        }
                        (worked, cost) = (Duration::ZERO, millis(next_cost));
                    }
                    Worth::Leave => prop_assert!(worked < MOST_WORK),
                    Worth::Forbidden => prop_assert!(false, "nothing forbade it"),
                }
            }
            prop_assert!(all_cheap_cost * WORK_FOR_COST <= all_work);
        }

        #[test]
        fn the_language_wins(worked in any::<u32>(), cost in any::<u32>(), at_branch in any::<bool>()) {
            let moment = if at_branch { Moment::Branch } else { Moment::Step };
            let state = State { moment, worked: millis(worked.into()), cost: millis(cost.into()) };
            prop_assert_eq!(worth(SnapshotPolicy::Forbidden, state), Worth::Forbidden);
            prop_assert_eq!(worth(SnapshotPolicy::Required, state), Worth::Keep);
            if at_branch {
                prop_assert_eq!(worth(SnapshotPolicy::Automatic, state), Worth::Keep);
            }
        }
    }
}
