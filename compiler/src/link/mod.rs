//! Analysed files to a linked project: references resolved, inheritance checked, findings in their final order.
//!
//! Cheap and pure: it walks instructions, never texts, and asks the tree only about names that instructions
//! mention. Knows nothing of terminals or protocols.

mod assemble;
mod cycles;
mod finish;
mod glob;
mod inheritance;
mod missing;
mod references;
mod resolve;
mod tree;

use crate::analysis::{FileAnalysis, analyze_file};
use crate::diagnostic::{Code, Diagnostic};
use crate::findings::Findings;
use crate::lint_configuration::LintConfiguration;
use crate::project::{Project, SourceFile};
use crate::repo_path::RepoPath;
use crate::sources::Sources;
use crate::span::FileId;
use finish::{Context, Finished, Tree};
use references::References;
use resolve::Layerfiles;

pub use resolve::{relative, spell_like};

/// A linked project and everything there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// The project; files that can't be planned are marked.
    pub project: Project,
    /// Sorted by file, place and code; without repetition.
    pub diagnostics: Vec<Diagnostic>,
    /// What comments silence: the file and the rule of each such finding, by file.
    pub suppressed: Vec<(FileId, Code)>,
}

/// Compiles the Layerfiles of a repository; their order doesn't matter.
pub fn compile(
    files: &[SourceFile],
    sources: &dyn Sources,
    configuration: &LintConfiguration,
) -> Compiled {
    let analyses: Vec<FileAnalysis> = files.iter().map(analyze_file).collect();
    link(&analyses, sources, configuration)
}

/// Links analysed files; their order doesn't matter. Of files with one path, one is taken.
pub fn link<'a>(
    analyses: impl IntoIterator<Item = &'a FileAnalysis>,
    sources: &dyn Sources,
    configuration: &LintConfiguration,
) -> Compiled {
    let files = in_order(analyses);
    let layerfiles = Layerfiles::new(files.iter().map(|file| &file.path).collect());
    let mut findings = Findings::default();
    let references =
        References::resolve(&files, &layerfiles, sources, configuration, &mut findings);
    let knots = references.report_cycles(&layerfiles, &mut findings);
    inheritance::check(&files, &layerfiles, &references, &mut findings);
    let setup_files = tree::check(&files, sources, &mut findings);
    let mut project = assemble::project(&files, &references, &setup_files);
    let known = sources.kind(&RepoPath::root()).is_some();
    let context = Context { configuration, tree: if known { Tree::Known } else { Tree::Unknown } };
    let Finished { diagnostics, suppressed } = finish::finish(&files, findings, context);
    let tangled = knots.iter().flat_map(|knot| knot.files.iter().copied());
    finish::mark_errors(&mut project, &diagnostics, tangled);
    Compiled { project, diagnostics, suppressed }
}

/// The files sorted by path, one for each.
fn in_order<'a>(analyses: impl IntoIterator<Item = &'a FileAnalysis>) -> Vec<&'a FileAnalysis> {
    let mut files: Vec<&FileAnalysis> = analyses.into_iter().collect();
    files.sort_unstable_by(|one, other| {
        one.path.cmp(&other.path).then_with(|| one.digest.cmp(&other.digest))
    });
    files.dedup_by(|one, other| one.path == other.path);
    files
}

/// Every file with its id, in order.
fn with_ids<'a, 'b>(
    files: &'b [&'a FileAnalysis],
) -> impl Iterator<Item = (FileId, &'a FileAnalysis)> + 'b {
    (0..).map(FileId::new).zip(files.iter().copied())
}
