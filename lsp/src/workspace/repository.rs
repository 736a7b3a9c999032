//! A repository at one moment: its Layerfiles, open ones included, linked and planned when somebody asks.
//!
//! Immutable; every change makes a new one that shares the documents which stayed the same.

use super::document::Document;
use super::graph::Graph;
use super::settings::Settings;
use super::tree::{DiskAnswers, Tree};
use crate::host::{Host, ProjectSettings};
use layerc_compiler::diagnostic::Diagnostic;
use layerc_compiler::link::{Compiled, link};
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::project::{LinkedFile, Project};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::rules;
use layerc_compiler::sources::Sources;
use layerc_compiler::span::FileId;
use layerc_planner::plan::Plan;
use layerc_planner::{PlanError, Selection, build};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The name under which a Layerfile is discovered.
pub const LAYERFILE_NAME: &str = "Layerfile";

/// The name of a project's configuration.
pub const CONFIGURATION_NAME: &str = "layerc.toml";

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A directory of this machine.
    Directory(PathBuf),
    /// Nowhere: one text by itself, such as an unsaved one or one that another program serves.
    Nowhere,
}

/// Layerfiles that are compiled together.
#[derive(Debug)]
pub struct Repository {
    root: Root,
    /// Sorted by path; the index is the [`FileId`] in the linked project.
    documents: Vec<Arc<Document>>,
    tree: Tree,
    project_settings: Arc<ProjectSettings>,
    lints: LintConfiguration,
    compiled: OnceLock<Compiled>,
    graph: OnceLock<Graph>,
    plan: OnceLock<Result<Arc<Plan>, PlanError>>,
}

impl Repository {
    /// The repository at `root`, from disk.
    pub(super) fn load(host: &Arc<dyn Host>, root: PathBuf, settings: &Settings) -> Self {
        let answers = Arc::new(DiskAnswers::new(Arc::clone(host), root.clone()));
        let documents = host
            .layerfiles(&root)
            .into_iter()
            .filter_map(|path| super::state::from_disk(host.as_ref(), &root, path))
            .collect();
        let project = Arc::new(host.project_settings(&root));
        Self::assemble(Root::Directory(root), documents, Some(answers), project, settings)
    }

    /// One document that stands by itself.
    pub(super) fn nowhere(document: Arc<Document>, settings: &Settings) -> Self {
        Self::assemble(Root::Nowhere, vec![document], None, Arc::default(), settings)
    }

    fn assemble(
        root: Root,
        mut documents: Vec<Arc<Document>>,
        answers: Option<Arc<DiskAnswers>>,
        project_settings: Arc<ProjectSettings>,
        settings: &Settings,
    ) -> Self {
        documents.sort_unstable_by(|one, other| one.path().cmp(other.path()));
        documents.dedup_by(|one, other| one.path() == other.path());
        let open = documents.iter().filter(|document| document.is_open());
        let unsaved = open.map(|document| document.path().clone()).collect();
        let tree = answers.map_or(Tree::Nowhere, |answers| Tree::Disk { answers, unsaved });
        let lints = settings.over(&project_settings.lints);
        Self {
            root,
            documents,
            tree,
            project_settings,
            lints,
            compiled: OnceLock::new(),
            graph: OnceLock::new(),
            plan: OnceLock::new(),
        }
    }

    fn answers(&self) -> Option<Arc<DiskAnswers>> {
        match &self.tree {
            Tree::Disk { answers, .. } => Some(Arc::clone(answers)),
            Tree::Nowhere => None,
        }
    }

    /// The repository with `document` in the place of the one at its path.
    pub(super) fn with(&self, document: Arc<Document>, settings: &Settings) -> Self {
        let mut documents = self.documents.clone();
        match self.find(document.path()) {
            Some(id) => documents.get_mut(id.index()).into_iter().for_each(|place| {
                *place = Arc::clone(&document);
            }),
            None => documents.push(document),
        }
        let project = Arc::clone(&self.project_settings);
        Self::assemble(self.root.clone(), documents, self.answers(), project, settings)
    }

