//! What past runs tell about the steps of a plan: cached or not, why, and how long they took.
//!
//! Only the question is here. Whoever can open the store answers it; the server works without an answer.

use layerc_planner::plan::Plan;
use layerc_planner::render::StepAnnotation;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

/// Answers from the store of past runs.
pub trait StepForecast: Debug + Send + Sync {
    /// What is known of each node of `plan`, a plan of the repository at `repository`, in the order of nodes. Those of which
    /// nothing is known may be missing. Runs nothing, writes nothing.
    fn forecast(&self, repository: &Path, plan: &Arc<Plan>) -> Arc<[StepFacts]>;
}

/// What is known of one node of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFacts {
    /// Index of the node in [`Plan::graph`].
    pub node: u32,
    /// What the next run would do, in the words of `layerc plan`; `None` where past runs tell nothing of it.
    pub outlook: Option<StepAnnotation>,
    /// How long it took in the past, in milliseconds, the latest last; cached steps are not in it.
    pub past_milliseconds: Vec<u64>,
}
