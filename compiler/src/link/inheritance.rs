//! What FROM passes down: checks that need a file together with the files it inherits from.
//!
//! Each file is visited once, after its parent; files on a FROM cycle are left out, their diagnostic says enough.

use super::references::{References, with_removal};
use super::resolve::Layerfiles;
use super::with_ids;
use crate::analysis::FileAnalysis;
use crate::checks::{Inherited, Refutation};
use crate::diagnostic::Diagnostic;
use crate::findings::Findings;
use crate::rules;
use crate::span::{FileId, Span};
use std::collections::HashSet;

/// The largest MEMORY of a file and its ancestors: bytes, file and place.
type ChainMemory = Option<(u64, FileId, Span)>;

/// Checks every file against its ancestors.
pub(crate) fn check(
    files: &[&FileAnalysis],
    layerfiles: &Layerfiles<'_>,
    references: &References,
    findings: &mut Findings,
) {
    let check = Check { files, layerfiles, references };
    check.memory(findings);
    for (id, file) in with_ids(files) {
        check.split(id, findings);
        check.waits(id, file, findings);
        check.deferred(id, file, findings);
        check.secrets(id, file, findings);
    }
}

struct Check<'a> {
    files: &'a [&'a FileAnalysis],
    layerfiles: &'a Layerfiles<'a>,
    references: &'a References,
}

impl Check<'_> {
    fn file(&self, id: FileId) -> Option<&FileAnalysis> {
        self.files.get(id.index()).copied()
    }

    fn name(&self, id: FileId) -> String {
        self.layerfiles.path(id).map_or(String::new(), |path| format!("`{path}`"))
    }

    fn span_of_from(&self, id: FileId) -> Option<Span> {
        self.references.of(id)?.from
    }

    /// The files in an order in which each comes after its parent.
    fn parents_first(&self) -> Vec<FileId> {
        let mut children: Vec<Vec<FileId>> = vec![Vec::new(); self.files.len()];
        let mut order = Vec::with_capacity(self.files.len());
        for (id, _) in with_ids(self.files) {
            match self.references.parent(id).and_then(|parent| children.get_mut(parent.index())) {
                Some(siblings) => siblings.push(id),
                None => order.push(id),
            }
        }
        let mut next = 0;
        while let Some(id) = order.get(next).copied() {
            order.extend(children.get(id.index()).into_iter().flatten().copied());
            next += 1;
        }
        order
    }

    /// A child that asks for more memory than the files it inherits from.
    fn memory(&self, findings: &mut Findings) {
        let mut chain: Vec<ChainMemory> = vec![None; self.files.len()];
        for id in self.parents_first() {
            let own = self.file(id).and_then(|file| file.facts.memory);
            let parent = self.references.parent(id);
            let above = parent.and_then(|parent| chain.get(parent.index()).copied().flatten());
            if let (Some((bytes, span)), Some(parent)) = (own, parent) {
                findings.extend(self.memory_finding(id, span, bytes, parent, above));
            }
            let own = own.map(|(bytes, span)| (bytes, id, span));
            let largest = [own, above].into_iter().flatten().max_by_key(|(bytes, ..)| *bytes);
            if let Some(entry) = chain.get_mut(id.index()) {
                *entry = largest;
            }
        }
    }

    fn memory_finding(
        &self,
        id: FileId,
        span: Span,
        bytes: u64,
        parent: FileId,
        above: ChainMemory,
    ) -> Option<Diagnostic> {
        if above.is_some_and(|(most, ..)| most >= bytes) {
            return None;
        }
        let message = format!(
            "asks for more memory than {}, whose machine this one continues",
            self.name(parent)
        );
        let diagnostic = rules::MEMORY_ABOVE_PARENT.at(id, span, message).with_help(format!(
            "put this MEMORY in {}, where the machine is started",
            self.name(parent)
        ));
        Some(match above {
            Some((_, file, place)) => {
                diagnostic.with_related(file, place, "less is asked for here")
            }
            None => {
                diagnostic.with_related(id, self.span_of_from(id)?, "the machine comes from here")
            }
        })
    }

    /// A file that inherits from one that is split: from which copy?
    fn split(&self, id: FileId, findings: &mut Findings) {
        let Some(parent) = self.references.parent(id) else { return };
        let Some(split) = self.file(parent).and_then(|file| file.facts.split) else { return };
        let Some(span) = self.span_of_from(id) else { return };
        let message =
            format!("{} is split, so there is no one machine to start from", self.name(parent));
        let diagnostic = rules::SPLIT_IN_PARENT
            .at(id, span, message)
            .with_related(parent, split, "split here")
            .with_help("move the steps before SPLIT to a Layerfile of their own and start both files from it");
        findings.push(diagnostic);
    }

    /// A WAIT on a file that this one inherits from: it has succeeded long before.
    fn waits(&self, id: FileId, file: &FileAnalysis, findings: &mut Findings) {
        let Some(own) = self.references.of(id).filter(|own| !own.waits.is_empty()) else { return };
        let ancestors: HashSet<FileId> = self.references.ancestors(id).collect();
        for wait in own.waits.iter().filter(|wait| ancestors.contains(&wait.target)) {
            let Some(directive) = file.directives.get(wait.directive) else { continue };
            let message = format!(
                "{} has always finished here: this file starts from it",
                self.name(wait.target)
            );
            let mut diagnostic = rules::WAIT_ON_PARENT.at(id, wait.span, message);
            if let Some(from) = own.from {
                diagnostic = diagnostic.with_related(id, from, "inherited through this FROM");
            }
            findings.push(with_removal(diagnostic, directive, wait.span));
        }
    }

    /// Findings that an ancestor can refute.
    fn deferred(&self, id: FileId, file: &FileAnalysis, findings: &mut Findings) {
        for deferred in &file.deferred {
            let refutes = |above: FileId| {
                self.file(above).is_some_and(|file| refutes(&deferred.unless, file))
            };
            if !self.references.ancestors(id).any(refutes) {
                findings.push(super::finish::with_file(deferred.finding.clone(), id));
            }
        }
    }

    /// Findings about secrets that only an ancestor can have.
    fn secrets(&self, id: FileId, file: &FileAnalysis, findings: &mut Findings) {
        for needs in &file.needs_secret {
            let place = self.references.ancestors(id).find_map(|above| {
                let place = secret_of(self.file(above)?, &needs.secret)?;
                Some((above, place))
            });
            if let Some((above, place)) = place {
                let finding = super::finish::with_file(needs.finding.clone(), id);
                findings.push(finding.with_related(above, place, "a secret since here"));
            }
        }
    }
}

/// Where SECRET ENV of a file names a secret.
fn secret_of(file: &FileAnalysis, secret: &Inherited) -> Option<Span> {
    match secret {
        Inherited::Named(name) => file.facts.secrets.get(name).copied(),
        Inherited::Any => file.facts.secrets.values().next().copied(),
    }
}

fn refutes(refutation: &Refutation, file: &FileAnalysis) -> bool {
    match refutation {
        Refutation::SetsUser => file.facts.user.is_some(),
        Refutation::Defines(name) => file.facts.defines.contains(name),
    }
}
