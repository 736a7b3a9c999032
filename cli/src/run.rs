//! `layerc run`: runs a plan and shows how it goes.

mod diary;
mod forecast;
mod interrupt;
mod listeners;
mod live;
mod opened;
mod place;
mod plain;
mod secret_values;
mod view;
pub(crate) mod wording;

use crate::configuration::{Configuration, ImageMap, parse_source};
use crate::exit::{Exit, WrongUsage};
use crate::plan::{Planned, Source};
use crate::repository::Repository as RepositoryOnDisk;
use crate::terminal;
use anyhow::Result;
use clap::Args;
use diary::Diary;
pub(crate) use forecast::forecast;
use layerc_executor::backend::ImageSource;
use layerc_executor::engine::OnFailure;
use layerc_executor::event::RunOutcome;
use layerc_executor::run::{
    CacheUse, Options, RunError, Setup, cancellation, image_names, secret_names,
};
use layerc_executor::store::Store;
use layerc_executor::store::history::{Checkout, Header, RunName};
use layerc_executor::variables::BuiltIns;
use layerc_planner::codec::encode;
use layerc_planner::plan::Plan;
use listeners::Listeners;
use opened::Opened;
pub(crate) use place::store_directory;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use view::{Format, View};

const EXAMPLES: &str = "\
Examples:
  layerc run                               every Layerfile of the repository
  layerc run --target deploy               one Layerfile, and what it needs
  layerc run --image vm/ubuntu:18.04=host  on this machine's own system
  layerc run --secret TOKEN=cmd:'pass ci'  with a secret
  layerc run --format json                 events as JSON lines

A step is skipped when nothing it read has changed; the reason is given for every step that runs.

Exit codes:
  0    every runner succeeded or was skipped
  1    a step failed, or Layerfiles have errors
  2    something is missing: an image, a secret, an unknown option
  3    this machine got in the way
  130  interrupted by Ctrl-C";

/// `layerc run`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,

    /// How many runners work at once [default: one for each processor, at least 2]
    #[arg(short, long, value_name = "NUMBER")]
    jobs: Option<NonZeroUsize>,

    /// Run every step, whatever is known; results are kept
    #[arg(long)]
    no_cache: bool,

    /// After a failure, go on with everything that doesn't need what failed
    #[arg(long)]
    keep_going: bool,

    /// Where a base image comes from: `host`, `rootfs:PATH` or `debootstrap:SUITE[@MIRROR]`; NAME `*` is every other one
    #[arg(long = "image", value_name = "NAME=SOURCE")]
    images: Vec<String>,

    /// A secret: from the environment, or file:PATH, or cmd:COMMAND
    #[arg(long = "secret", value_name = "NAME[=SOURCE]")]
    secrets: Vec<String>,

    /// The value of a built-in variable that isn't known here, like PULL_REQUEST_URL
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    variables: Vec<String>,

    /// Where results are kept [default: the user's cache directory]
    #[arg(long, value_name = "DIRECTORY")]
    store: Option<PathBuf>,

    /// The repository that a plan file is run on [default: the current directory's]
    #[arg(long, value_name = "DIRECTORY")]
    repository: Option<PathBuf>,

    /// How the run is shown
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
}

/// Plans, runs, and shows.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let started = Instant::now();
    let (plan, root, configuration) = match arguments.source.plan()? {
        Planned::Errors => return Ok(Exit::Findings),
        Planned::Plan(planned) => match planned.root {
            Some(root) => (planned.plan, root, planned.configuration),
            None => {
                let (root, configuration) =
                    repository_of_plan_file(arguments.repository.as_deref())?;
                (planned.plan, root, configuration)
            }
        },
    };
    let outcome =
        Prepared::new(arguments, &plan, &root, &configuration)?.run(&plan, arguments, started)?;
    Ok(match outcome {
        RunOutcome::Success => Exit::Success,
        RunOutcome::Failure => Exit::Findings,
        RunOutcome::Error => Exit::Machine,
        RunOutcome::Cancelled => Exit::Interrupted,
    })
}

