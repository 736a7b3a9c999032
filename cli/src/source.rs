//! Where a plan comes from: the repository around a path, or a plan file. Shared by `plan` and `run`.

use crate::candidates;
use crate::compilation::{Compilation, numbered};
use crate::configuration::Configuration;
use crate::excerpts::excerpts;
use crate::exit::WrongUsage;
use crate::repository::Gravity;
use crate::terminal;
use anyhow::{Context, Result};
use clap::Args;
use layerc_compiler::diagnostic::{Diagnostic, Severity};
use layerc_compiler::nearest::nearest;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::FileId;
use layerc_planner::codec::{self, is_plan_file};
use layerc_planner::limits::MAX_FILE_BYTES;
use layerc_planner::plan::Plan;
use layerc_planner::selection::find_layerfile;
use layerc_planner::{Selection, build};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Enough of a file to tell whether it is a plan.
const MAGIC_BYTES: u64 = 8;

/// What to plan; the arguments that `plan` and `run` share.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// A repository, a directory or Layerfile in one, or a plan file [default: the current directory]
    #[arg(value_name = "PATH|PLAN")]
    path: Option<PathBuf>,

    /// Only this Layerfile (by file, directory or runner name) and what it needs; may be repeated
    #[arg(long = "target", value_name = "LAYERFILE", add = candidates::layerfiles())]
    targets: Vec<String>,

    /// Leave out this Layerfile, which nothing that is kept may need; may be repeated
    #[arg(long = "without", value_name = "LAYERFILE", add = candidates::layerfiles())]
    without: Vec<String>,
}

/// What came of planning.
#[derive(Debug)]
pub(crate) enum Planned {
    /// A plan.
    Plan(Box<FromSource>),
    /// None: a needed Layerfile has errors. They have been printed.
    Errors,
}

/// A plan, and what is known about where it came from.
#[derive(Debug)]
pub(crate) struct FromSource {
    /// The plan.
    pub(crate) plan: Plan,
    /// The root of its repository; `None` for a plan file.
    pub(crate) root: Option<PathBuf>,
    /// The repository's `layerc.toml`; the default for a plan file.
    pub(crate) configuration: Configuration,
}

impl Source {
    /// Plans, or reads the plan.
    pub(crate) fn plan(&self) -> Result<Planned> {
        if let Some(bytes) = self.plan_file()? {
            if !self.targets.is_empty() || !self.without.is_empty() {
                return Err(WrongUsage("`--target` and `--without` need a repository; this is a plan file, which is complete as it is".to_owned()).into());
            }
            let plan = codec::decode(&bytes)
                .with_context(|| format!("cannot read the plan `{}`", self.shown_path()))?;
            return Ok(Planned::Plan(Box::new(FromSource {
                plan,
                root: None,
                configuration: Configuration::default(),
            })));
        }
        let paths: Vec<PathBuf> = self.path.iter().cloned().collect();
        self.plan_repository(Compilation::of(&paths)?)
    }

    fn shown_path(&self) -> String {
        self.path.as_deref().unwrap_or(Path::new(".")).display().to_string()
    }