    /// The repository with these documents in the place of its own, after changes on disk at `changed`.
    pub(super) fn refreshed(
        &self,
        documents: Vec<Arc<Document>>,
        changed: &[RepoPath],
        project: Arc<ProjectSettings>,
        settings: &Settings,
    ) -> Self {
        let answers = self.answers().map(|answers| Arc::new(answers.without(changed)));
        Self::assemble(self.root.clone(), documents, answers, project, settings)
    }

    /// The same repository under other settings of the user.
    pub(super) fn configured(&self, settings: &Settings) -> Self {
        let project = Arc::clone(&self.project_settings);
        let documents = self.documents.clone();
        Self::assemble(self.root.clone(), documents, self.answers(), project, settings)
    }

    /// Where it is.
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// Its directory, if it is on this machine.
    pub fn directory(&self) -> Option<&Path> {
        match &self.root {
            Root::Directory(directory) => Some(directory),
            Root::Nowhere => None,
        }
    }

    /// The absolute path of something in it.
    pub fn absolute(&self, path: &RepoPath) -> Option<PathBuf> {
        self.directory().map(|directory| directory.join(path.as_str()))
    }

    /// Its Layerfiles, sorted by path.
    pub fn documents(&self) -> &[Arc<Document>] {
        &self.documents
    }

    /// Its Layerfiles with their ids in the linked project.
    pub fn documents_with_ids(&self) -> impl Iterator<Item = (FileId, &Arc<Document>)> {
        (0..).map(FileId::new).zip(&self.documents)
    }

    /// The Layerfile of an id.
    pub fn document(&self, id: FileId) -> Option<&Arc<Document>> {
        self.documents.get(id.index())
    }

    /// The id of the Layerfile at `path`.
    pub fn find(&self, path: &RepoPath) -> Option<FileId> {
        let index = self.documents.binary_search_by(|document| document.path().cmp(path)).ok()?;
        u32::try_from(index).ok().map(FileId::new)
    }

    /// What else it holds.
    pub const fn tree(&self) -> &dyn Sources {
        &self.tree
    }

    /// What the disk was asked and would answer differently now.
    pub(super) fn stale_answers(&self) -> Vec<RepoPath> {
        self.answers().map(|answers| answers.stale()).unwrap_or_default()
    }

    /// What its `layerc.toml` says.
    pub fn project_settings(&self) -> &ProjectSettings {
        &self.project_settings
    }

    /// The linked project and all findings; made when first asked for.
    pub fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            let analyses = self.documents.iter().map(|document| document.analysis());
            let mut compiled = link(analyses, &self.tree, &self.lints);
            if self.root == Root::Nowhere {
                compiled.diagnostics.retain(|finding| !is_about_surroundings(finding));
            }
            compiled
        })
    }

    /// The linked project.
    pub fn project(&self) -> &Project {
        &self.compiled().project
    }

    /// One linked file.
    pub fn linked(&self, id: FileId) -> Option<&LinkedFile> {
        self.project().files.get(id.index())
    }

    /// Who inherits from whom and who waits for whom.
    pub fn graph(&self) -> &Graph {
        self.graph.get_or_init(|| Graph::new(self.project()))
    }

    /// The findings about one file, in order.
    pub fn findings(&self, id: FileId) -> &[Diagnostic] {
        let all = &self.compiled().diagnostics;
        let start = all.partition_point(|finding| finding.primary.file < id);
        let end = all.partition_point(|finding| finding.primary.file <= id);
        all.get(start..end).unwrap_or_default()
    }

    /// The plan of everything that can be planned.
    ///
    /// # Errors
    /// If nothing can be planned, or a limit is passed.
    pub fn plan(&self) -> Result<&Arc<Plan>, &PlanError> {
        let plan = || {
            let project = self.project();
            let sound = project.ids().filter(|id| !project.file(*id).has_errors);
            build(project, &Selection::Targets(sound.collect())).map(Arc::new)
        };
        self.plan.get_or_init(plan).as_ref()
    }
}

/// Whether a finding says that a path leaves the repository. A text without a place has no outside.
fn is_about_surroundings(finding: &Diagnostic) -> bool {
    [&rules::REFERENCE_OUTSIDE, &rules::COPY_OUTSIDE].iter().any(|rule| rule.code == finding.code)
}
