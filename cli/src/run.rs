//! `layerc run`: runs a plan and shows how it goes.

mod conditions;
mod diary;
mod estimates;
pub(crate) mod executor;
pub(crate) mod forecast;
mod grouped;
mod interrupt;
mod listeners;
mod live;
mod machines;
mod opened;
mod plain;
mod prompt;
mod report;
pub(crate) mod secret_values;
mod unkept;
mod view;
pub(crate) mod waiting;
mod work;

use crate::candidates;
use crate::exit::{Exit, WrongUsage};
use crate::source::Source;
use crate::terminal;
use anyhow::Result;
use clap::Args;
pub(crate) use conditions::Conditions;
use diary::Diary;
use estimates::Estimates;
use layerc_executor::backend::ExecutorKind;
use layerc_executor::engine::OnFailure;
use layerc_executor::event::RunOutcome;
use layerc_executor::run::{
    Afterwards, ButtonRule, Buttons, CacheUse, Options, RunError, Setup, cancellation, secret_names,
};
use layerc_executor::store::Store;
use layerc_executor::store::history::{Checkout, Header, History, PastRun};
use layerc_executor::store::run_name::RunName;
use layerc_executor::variables::BuiltIns;
use layerc_planner::codec::encode;
use listeners::{Listener, Listeners};
use live::Live;
use machines::MachineArguments;
pub(crate) use machines::TrustArguments;
pub(crate) use opened::Opened;
use prompt::Prompt;
use report::{EventsFile, Reports};
use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use view::{Format, View};
use work::Work;

/// How long EXPOSE waits for a port unless somebody says otherwise.
const EXPOSE_WAIT: Duration = Duration::from_mins(2);

/// After how many seconds without a connection an exposed virtual machine is put to sleep unless somebody says otherwise.
const EXPOSE_IDLE_SECONDS: u32 = 900;

const EXAMPLES: &str = "\
Examples:
  layerc run                               every Layerfile of the repository
  layerc run --target deploy               one Layerfile, and what it needs
  layerc run --image vm/ubuntu:18.04=host  on this machine's own system
  layerc run --image vm/node:14=oci:node:14  on an image of a registry
  layerc run --executor kvm                in virtual machines, whose processes are kept too
  layerc run --executor auto               the same where the processor can, else in namespaces
  layerc run --pull never                  without the network, with the images that are here
  layerc run --secret TOKEN=cmd:'pass ci'  with a secret
  layerc run --accept-buttons              every BUTTON counts as pressed
  layerc run --resume k3f9x2ab             go on with a run that ended waiting
  layerc run --report report.html          a page with timings, graph and logs
  layerc run --serve                       keep exposed websites up until Ctrl-C
  layerc run --format json                 events as JSON lines

A step is skipped when nothing it read has changed; the reason is given for every step that runs.

Exit codes:
  0    every runner succeeded or was skipped
  1    a step failed, or Layerfiles have errors
  2    something is missing: an image, a secret, an unknown option
  3    this machine got in the way
  4    all that can be done is done; the rest waits for a BUTTON that nobody pressed
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

    #[command(flatten)]
    conditions: Conditions,

    #[command(flatten)]
    machines: MachineArguments,

    /// What CACHE may keep in all; the longest unused goes first [default: 10G]
    #[arg(long, value_name = "SIZE", value_parser = crate::size::parse)]
    cache_size: Option<u64>,

    /// Take every BUTTON as pressed
    #[arg(long)]
    accept_buttons: bool,

    /// Go on with a run that ended before it was done: by its name or the first letters of it
    #[arg(long, value_name = "RUN", add = candidates::runs(), conflicts_with_all = ["path", "targets", "without", "repository", "no_cache"])]
    resume: Option<String>,

    /// Write a report when the run has ended: FILE.xml for JUnit's XML, FILE.html for a page; may be repeated
    #[arg(long = "report", value_name = "FILE")]
    reports: Vec<PathBuf>,

    /// Write every event to a file, as lines of JSON
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// When everything is done, keep exposed runners up until Ctrl-C
    #[arg(long)]
    serve: bool,

    /// How long EXPOSE waits for a port to answer [default: 120]
    #[arg(long, value_name = "SECONDS")]
    expose_wait: Option<u32>,

    /// After how long without a connection an exposed virtual machine is put to sleep; 0 for never [default: 900]
    #[arg(long, value_name = "SECONDS")]
    expose_idle: Option<u32>,

    /// The port of this computer that exposed websites are at [default: any that is free]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    expose_port: Option<u16>,

    /// How the run is shown
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
}

/// Plans, runs, and shows.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let started = Instant::now();
    let Some(work) = Work::of(arguments)? else { return Ok(Exit::Findings) };
    let outcome = Prepared::new(arguments, &work)?.run(&work, arguments, started)?;
    Ok(match outcome {
        RunOutcome::Success => Exit::Success,
        RunOutcome::Failure => Exit::Findings,
        RunOutcome::Error => Exit::Machine,
        RunOutcome::Cancelled => Exit::Interrupted,
        RunOutcome::Waiting => Exit::Waiting,
    })
}

/// What a run works with, opened.
struct Prepared {
    opened: Opened,
    secrets: layerc_executor::secrets::Secrets,
    header: Header,
    options: Options,
    /// What CACHE may keep.
    cache_bytes: u64,
}

