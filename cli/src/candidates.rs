//! What could stand in the place of an argument, from what is on this machine: runs, steps, buttons, Layerfiles, caches,
//! images.
//!
//! A person waits for the answer with a finger on the tabulator key: nothing here reaches a network, and what can't be
//! looked up offers nothing.

use crate::compilation::Compilation;
use crate::configuration::{Configuration, ImageMap};
use crate::image::kernel_name;
use crate::past::{Archive, Story};
use crate::repository::Repository;
use crate::store_directory::store_directory;
use crate::wording;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use layerc_compiler::rules::RULES;
use layerc_executor::images::Trust;
use layerc_executor::kvm::KeptKernels;
use layerc_executor::overlay::{KeptBases, OverlayOptions, caches_of, open_images};
use layerc_executor::store::history::PastRun;
use layerc_executor::store::run_name::RunName;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Newest runs that are offered.
const MOST_RUNS: usize = 50;

/// A value and what it is.
type Offer = (String, String);

/// The names of runs of this repository, newest first.
pub(crate) fn runs() -> ArgValueCompleter {
    completer(|_| Some(run_offers(&archive()?)))
}

/// Runs, and the steps of the run that was named before or of the newest.
pub(crate) fn runs_and_steps() -> ArgValueCompleter {
    completer(|_| {
        let archive = archive()?;
        let mut offers = step_offers(&named_run(&archive)?)?;
        offers.extend(run_offers(&archive));
        Some(offers)
    })
}

/// The buttons that the run named before stands in front of.
pub(crate) fn buttons() -> ArgValueCompleter {
    completer(|_| {
        let open = named_run(&archive()?)?.unpressed().ok()?;
        let offers = open.iter().flat_map(|button| {
            let message = button.message.clone();
            [(button.number.to_string(), message.clone()), (button.runner.clone(), message)]
        });
        Some(offers.collect())
    })
}

/// The Layerfiles of this repository: runners by name, files once a path is begun.
pub(crate) fn layerfiles() -> ArgValueCompleter {
    completer(|current| {
        let compilation = Compilation::of(&[]).ok()?;
        let project = &compilation.compiled.project;
        let names = layerc_planner::runner_names(project);
        let offer = |(id, name): (&_, &String)| {
            let path = compilation.file(*id).map(|file| file.path.to_string()).unwrap_or_default();
            if current.contains('/') { (path, name.clone()) } else { (name.clone(), path) }
        };
        Some(names.iter().map(offer).collect())
    })
}

/// Paths and ids of caches.
pub(crate) fn caches() -> ArgValueCompleter {
    completer(|_| {
        let caches = caches_of(&store()?, PathBuf::from("/proc/self/exe")).ok()?;
        let found = caches.list().ok()?;
        let offers = found.iter().flat_map(|info| {
            let place = format!("{} of {}", info.name.image, info.name.repository);
            [(info.name.path.clone(), place), (info.id.clone(), info.name.path.clone())]
        });
        Some(offers.collect())
    })
}

/// Images and bases of the store.
pub(crate) fn kept_images() -> ArgValueCompleter {
    completer(|_| Some(image_offers()))
}

/// What an image could be made of: names that `layerc.toml` maps, and kinds of sources.
pub(crate) fn image_sources() -> ArgValueCompleter {
    completer(|_| {
        let configuration = configuration()?;
        let names = configuration.images.names().filter(|name| *name != "*");
        let mapped = names.map(|name| (name.to_owned(), "layerc.toml".to_owned()));
        let kinds = ImageMap::kinds_of_places().map(|kind| (format!("{kind}:"), String::new()));
        Some(mapped.chain(kinds).collect())
    })
}

/// Codes and names of findings.
pub(crate) fn rules() -> ArgValueCompleter {
    completer(|_| {
        let offers = RULES.iter().flat_map(|rule| {
            let (code, name) = (rule.code.to_string(), rule.name.to_owned());
            [(code.clone(), name.clone()), (name, code)]
        });
        Some(offers.collect())
    })
}

/// Offers what begins like the word that is there.
fn completer(
    find: impl Fn(&str) -> Option<Vec<Offer>> + Send + Sync + 'static,
) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        let current = current.to_string_lossy();
        let mut offers = find(&current).unwrap_or_default();
        offers.retain(|(value, _)| value.starts_with(&*current));
        let candidate = |(value, help): Offer| {
            CompletionCandidate::new(value)
                .help((!help.is_empty()).then(|| help.trim_end().to_owned().into()))
        };
        offers.into_iter().map(candidate).collect::<Vec<_>>()
    })
}

/// The words of the command line that is completed.
fn words() -> Vec<String> {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    words.skip_while(|word| word != "--").skip(2).collect()
}

/// `--store` of that command line.
fn given_store() -> Option<PathBuf> {
    let words = words();
    let place = words.iter().position(|word| word == "--store");
    let behind = place.and_then(|place| words.get(place + 1)).map(String::as_str);
    let joined = words.iter().find_map(|word| word.strip_prefix("--store="));
    behind.or(joined).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn configuration() -> Option<Configuration> {
    Configuration::read(&Repository::root_of(Path::new(".")).ok()?).ok()
}

fn store() -> Option<PathBuf> {
    let configuration = configuration()?;
    let directory = store_directory(given_store().as_deref(), configuration.run.store.as_deref());
    directory.ok().filter(|directory| directory.is_dir())
}

fn archive() -> Option<Archive> {
    Archive::open(given_store().as_deref()).ok()
}

fn run_offers(archive: &Archive) -> Vec<Offer> {
    let runs = archive.runs().unwrap_or_default();
    let here = runs.iter().filter(|run| archive.is_here(run)).take(MOST_RUNS);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let offer = |run: &PastRun| {
        let header = run.header();
        let since = now.saturating_sub(Duration::from_millis(header.started_at_ms));
        let branch = header.checkout.branch.as_deref().unwrap_or_default();
        (header.run.to_string(), format!("{} {branch}", wording::age(since.as_secs())))
    };
    here.map(offer).collect()
}

/// The run that stands among the words, else the newest of this repository.
fn named_run(archive: &Archive) -> Option<PastRun> {
    let words = words();
    let named = words.iter().filter(|word| RunName::new(word).is_some());
    let mut found = named.filter_map(|word| archive.run(word).ok());
    found.next().or_else(|| archive.newest().ok())
}

fn step_offers(run: &PastRun) -> Option<Vec<Offer>> {
    let story = Story::of(run.events().ok()?);
    let mut offers: Vec<Offer> = Vec::new();
    for told in story.steps.iter().filter(|told| story.is_own(told)) {
        let offer = (told.name(), told.step.text.clone());
        if !offers.contains(&offer) {
            offers.push(offer);
        }
    }
    Some(offers)
}

fn image_offers() -> Vec<Offer> {
    let Some(directory) = store() else { return Vec::new() };
    let program = OverlayOptions::default().agent_program;
    let images =
        open_images(&directory, &program, Trust::default()).and_then(|images| images.list());
    let images = images
        .unwrap_or_default()
        .into_iter()
        .map(|image| (image.name, image.manifest.to_string()));
    let bases = KeptBases::of(directory.join("bases")).list().into_iter();
    let kernels = KeptKernels::of(&directory).list().into_iter();
    let kernels = kernels.map(|kernel| (kernel_name(&kernel), String::new()));
    images.chain(bases.map(|base| (base.name, base.source))).chain(kernels).collect()
}