    /// The bytes of the file at the path, if it is a plan file.
    fn plan_file(&self) -> Result<Option<Vec<u8>>> {
        let Some(path) = self.path.as_deref().filter(|path| path.is_file()) else {
            return Ok(None);
        };
        let unreadable = || format!("cannot read `{}`", path.display());
        let mut bytes = Vec::new();
        let mut file = File::open(path).with_context(unreadable)?;
        file.by_ref().take(MAGIC_BYTES).read_to_end(&mut bytes).with_context(unreadable)?;
        if !is_plan_file(&bytes) {
            return Ok(None);
        }
        file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).with_context(unreadable)?;
        Ok(Some(bytes))
    }

    fn plan_repository(&self, compilation: Compilation) -> Result<Planned> {
        let selection = self.selection(&compilation)?;
        let needed = selection.closure(&compilation.compiled.project);
        if needed.is_empty() {
            return Err(WrongUsage(format!(
                "there is no file named `Layerfile` below `{}`",
                self.shown_path()
            ))
            .into());
        }
        if compilation.repository.report_notes() == Gravity::Error
            || report_errors(&compilation, &needed)
        {
            return Ok(Planned::Errors);
        }
        let plan = build(&compilation.compiled.project, &selection)?;
        let Compilation { repository, configuration, .. } = compilation;
        Ok(Planned::Plan(Box::new(FromSource { plan, root: Some(repository.root), configuration })))
    }

    fn selection(&self, compilation: &Compilation) -> Result<Selection> {
        let selection = self.wanted(compilation)?;
        if self.without.is_empty() {
            return Ok(selection);
        }
        let project = &compilation.compiled.project;
        let without: BTreeSet<FileId> = self
            .without
            .iter()
            .map(|name| find_target(compilation, name))
            .collect::<Result<_>>()?;
        let wanted = match selection {
            Selection::Everything => project.ids().collect(),
            Selection::Targets(targets) => targets,
        };
        let kept =
            Selection::Targets(wanted.into_iter().filter(|id| !without.contains(id)).collect());
        let needed = kept.closure(project);
        match without.iter().find(|id| needed.contains(id)).and_then(|id| compilation.file(*id)) {
            Some(file) => Err(WrongUsage(format!(
                "`{}` can't be left out: what is kept starts from it or waits for it; leave that out too",
                file.path
            ))
            .into()),
            None => Ok(kept),
        }
    }

    fn wanted(&self, compilation: &Compilation) -> Result<Selection> {
        let project = &compilation.compiled.project;
        if !self.targets.is_empty() {
            let targets = self.targets.iter().map(|target| find_target(compilation, target));
            return Ok(Selection::Targets(targets.collect::<Result<_>>()?));
        }
        if compilation.repository.is_narrowed() {
            return Ok(Selection::Targets(
                project.ids().filter(|id| compilation.is_in_scope(*id)).collect(),
            ));
        }
        Ok(Selection::Everything)
    }
}

/// The Layerfile that a person means: a path from the current directory or from the root, or a runner name.
fn find_target(compilation: &Compilation, target: &str) -> Result<FileId> {
    let repository = &compilation.repository;
    let project = &compilation.compiled.project;
    let on_disk = std::fs::canonicalize(target).ok();
    let from_here = on_disk
        .as_deref()
        .and_then(|path| path.strip_prefix(&repository.root).ok())
        .and_then(Path::to_str);
    let paths = from_here.into_iter().chain([target]).filter_map(RepoPath::new);
    let by_path = paths.filter_map(|path| find_layerfile(project, &path)).next();
    let names = layerc_planner::runner_names(project);
    let by_name = || names.iter().find(|(_, name)| name.as_str() == target).map(|(id, _)| *id);
    by_path.or_else(by_name).ok_or_else(|| {
        let known =
            project.files.iter().flat_map(|file| [file.path.as_str(), file.directory.as_str()]);
        let help = nearest(target, known.chain(names.values().map(String::as_str))).question();
        let help = help.unwrap_or_else(|| "`layerc plan --outline` shows all".to_owned());
        WrongUsage(format!("there is no Layerfile `{target}`; {help}")).into()
    })
}

/// Prints the errors that stand in the way of a plan of these files; returns whether there are any.
fn report_errors(compilation: &Compilation, needed: &BTreeSet<FileId>) -> bool {
    let in_the_way = |finding: &&Diagnostic| {
        finding.severity == Severity::Error
            && std::iter::once(&finding.primary)
                .chain(&finding.related)
                .any(|label| needed.contains(&label.file))
    };
    let errors: Vec<&Diagnostic> =
        compilation.compiled.diagnostics.iter().filter(in_the_way).collect();
    if errors.is_empty() {
        return false;
    }
    terminal::tell(&excerpts(compilation, errors.iter().copied()));
    terminal::tell(&format!("no plan: {} to correct first\n", numbered(errors.len(), "error")));
    true
}
