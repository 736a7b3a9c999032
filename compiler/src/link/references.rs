//! Every FROM and WAIT of a project with what it names, and the cycles they form.
//!
//! Resolves words through [`super::resolve`]; broken ones get their diagnostic from [`super::missing`].

use super::cycles::{self, Knot};
use super::missing::{Broken, Explainer, Role};
use super::resolve::Layerfiles;
use super::with_ids;
use crate::analysis::FileAnalysis;
use crate::checks::without_word;
use crate::diagnostic::{Applicability, Diagnostic};
use crate::directive::{Directive, FromSource, Instruction, Word};
use crate::findings::Findings;
use crate::lint_configuration::LintConfiguration;
use crate::nearest::nearest;
use crate::project::Parent;
use crate::repo_path::RepoPath;
use crate::rules;
use crate::sources::Sources;
use crate::span::{FileId, Span};
use std::collections::{BTreeMap, HashSet};

/// The images that `layerc` has sources for without configuration.
const BUILT_IN_IMAGES: [&str; 2] = ["vm/ubuntu:18.04", "vm/ubuntu:22.04"];

/// One word of a WAIT that names a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaitWord {
    /// Index of the instruction in its file.
    pub(crate) directive: usize,
    /// The word.
    pub(crate) span: Span,
    /// What it names.
    pub(crate) target: FileId,
}

/// The references of one file.
#[derive(Debug)]
pub(crate) struct FileReferences {
    /// What FROM names.
    pub(crate) parent: Parent,
    /// The word of FROM.
    pub(crate) from: Option<Span>,
    /// The words of all WAITs that name files, in order, repetitions included.
    pub(crate) waits: Vec<WaitWord>,
}

impl FileReferences {
    /// The file this one inherits from.
    pub(crate) const fn parent_file(&self) -> Option<FileId> {
        match self.parent {
            Parent::File(file) => Some(file),
            Parent::Image(_) | Parent::Unresolved => None,
        }
    }

    /// The files that have to succeed first, in order of their mention.
    fn needs(&self) -> Vec<FileId> {
        self.parent_file().into_iter().chain(self.waits.iter().map(|wait| wait.target)).collect()
    }

    /// The word that makes this file need `target`, and how.
    fn word_for(&self, target: FileId) -> Option<(Span, &'static str)> {
        if self.parent_file() == Some(target) {
            return self.from.map(|span| (span, "starts from"));
        }
        self.waits.iter().find(|wait| wait.target == target).map(|wait| (wait.span, "waits for"))
    }
}

/// The references of all files, by id.
#[derive(Debug)]
pub(crate) struct References {
    files: Vec<FileReferences>,
}

impl References {
    /// Resolves every FROM and WAIT.
    pub(crate) fn resolve(
        files: &[&FileAnalysis],
        layerfiles: &Layerfiles<'_>,
        sources: &dyn Sources,
        configuration: &LintConfiguration,
        findings: &mut Findings,
    ) -> Self {
        let explainer = Explainer::new(layerfiles, sources);
        let resolver = Resolver { layerfiles, explainer, configuration };
        let files =
            with_ids(files).map(|(id, file)| resolver.resolve_file(id, file, findings)).collect();
        Self { files }
    }

    /// The references of one file.
    pub(crate) fn of(&self, file: FileId) -> Option<&FileReferences> {
        self.files.get(file.index())
    }

    /// The file that `file` inherits from.
    pub(crate) fn parent(&self, file: FileId) -> Option<FileId> {
        self.of(file)?.parent_file()
    }

    /// The files that `file` inherits from, nearest first. In a cycle it ends, but may name a file twice.
    pub(crate) fn ancestors(&self, file: FileId) -> impl Iterator<Item = FileId> + '_ {
        std::iter::successors(self.parent(file), move |above| self.parent(*above))
            .take_while(move |above| *above != file)
            .take(self.files.len())
    }

    /// One diagnostic for each knot of files that need each other.
    pub(crate) fn report_cycles(
        &self,
        layerfiles: &Layerfiles<'_>,
        findings: &mut Findings,
    ) -> Vec<Knot> {
        let needs: Vec<Vec<FileId>> = self.files.iter().map(FileReferences::needs).collect();
        let knots = cycles::knots(&needs);
        findings.extend(knots.iter().filter_map(|knot| self.cycle_diagnostic(knot, layerfiles)));
        knots
    }

    fn cycle_diagnostic(&self, knot: &Knot, layerfiles: &Layerfiles<'_>) -> Option<Diagnostic> {
        let name = |file: &FileId| {
            layerfiles.path(*file).map_or(String::new(), |path| format!("`{path}`"))
        };
        let first = *knot.cycle.first()?;
        let following = knot.cycle.iter().skip(1).chain(knot.cycle.first());
        let edges: Vec<(FileId, FileId)> =
            knot.cycle.iter().copied().zip(following.copied()).collect();
        let (span, _) = self.of(first)?.word_for(edges.first()?.1)?;
        let names: Vec<String> = knot.cycle.iter().chain([&first]).map(name).collect();
        let message = match knot.cycle.as_slice() {
            [_] => format!("{} needs itself, so it can never start", name(&first)),
            _ => format!("these files need each other and can never start: {}", names.join(" → ")),
        };
        let mut diagnostic = rules::DEPENDENCY_CYCLE.at(first, span, message).with_help(
            "take one FROM or WAIT out, or move what both sides need to a Layerfile of its own",
        );
        for (file, next) in edges.into_iter().skip(1) {
            let Some((span, verb)) = self.of(file).and_then(|references| references.word_for(next))
            else {
                continue;
            };
            diagnostic = diagnostic.with_related(
                file,
                span,
                format!("{} {verb} {}", name(&file), name(&next)),
            );
        }
        let shown: HashSet<FileId> = knot.cycle.iter().copied().collect();
        for file in knot.files.iter().filter(|file| !shown.contains(file)) {
            let inside = |target: &FileId| knot.files.binary_search(target).is_ok();
            let Some(references) = self.of(*file) else { continue };
            let next = references.needs().into_iter().find(inside);
            let Some((span, verb)) = next.and_then(|next| references.word_for(next)) else {
                continue;
            };
            diagnostic = diagnostic.with_related(
                *file,
                span,
                format!("{} also {verb} one of them", name(file)),
            );
        }
        Some(diagnostic)
    }
}

