//! What a run is about: a plan just made, or the rest of a run that ended early.

use super::Arguments;
use crate::configuration::Configuration;
use crate::exit::WrongUsage;
use crate::past::Archive;
use crate::source::Planned;
use anyhow::{Context, Result};
use layerc_executor::event::RunOutcome;
use layerc_executor::store::history::{PastRun, Status};
use layerc_planner::codec::decode;
use layerc_planner::plan::Plan;
use std::path::{Path, PathBuf};

/// What to run, and where.
pub(super) struct Work {
    pub(super) plan: Plan,
    /// The repository's root.
    pub(super) root: PathBuf,
    pub(super) configuration: Configuration,
    /// The run that is gone on with.
    pub(super) resumed: Option<PastRun>,
}

impl Work {
    /// `None` when the Layerfiles have errors, which have been printed.
    pub(super) fn of(arguments: &Arguments) -> Result<Option<Self>> {
        if let Some(name) = &arguments.resume {
            return Self::rest_of(name, arguments.conditions.store.as_deref()).map(Some);
        }
        let Planned::Plan(planned) = arguments.source.plan()? else { return Ok(None) };
        let (root, configuration) = match planned.root {
            Some(root) => (root, planned.configuration),
            None => arguments.conditions.repository_of_plan_file()?,
        };
        Ok(Some(Self { plan: planned.plan, root, configuration, resumed: None }))
    }

    /// The plan is the one that the run had: it is what a person was asked about.
    fn rest_of(name: &str, store: Option<&Path>) -> Result<Self> {
        let run = Archive::open(store)?.run(name)?;
        let name = run.header().run.clone();
        let refusal = match run.status() {
            Status::Running => "is still alive: it needs no resuming",
            Status::Ended(end) if end.outcome == RunOutcome::Success => {
                "has ended well: nothing of it is left"
            }
            Status::Ended(_) | Status::Died => {
                let plan = decode(&run.plan()?)
                    .with_context(|| format!("cannot read the plan of run {name}"))?;
                let root = PathBuf::from(&run.header().repository);
                let configuration = Configuration::read(&root)?;
                return Ok(Self { plan, root, configuration, resumed: Some(run) });
            }
        };
        Err(WrongUsage(format!("run {name} {refusal}")).into())
    }
}
