//! Runs of the past, as commands name them: `[RUN] [STEP]`, in the store that `layerc run` would use here.

mod story;

use crate::exit::WrongUsage;
use crate::here::Here;
use anyhow::Result;
use clap::Args;
use layerc_compiler::nearest::nearest;
use layerc_executor::store::Store;
use layerc_executor::store::history::{History, PastRun};
use layerc_executor::store::run_name::RunName;
use std::path::{Path, PathBuf};
pub(crate) use story::{Fate, Story, ToldStep};

/// `last` names the newest run of the repository.
const NEWEST: &str = "last";

/// Which store; an argument of every command about runs of the past.
#[derive(Debug, Args)]
pub(crate) struct StoreArgument {
    /// Where results are kept [default: the user's cache directory]
    #[arg(long, value_name = "DIRECTORY")]
    store: Option<PathBuf>,
}

/// An open store, seen from a repository.
pub(crate) struct Archive {
    /// The store.
    pub(crate) store: Store,
    /// The root of the repository around the current directory.
    pub(crate) root: PathBuf,
}

impl StoreArgument {
    /// The directory, if one was given.
    pub(crate) fn given(&self) -> Option<&Path> {
        self.store.as_deref()
    }

    /// Opens the store.
    pub(crate) fn open(&self) -> Result<Archive> {
        Archive::open(self.store.as_deref())
    }
}

impl Archive {
    /// Opens the store in `given`, or the one that `layerc run` would use here.
    pub(crate) fn open(given: Option<&Path>) -> Result<Self> {
        let Here { root, store: directory, .. } = Here::with_store(given)?;
        // Images can be there before anything ran.
        if !["index", "images"].iter().any(|part| directory.join(part).is_dir()) {
            let text =
                format!("there is no store in `{}`: nothing was run yet", directory.display());
            return Err(WrongUsage(text).into());
        }
        Ok(Self { store: Store::open_to_look(&directory)?, root })
    }

    /// Its runs, newest first.
    pub(crate) fn runs(&self) -> Result<Vec<PastRun>> {
        Ok(History::of(&self.store).runs()?)
    }

    /// Whether a run was one of the repository around the current directory.
    pub(crate) fn is_here(&self, run: &PastRun) -> bool {
        Path::new(&run.header().repository) == self.root
    }

    /// The newest run of this repository.
    pub(crate) fn newest(&self) -> Result<PastRun> {
        let newest = self.runs()?.into_iter().find(|run| self.is_here(run));
        let missing = || {
            let root = self.root.display();
            WrongUsage(format!(
                "the store knows no run of `{root}`; `layerc runs --all` lists those of others"
            ))
        };
        Ok(newest.ok_or_else(missing)?)
    }

    /// The run that a person means: by name, by the beginning of one, or `last`.
    pub(crate) fn run(&self, text: &str) -> Result<PastRun> {
        if text == NEWEST {
            return self.newest();
        }
        let runs = self.runs()?;
        let named = |run: &&PastRun| run.header().run.as_str().starts_with(text);
        let mut fitting = runs.iter().filter(named);
        match (fitting.next(), fitting.next()) {
            (Some(run), None) if !text.is_empty() => Ok(run.clone()),
            (Some(_), Some(_)) => Err(WrongUsage(format!(
                "`{text}` begins the names of several runs; give more of it"
            ))
            .into()),
            _ => Err(WrongUsage(unknown_run(text, &runs)).into()),
        }
    }

    /// What `[RUN] [STEP]` means: a run, the newest if none is named, and perhaps a step of it. One word alone is a run
    /// if it is the name of one, else a step.
    pub(crate) fn run_and_step(&self, words: &[String]) -> Result<(PastRun, Option<String>)> {
        match words {
            [run, step, ..] => Ok((self.run(run)?, Some(step.clone()))),
            [word] if word == NEWEST || RunName::new(word).is_some() => Ok((self.run(word)?, None)),
            [word] => match self.run(word) {
                Ok(run) if !word.contains(':') => Ok((run, None)),
                Ok(_) | Err(_) => Ok((self.newest()?, Some(word.clone()))),
            },
            [] => Ok((self.newest()?, None)),
        }
    }

    /// The same where a step has to be named.
    pub(crate) fn run_and_named_step(&self, words: &[String]) -> Result<(PastRun, String)> {
        let (run, step) = self.run_and_step(words)?;
        let step = step.ok_or_else(|| {
            WrongUsage(
                "which step? `layerc logs` shows what there is; give RUNNER:NUMBER".to_owned(),
            )
        })?;
        Ok((run, step))
    }
}

fn unknown_run(text: &str, runs: &[PastRun]) -> String {
    let names = runs.iter().map(|run| run.header().run.as_str());
    let help = nearest(text, names).question();
    let help = help.unwrap_or_else(|| "`layerc runs` lists what there is".to_owned());
    format!("there is no run `{text}`; {help}")
}
