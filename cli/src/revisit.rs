//! Going back to a run: its plan, its repository and its store opened again, to enter its states or compare them.

use crate::configuration::Configuration;
use crate::past::{Archive, Story, ToldStep};
use crate::run::executor::Chosen;
use crate::run::{Opened, secret_values};
use crate::terminal;
use anyhow::{Context, Result};
use clap::Args;
use layerc_executor::engine::OnFailure;
use layerc_executor::event::{Event, EventSink};
use layerc_executor::run::visit::{Side, Target, VisitError};
use layerc_executor::run::{
    Afterwards, ButtonRule, Buttons, CacheUse, Options, Setup, cancellation, secret_names,
};
use layerc_executor::secrets::Secrets;
use layerc_executor::store::history::PastRun;
use layerc_executor::store::run_name::RunName;
use layerc_executor::variables::BuiltIns;
use layerc_planner::codec;
use layerc_planner::plan::Plan;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a state needs that no store keeps.
#[derive(Debug, Default, Args)]
pub(crate) struct RevisitArguments {
    /// A secret: from the environment, or file:PATH, or cmd:COMMAND; without a value it isn't set
    #[arg(long = "secret", value_name = "NAME[=SOURCE]")]
    secrets: Vec<String>,
}

/// See the module.
pub(crate) struct Revisit {
    plan: Plan,
    story: Story,
    opened: Opened,
    root: PathBuf,
    secrets: Secrets,
    options: Options,
    name: RunName,
    job: String,
    variables: BTreeMap<String, String>,
}

/// Says on standard error what has to run again on the way to a state.
struct OnTheWay;

impl EventSink for OnTheWay {
    fn emit(&self, event: Event) {
        match event {
            Event::StepStarted { step, reason, .. } => {
                terminal::tell(&format!("running again: {} ({reason})\n", step.text));
            }
            Event::Warning { text, .. } | Event::RunnerFailed { text, .. } => terminal::warn(&text),
            _ => {}
        }
    }
}

impl Revisit {
    /// Opens what a run was run on.
    pub(crate) fn of(
        archive: Archive,
        run: &PastRun,
        arguments: &RevisitArguments,
    ) -> Result<Self> {
        let name = &run.header().run;
        let plan = codec::decode(&run.plan()?)
            .with_context(|| format!("cannot read the plan of the run `{name}`"))?;
        let root = PathBuf::from(&run.header().repository);
        let configuration = Configuration::read(&root)?;
        let names = secret_names(&plan);
        let secrets = secret_values::look_up(&names, &arguments.secrets, &configuration.secrets)?;
        for name in names.iter().filter(|name| secrets.value(name).is_none()) {
            terminal::warn(&format!(
                "the secret `{name}` has no value here; `--secret` gives it one"
            ));
        }
        let opened = Opened::over(
            archive.store,
            &root,
            &Chosen::of_run(run.header().executor, &configuration),
        )?;
        let options = Options {
            jobs: NonZeroUsize::MIN,
            on_failure: OnFailure::StopAll,
            cache: CacheUse::LookUp,
            images: run.header().images.clone(),
            // A visit opens no door to the machine.
            expose_wait: Duration::ZERO,
            expose_idle: None,
            expose_port: None,
            afterwards: Afterwards::End,
        };
        Ok(Self {
            plan,
            story: Story::of(run.events()?),
            opened,
            root,
            secrets,
            options,
            name: name.clone(),
            job: run.header().job.clone(),
            variables: run.header().variables.clone(),
        })
    }

    /// The state on one side of a step.
    pub(crate) fn target(&self, step: &str, side: Side) -> Result<Target> {
        let told = self.story.one(step)?;
        let own = |told: &&ToldStep| self.story.is_own(told) && told.state.is_some();
        let states = self.story.steps.iter().filter(own);
        let states: BTreeMap<_, _> = states
            .filter_map(|told| Some(((told.runner.clone(), told.step.number), told.state?)))
            .collect();
        Ok(Target { runner: told.runner.clone(), number: told.step.number, side, states })
    }

    /// Does something with what a run has.
    pub(crate) fn with_setup<T>(
        &self,
        act: impl FnOnce(&Setup<'_>) -> Result<T, VisitError>,
    ) -> Result<T> {
        let (_never, cancel) = cancellation();
        let setup = Setup {
            plan: &self.plan,
            backend: self.opened.machines.backend(),
            repository: self.opened.repository.as_ref(),
            repository_name: self.root.display().to_string(),
            store: Arc::clone(&self.opened.store),
            secrets: self.secrets.clone(),
            built_ins: BuiltIns::new(&self.root, self.job.as_str(), self.variables.clone()),
            events: &OnTheWay,
            options: self.options.clone(),
            name: self.name.clone(),
            buttons: Buttons::new(ButtonRule::EndWaiting).0,
            cancel,
        };
        Ok(act(&setup)?)
    }

    /// The root of its repository.
    pub(crate) fn root(&self) -> &std::path::Path {
        &self.root
    }
}
