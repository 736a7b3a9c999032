//! The words of instructions that are paths of the repository, and what they name.
//!
//! Destinations of COPY, CACHE and WORKDIR are paths of the machine and not looked at.

use super::change::Edit;
use super::spelling;
use layerc_compiler::directive::{FromSource, Instruction, Word};
use layerc_compiler::project::{LinkedDirective, LinkedFile};
use layerc_compiler::repo_path::RepoPath;

/// A word that names something in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference<'a> {
    /// The word.
    pub(crate) word: &'a Word,
    /// What it names; may hold patterns.
    pub(crate) target: RepoPath,
}

/// Every reference of one instruction of a file in `directory`. Words that leave the repository are left out.
pub(crate) fn of_directive<'a>(
    linked: &'a LinkedDirective,
    directory: &RepoPath,
) -> Vec<Reference<'a>> {
    let plain = |words: &'a [Word]| -> Vec<Reference<'a>> {
        let resolve = |word: &'a Word| {
            let target = RepoPath::resolve(directory, &word.value)?;
            Some(Reference { word, target })
        };
        words.iter().filter_map(resolve).collect()
    };
    match &linked.directive.instruction {
        Instruction::From(FromSource::Path(word) | FromSource::Bare(word)) => {
            plain(std::slice::from_ref(word))
        }
        Instruction::Copy(copy) => plain(&copy.sources),
        Instruction::Wait(words) => plain(words),
        // One may be found at the root only, so what linking says counts.
        Instruction::SetupFile(words) if words.len() == linked.setup_files.len() => {
            let pairs = words.iter().zip(&linked.setup_files);
            pairs.map(|(word, target)| Reference { word, target: target.clone() }).collect()
        }
        Instruction::SetupFile(words) => plain(words),
        _ => Vec::new(),
    }
}

/// Edits that make these instructions of `file` name the same in a file in `directory`.
pub(crate) fn respelled<'a>(
    file: &LinkedFile,
    directives: impl IntoIterator<Item = &'a LinkedDirective>,
    directory: &RepoPath,
) -> Vec<Edit> {
    let references =
        directives.into_iter().flat_map(|linked| of_directive(linked, &file.directory));
    references
        .filter_map(|reference| {
            let spelled =
                spelling::for_directory(&reference.word.value, directory, &reference.target);
            (spelled != reference.word.value)
                .then_some(Edit { span: reference.word.span, replacement: spelled })
        })
        .collect()
}