/// Resolves the references of one file after the other.
struct Resolver<'a> {
    layerfiles: &'a Layerfiles<'a>,
    explainer: Explainer<'a>,
    configuration: &'a LintConfiguration,
}

impl Resolver<'_> {
    fn resolve_file(
        &self,
        id: FileId,
        file: &FileAnalysis,
        findings: &mut Findings,
    ) -> FileReferences {
        let mut references =
            FileReferences { parent: Parent::Unresolved, from: None, waits: Vec::new() };
        for (index, directive) in file.directives.iter().enumerate() {
            match &directive.instruction {
                Instruction::From(source) if references.from.is_none() => {
                    references.from = Some(from_word(source).span);
                    references.parent = self.resolve_from(id, file, source, findings);
                }
                Instruction::Wait(words) => {
                    for word in words {
                        let target = self.layerfile(id, file, word, Role::Wait, findings);
                        let wait = target.map(|target| WaitWord {
                            directive: index,
                            span: word.span,
                            target,
                        });
                        references.waits.extend(wait);
                    }
                }
                _ => {}
            }
        }
        report_repeated_waits(id, file, &references.waits, findings);
        references
    }

    fn resolve_from(
        &self,
        id: FileId,
        file: &FileAnalysis,
        source: &FromSource,
        findings: &mut Findings,
    ) -> Parent {
        let role = match source {
            FromSource::Image(word) => {
                findings.extend(self.check_image(id, word));
                return Parent::Image(word.value.clone());
            }
            FromSource::Path(_) => Role::From,
            FromSource::Bare(_) => Role::BareFrom,
        };
        self.layerfile(id, file, from_word(source), role, findings)
            .map_or(Parent::Unresolved, Parent::File)
    }

    /// The Layerfile that a word names; if there is none, why.
    fn layerfile(
        &self,
        id: FileId,
        file: &FileAnalysis,
        word: &Word,
        role: Role,
        findings: &mut Findings,
    ) -> Option<FileId> {
        let path = RepoPath::resolve(&file.directory, &word.value);
        let found = path.and_then(|path| self.layerfiles.named_by(&path));
        if found.is_none() {
            let broken = Broken { file: id, directory: &file.directory, word, role };
            findings.extend(self.explainer.explain(broken));
        }
        found
    }

    /// Says that an image has no source yet, if so.
    fn check_image(&self, id: FileId, word: &Word) -> Option<Diagnostic> {
        let name = word.value.as_str();
        if BUILT_IN_IMAGES.contains(&name) || self.configuration.knows_image(name) {
            return None;
        }
        let diagnostic = rules::UNKNOWN_IMAGE.at(
            id,
            word.span,
            format!("no source is known for the image `{name}`"),
        );
        let plain =
            BUILT_IN_IMAGES.into_iter().find(|image| image.strip_prefix("vm/") == Some(name));
        match plain.or_else(|| nearest(name, BUILT_IN_IMAGES).unique()) {
            Some(meant) => Some(diagnostic.with_help(format!("did you mean `{meant}`?")).with_fix(
                format!("write `{meant}`"),
                Applicability::Suggestion,
                word.span,
                meant,
            )),
            None => Some(diagnostic.with_help(
                "map the name to a source in `layerc.toml`, or with `--image` at the run",
            )),
        }
    }
}

const fn from_word(source: &FromSource) -> &Word {
    match source {
        FromSource::Image(word) | FromSource::Path(word) | FromSource::Bare(word) => word,
    }
}

/// A file that is waited for twice: the second time changes nothing.
fn report_repeated_waits(
    id: FileId,
    file: &FileAnalysis,
    waits: &[WaitWord],
    findings: &mut Findings,
) {
    let mut first: BTreeMap<FileId, Span> = BTreeMap::new();
    for wait in waits {
        let Some(before) = first.get(&wait.target) else {
            first.insert(wait.target, wait.span);
            continue;
        };
        let diagnostic = rules::WAIT_REPEATED
            .at(id, wait.span, "this Layerfile was already waited for")
            .with_related(id, *before, "here");
        let Some(directive) = file.directives.get(wait.directive) else { continue };
        findings.push(with_removal(diagnostic, directive, wait.span));
    }
}

/// Offers to take the word at `span` out of a WAIT, which changes nothing.
pub(crate) fn with_removal(
    diagnostic: Diagnostic,
    directive: &Directive,
    span: Span,
) -> Diagnostic {
    let Instruction::Wait(words) = &directive.instruction else { return diagnostic };
    let title = if words.len() > 1 { "take this word out" } else { "remove this WAIT" };
    diagnostic.with_fix(title, Applicability::Safe, without_word(directive, words, span), "")
}