impl Prepared {
    fn new(arguments: &Arguments, work: &Work) -> Result<Self> {
        let Work { plan, root, configuration, resumed } = work;
        let options = options(arguments, work)?;
        let conditions = &arguments.conditions;
        let secrets = secret_values::look_up(
            &secret_names(plan),
            &conditions.secrets,
            &configuration.secrets,
        )?;
        let directory = conditions.store_directory(configuration)?;
        let known = resumed.as_ref().map(PastRun::header).cloned();
        let before = known.as_ref().map(|header| header.executor);
        let choice = &conditions.executor;
        let chosen = choice.choose(configuration, before, plan, &options.images, &directory)?;
        executor::check(&arguments.machines, chosen.kind)?;
        let machines = arguments.machines.options(configuration);
        let opened = Opened::new(&directory, root, machines, &chosen)?;
        if let Some(reason) = &chosen.reason {
            terminal::tell(&executor::told(chosen.kind, reason));
        }
        let mut header =
            known.unwrap_or_else(|| header(&opened.store, root, &options, chosen.kind));
        header.variables.extend(conditions.variables()?);
        let cache_bytes = arguments.cache_size.unwrap_or(configuration.cache.size_bytes);
        Ok(Self { opened, secrets, header, options, cache_bytes })
    }

    fn run(self, work: &Work, arguments: &Arguments, started: Instant) -> Result<RunOutcome> {
        let Self { opened, secrets, header, options, cache_bytes } = self;
        let (buttons, presser) = Buttons::new(button_rule(arguments));
        let (canceller, cancel) = cancellation();
        interrupt::listen(move || canceller.cancel())?;
        let diary = Diary::new(Arc::clone(&opened.store), header.clone(), encode(&work.plan)?);
        let reports = Reports::new(&arguments.reports, &work.plan, header.clone())?;
        let view = View::new(arguments.format, || {
            Live::new(&work.plan, Estimates::of(&opened.store, &work.root), started)
        });
        let mut all: Vec<Box<dyn Listener>> =
            vec![Box::new(view), Box::new(diary), Box::new(reports)];
        if let Some(path) = &arguments.events {
            all.push(Box::new(EventsFile::create(path)?));
        }
        if prompt::is_possible() {
            all.push(Box::new(Prompt::new(presser)));
        }
        let listeners = Listeners::new(started, all);
        let name = header.run.clone();
        let setup = Setup {
            plan: &work.plan,
            backend: opened.machines.backend(),
            repository: opened.repository.as_ref(),
            repository_name: work.root.display().to_string(),
            store: Arc::clone(&opened.store),
            secrets,
            built_ins: BuiltIns::new(&work.root, header.job, header.variables),
            events: &listeners,
            options,
            name: name.clone(),
            buttons,
            cancel,
        };
        let outcome = match layerc_executor::run::run(&setup) {
            Err(error @ RunError::Requirements(_)) => {
                return Err(WrongUsage(error.to_string()).into());
            }
            outcome => outcome?,
        };
        if outcome == RunOutcome::Waiting {
            tell_waiting(&opened.store, &name, arguments.conditions.store.as_deref())?;
        }
        if let Err(error) = opened.stat_cache.flush() {
            terminal::warn(&error.to_string());
        }
        if let Err(error) = opened.machines.overlay().caches().limit(cache_bytes) {
            terminal::warn(&format!("cannot limit the caches: {error}"));
        }
        Ok(outcome)
    }
}

/// Says what the run waits for and how it goes on.
fn tell_waiting(store: &Store, name: &RunName, option: Option<&Path>) -> Result<()> {
    if let Some(run) = History::of(store).get(name) {
        terminal::tell(&waiting::at_the_end(name, &run.unpressed()?, option));
    }
    Ok(())
}

fn button_rule(arguments: &Arguments) -> ButtonRule {
    if arguments.accept_buttons {
        ButtonRule::Accept
    } else if prompt::is_possible() || arguments.serve {
        ButtonRule::Wait
    } else {
        ButtonRule::EndWaiting
    }
}

/// What the run's record says about where it began.
fn header(store: &Store, root: &Path, options: &Options, executor: ExecutorKind) -> Header {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Header {
        run: RunName::of(store.run().id()),
        started_at_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        repository: root.display().to_string(),
        checkout: Checkout::of(root),
        images: options.images.clone(),
        variables: BTreeMap::new(),
        executor,
        job: job_number(),
    }
}

fn options(arguments: &Arguments, work: &Work) -> Result<Options> {
    let Work { plan, configuration, resumed, .. } = work;
    let mut known = configuration.images.clone();
    for (name, source) in resumed.iter().flat_map(|run| &run.header().images) {
        known.insert(name, source.clone());
    }
    let configured = configuration.run.jobs.and_then(|jobs| NonZeroUsize::try_from(jobs).ok());
    let run = &configuration.run;
    let seconds = arguments.expose_wait.or(run.expose_wait_seconds.map(NonZeroU32::get));
    let idle = arguments.expose_idle.or(run.expose_idle_seconds).unwrap_or(EXPOSE_IDLE_SECONDS);
    Ok(Options {
        jobs: arguments.jobs.or(configured).unwrap_or_else(default_jobs),
        on_failure: if arguments.keep_going { OnFailure::KeepGoing } else { OnFailure::StopAll },
        cache: if arguments.no_cache { CacheUse::RunEverything } else { CacheUse::LookUp },
        images: arguments.conditions.images(plan, known)?,
        expose_wait: seconds.map_or(EXPOSE_WAIT, |seconds| Duration::from_secs(seconds.into())),
        expose_idle: (idle > 0).then(|| Duration::from_secs(idle.into())),
        expose_port: arguments.expose_port.or(run.expose_port.map(NonZeroU16::get)),
        afterwards: if arguments.serve { Afterwards::Serve } else { Afterwards::End },
    })
}

/// A runner often waits for something other than the processor.
fn default_jobs() -> NonZeroUsize {
    let processors = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    processors.max(NonZeroUsize::MIN.saturating_add(1))
}

/// A number that grows from run to run.
fn job_number() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string()
}
