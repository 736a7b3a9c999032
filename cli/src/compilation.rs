//! A repository from disk to a compiled project: the first half of every command that looks at Layerfiles.

use crate::configuration::Configuration;
use crate::progress::Progress;
use crate::repository::Repository;
use anyhow::Result;
use layerc_compiler::diagnostic::{Diagnostic, Severity};
use layerc_compiler::link::{Compiled, compile};
use layerc_compiler::project::SourceFile;
use layerc_compiler::span::FileId;
use std::path::PathBuf;

/// A repository, its configuration and what the compiler made of it.
#[derive(Debug)]
pub(crate) struct Compilation {
    /// The repository. Its files are in the order of the project's.
    pub(crate) repository: Repository,
    /// Its `layerc.toml`.
    pub(crate) configuration: Configuration,
    /// The project and its diagnostics.
    pub(crate) compiled: Compiled,
}

impl Compilation {
    /// Compiles the repository that holds `paths`.
    pub(crate) fn of(paths: &[PathBuf]) -> Result<Self> {
        let _progress = Progress::start("reading Layerfiles");
        let repository = Repository::open(paths)?;
        let configuration = Configuration::read(&repository.root)?;
        let compiled = compile(&repository.files, &repository.sources(), &configuration.lints);
        Ok(Self { repository, configuration, compiled })
    }

    /// Compiles again, after the texts of the files were changed in memory.
    pub(crate) fn compile_again(&mut self) {
        self.compiled =
            compile(&self.repository.files, &self.repository.sources(), &self.configuration.lints);
    }

    /// The original text and path of a file.
    pub(crate) fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.repository.files.get(id.index())
    }

    /// The findings about files that the user pointed at, in order.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.compiled.diagnostics.iter().filter(|finding| self.is_in_scope(finding.primary.file))
    }

    /// How many findings about these files a comment silences.
    pub(crate) fn suppressed(&self) -> usize {
        self.compiled.suppressed.iter().filter(|(file, _)| self.is_in_scope(*file)).count()
    }

    /// Whether the user pointed at this file.
    pub(crate) fn is_in_scope(&self, id: FileId) -> bool {
        self.file(id).is_some_and(|file| self.repository.is_in_scope(&file.path))
    }
}

/// Numbers of findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Errors.
    pub(crate) errors: usize,
    /// Warnings.
    pub(crate) warnings: usize,
    /// Hints.
    pub(crate) hints: usize,
}

impl Counts {
    /// Counts findings.
    pub(crate) fn of<'finding>(findings: impl IntoIterator<Item = &'finding Diagnostic>) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            match finding.severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
                Severity::Hint => counts.hints += 1,
            }
        }
        counts
    }
}

/// `1 error`, `2 errors`.
pub(crate) fn numbered(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