/// A plan file knows no place; the repository is where the user says or is.
fn repository_of_plan_file(given: Option<&Path>) -> Result<(PathBuf, Configuration)> {
    let root = RepositoryOnDisk::root_of(given.unwrap_or(Path::new(".")))?;
    let configuration = Configuration::read(&root)?;
    Ok((root, configuration))
}

/// What a run works with, opened.
struct Prepared {
    root: PathBuf,
    opened: Opened,
    secrets: layerc_executor::secrets::Secrets,
    built_ins: BuiltIns,
    options: Options,
}

impl Prepared {
    fn new(
        arguments: &Arguments,
        plan: &Plan,
        root: &Path,
        configuration: &Configuration,
    ) -> Result<Self> {
        let options = options(arguments, plan, configuration)?;
        let secrets = secret_values::look_up(
            &secret_names(plan),
            &arguments.secrets,
            &configuration.secrets,
        )?;
        let variables = arguments.variables.iter().map(|text| named(text, "--variable"));
        let variables: BTreeMap<String, String> = variables.collect::<Result<_>>()?;
        let directory =
            place::store_directory(arguments.store.as_deref(), configuration.run.store.as_deref())?;
        let opened = Opened::new(&directory, root)?;
        let built_ins = BuiltIns::new(root, job_number(), variables);
        Ok(Self { root: root.to_owned(), opened, secrets, built_ins, options })
    }

    fn run(self, plan: &Plan, arguments: &Arguments, started: Instant) -> Result<RunOutcome> {
        let header = header(&self.opened.store, &self.root, &self.options);
        let diary = Diary::new(Arc::clone(&self.opened.store), header, encode(plan)?);
        let view = View::new(arguments.format);
        let listeners = Listeners::new(started, vec![Box::new(view), Box::new(diary)]);
        let (canceller, cancel) = cancellation();
        interrupt::listen(move || canceller.cancel())?;
        let setup = Setup {
            plan,
            backend: &self.opened.backend,
            repository: self.opened.repository.as_ref(),
            repository_name: self.root.display().to_string(),
            store: Arc::clone(&self.opened.store),
            secrets: self.secrets,
            built_ins: self.built_ins,
            events: &listeners,
            options: self.options,
            cancel,
        };
        let outcome = match layerc_executor::run::run(&setup) {
            Err(error @ RunError::Requirements(_)) => {
                return Err(WrongUsage(error.to_string()).into());
            }
            outcome => outcome?,
        };
        if let Err(error) = self.opened.stat_cache.flush() {
            terminal::warn(&error.to_string());
        }
        Ok(outcome)
    }
}

/// What the run's record says about where it began.
fn header(store: &Store, root: &Path, options: &Options) -> Header {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Header {
        run: RunName::of(store.run().id()),
        started_at_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        repository: root.display().to_string(),
        checkout: Checkout::of(root),
        images: options.images.clone(),
    }
}

fn options(arguments: &Arguments, plan: &Plan, configuration: &Configuration) -> Result<Options> {
    let mut map: ImageMap = configuration.images.clone();
    for text in &arguments.images {
        let (name, source) = named(text, "--image")?;
        let source = parse_source(&source, Path::new("."))
            .map_err(|message| WrongUsage(format!("--image {name}: {message}")))?;
        map.insert(&name, source);
    }
    let names = image_names(plan).into_iter();
    let images: BTreeMap<String, ImageSource> =
        names.filter_map(|name| map.source(&name).cloned().map(|source| (name, source))).collect();
    let configured = configuration.run.jobs.and_then(|jobs| NonZeroUsize::try_from(jobs).ok());
    Ok(Options {
        jobs: arguments.jobs.or(configured).unwrap_or_else(default_jobs),
        on_failure: if arguments.keep_going { OnFailure::KeepGoing } else { OnFailure::StopAll },
        cache: if arguments.no_cache { CacheUse::RunEverything } else { CacheUse::LookUp },
        images,
    })
}

/// A runner often waits for something other than the processor.
fn default_jobs() -> NonZeroUsize {
    let processors = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    processors.max(NonZeroUsize::MIN.saturating_add(1))
}

fn named(text: &str, option: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(WrongUsage(format!("`{option}` needs NAME=VALUE, but this is `{text}`")).into()),
    }
}

/// A number that grows from run to run.
fn job_number() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string()
}
