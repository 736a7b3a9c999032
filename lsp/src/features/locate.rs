//! What stands at a place of a Layerfile: the instruction, and what in it the cursor is on.
//!
//! The one reading of places that definition, references, hover, highlight and rename share.

use crate::workspace::FileView;
use crate::workspace::variables::Mention;
use layerc_compiler::catalog::{DirectiveInfo, keyword_at};
use layerc_compiler::directive::{Checkpoint, Directive, FromSource, Instruction, Word};
use layerc_compiler::project::Parent;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::{FileId, Span};
use layerc_compiler::token::TokenKind;
use std::sync::Arc;

/// What a cursor can be on.
#[derive(Debug, Clone, Copy)]
pub enum Thing<'s> {
    /// The keyword of an instruction.
    Keyword(&'static DirectiveInfo, Span),
    /// A word that names another Layerfile.
    Layerfile(Reference<'s>),
    /// The image of FROM.
    Image(&'s Word),
    /// A file or directory of the repository: COPY, SETUP FILE.
    Path(&'s Word),
    /// A variable.
    Variable(&'s Mention),
    /// The name of a CHECKPOINT.
    Checkpoint(&'s Word),
}

impl Thing<'_> {
    /// Where it stands.
    pub const fn span(&self) -> Span {
        match self {
            Self::Keyword(_, span) => *span,
            Self::Layerfile(reference) => reference.word.span,
            Self::Image(word) | Self::Path(word) | Self::Checkpoint(word) => word.span,
            Self::Variable(mention) => mention.span,
        }
    }
}

/// What stands at a byte.
pub fn thing_at(view: FileView<'_>, offset: u32) -> Option<Thing<'_>> {
    let word = || {
        let (_, directive) = directive_at(view, offset)?;
        word_thing(directive, offset)
    };
    reference_at(view, offset)
        .map(Thing::Layerfile)
        .or_else(|| mention_at(view, offset).map(Thing::Variable))
        .or_else(word)
        .or_else(|| keyword_thing(view, offset))
}

fn word_thing(directive: &Directive, offset: u32) -> Option<Thing<'_>> {
    match &directive.instruction {
        Instruction::From(FromSource::Image(word)) if word.span.touches(offset) => {
            Some(Thing::Image(word))
        }
        Instruction::Copy(copy) => touched(&copy.sources, offset).map(Thing::Path),
        Instruction::SetupFile(words) => touched(words, offset).map(Thing::Path),
        Instruction::Checkpoint(Checkpoint::Named(word)) if word.span.touches(offset) => {
            Some(Thing::Checkpoint(word))
        }
        _ => None,
    }
}

fn touched(words: &[Word], offset: u32) -> Option<&Word> {
    words.iter().find(|word| word.span.touches(offset))
}

/// The keyword at a byte, of a broken instruction too.
fn keyword_thing(view: FileView<'_>, offset: u32) -> Option<Thing<'_>> {
    let tokens = &view.analysis().tokens;
    let is_part = |kind| matches!(kind, TokenKind::Keyword | TokenKind::Blank);
    let at = tokens
        .iter()
        .position(|token| token.kind == TokenKind::Keyword && token.span.touches(offset))?;
    let before = tokens.get(..at)?.iter().rev().take_while(|token| is_part(token.kind));
    let start = before
        .filter(|token| token.kind == TokenKind::Keyword)
        .map(|token| token.span.start())
        .last()
        .or_else(|| tokens.get(at).map(|token| token.span.start()))?;
    let (info, words) = keyword_at(view.text().get(start as usize..)?)?;
    let end = start + u32::try_from(words.end()).unwrap_or(0);
    Some(Thing::Keyword(info, Span::new(start, end)))
}

/// The instruction at a byte, its ends included, and its index; the later one where two touch.
pub fn directive_at(view: FileView<'_>, offset: u32) -> Option<(usize, &Arc<Directive>)> {
    let directives = &view.analysis().directives;
    let after = directives.partition_point(|directive| directive.span.start() <= offset);
    let index = after.checked_sub(1)?;
    let directive = directives.get(index)?;
    directive.span.touches(offset).then_some((index, directive))
}

/// The mention of a variable at a byte.
pub fn mention_at(view: FileView<'_>, offset: u32) -> Option<&Mention> {
    let mentions = view.document.mentions();
    let after = mentions.partition_point(|mention| mention.span.start() <= offset);
    let near = mentions.get(after.saturating_sub(2)..after).unwrap_or_default();
    near.iter().rev().find(|mention| mention.span.touches(offset))
}

/// A word that names another Layerfile.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'s> {
    /// The word.
    pub word: &'s Word,
    /// Whether FROM or WAIT has it.
    pub kind: ReferenceKind,
    /// The file it names; `None` if there is none.
    pub target: Option<FileId>,
}

/// Which instruction names the other file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceKind {
    /// FROM: its machine is continued.
    Inherits,
    /// WAIT: it has to succeed first.
    Waits,
}

/// All words of a file that name Layerfiles, in order.
pub fn references_of(view: FileView<'_>) -> Vec<Reference<'_>> {
    let parent = view.linked().map(|linked| &linked.parent);
    let mut references = Vec::new();
    for directive in &view.analysis().directives {
        match &directive.instruction {
            Instruction::From(FromSource::Path(word) | FromSource::Bare(word)) => {
                let target = match parent {
                    Some(Parent::File(file)) => Some(*file),
                    Some(Parent::Image(_) | Parent::Unresolved) | None => None,
                };
                references.push(Reference { word, kind: ReferenceKind::Inherits, target });
            }
            Instruction::Wait(words) => references.extend(words.iter().map(|word| Reference {
                word,
                kind: ReferenceKind::Waits,
                target: resolve(view, &word.value),
            })),
            _ => {}
        }
    }
    references
}

/// The Layerfile that a word of FROM or WAIT names, itself or by its directory.
pub fn resolve(view: FileView<'_>, text: &str) -> Option<FileId> {
    let path = resolve_path(view, text)?;
    layerc_planner::selection::find_layerfile(view.repository.project(), &path)
}

/// The path that a word of FROM, WAIT or COPY names; `None` if it leaves the repository.
pub fn resolve_path(view: FileView<'_>, text: &str) -> Option<RepoPath> {
    let directory = view.document.path().parent().unwrap_or_else(RepoPath::root);
    RepoPath::resolve(&directory, text)
}

/// The path that a word of COPY or SETUP FILE names.
pub fn path_of_word(view: FileView<'_>, word: &Word) -> Option<RepoPath> {
    let linked = view.linked()?.directives.iter();
    let setup_file =
        linked.filter(|linked| linked.span.touches(word.span.start())).find_map(|linked| {
            let Instruction::SetupFile(words) = &linked.directive.instruction else { return None };
            let index = words.iter().position(|other| other.span == word.span)?;
            linked.setup_files.get(index).cloned()
        });
    setup_file.or_else(|| resolve_path(view, &word.value))
}

/// The word naming a Layerfile at a byte.
pub fn reference_at(view: FileView<'_>, offset: u32) -> Option<Reference<'_>> {
    let (_, directive) = directive_at(view, offset)?;
    let names_files = matches!(&directive.instruction, Instruction::From(_) | Instruction::Wait(_));
    let references = names_files.then(|| references_of(view))?;
    references.into_iter().find(|reference| reference.word.span.touches(offset))
}
