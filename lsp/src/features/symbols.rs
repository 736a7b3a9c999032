//! Outlines: the instructions of a document, and the named things of the whole workspace.

use super::moves::layer_name;
use crate::cancellation::is_cancelled;
use crate::workspace::{FileView, Snapshot};
use layerc_compiler::directive::{Checkpoint, Directive, FromSource, Instruction, Word};
use layerc_compiler::span::Span;
use ls_types::{DocumentSymbol, Location, OneOf, SymbolKind, WorkspaceSymbol};

/// Names of a workspace symbol that one answer holds; a person narrows the query long before.
const MAX_WORKSPACE_SYMBOLS: usize = 2_000;

/// Characters of an instruction that its outline shows.
const SHOWN_CHARACTERS: usize = 60;

/// The instructions of a document, in order; names that one defines are its children.
pub fn document(view: FileView<'_>) -> Vec<DocumentSymbol> {
    view.analysis().directives.iter().map(|directive| symbol(view, directive)).collect()
}

fn symbol(view: FileView<'_>, directive: &Directive) -> DocumentSymbol {
    let children: Vec<DocumentSymbol> = named(directive)
        .into_iter()
        .map(|named| {
            let range = view.range(named.span);
            made(named.name.to_owned(), None, named.kind, (range, range), Vec::new())
        })
        .collect();
    let arguments = arguments(view, directive);
    let keyword = view.slice(directive.keyword).split_whitespace().collect::<Vec<_>>().join(" ");
    let name = if arguments.is_empty() { keyword } else { format!("{keyword} {arguments}") };
    let ranges = (view.range(directive.span), view.range(directive.keyword));
    made(name, None, kind(&directive.instruction), ranges, children)
}

/// What stands behind the keyword, on one line and not too long.
fn arguments(view: FileView<'_>, directive: &Directive) -> String {
    let rest = view.slice(Span::new(directive.keyword.end(), directive.span.end()));
    let words = rest.split_whitespace().filter(|word| *word != "\\");
    let mut shown = words.collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = shown.char_indices().nth(SHOWN_CHARACTERS) {
        shown.truncate(cut);
        shown.push('…');
    }
    shown
}

fn made(
    name: String,
    detail: Option<String>,
    kind: SymbolKind,
    (range, selection_range): (ls_types::Range, ls_types::Range),
    children: Vec<DocumentSymbol>,
) -> DocumentSymbol {
    #[expect(deprecated, reason = "the type can't be made without the field")]
    DocumentSymbol {
        name,
        detail,
        kind,
        tags: None,
        deprecated: None,
        range,
        selection_range,
        children: (!children.is_empty()).then_some(children),
    }
}

const fn kind(instruction: &Instruction) -> SymbolKind {
    match instruction {
        Instruction::From(_) => SymbolKind::CLASS,
        Instruction::Run(_) | Instruction::Button(_) => SymbolKind::FUNCTION,
        Instruction::Copy(_)
        | Instruction::Clone(_)
        | Instruction::SetupFile(_)
        | Instruction::Cache(_)
        | Instruction::Artifact(_) => SymbolKind::FILE,
        Instruction::Env(_) | Instruction::BuildEnv(_) | Instruction::SecretEnv(_) => {
            SymbolKind::VARIABLE
        }
        Instruction::Checkpoint(_) => SymbolKind::EVENT,
        Instruction::ExposeWebsite(_) | Instruction::ExposeTcp(_) => SymbolKind::INTERFACE,
        Instruction::Memory(_) | Instruction::Split(_) => SymbolKind::NUMBER,
        Instruction::User(_) | Instruction::Workdir(_) | Instruction::Label(_) => {
            SymbolKind::PROPERTY
        }
        Instruction::Wait(_) => SymbolKind::MODULE,
        Instruction::SkipIf(_) => SymbolKind::BOOLEAN,
        Instruction::Aws(_) => SymbolKind::OPERATOR,
    }
}

/// A name with a place.
struct Named<'s> {
    name: &'s str,
    span: Span,
    kind: SymbolKind,
}

fn each(words: &[Word], kind: SymbolKind) -> Vec<Named<'_>> {
    words.iter().map(|word| Named { name: &word.value, span: word.span, kind }).collect()
}

/// The names in an instruction that are worth finding.
fn named(directive: &Directive) -> Vec<Named<'_>> {
    match &directive.instruction {
        Instruction::Env(pairs) => pairs
            .iter()
            .map(|pair| Named {
                name: &pair.key.value,
                span: pair.key.span,
                kind: SymbolKind::VARIABLE,
            })
            .collect(),
        Instruction::SecretEnv(words) => each(words, SymbolKind::KEY),
        Instruction::BuildEnv(words) => each(words, SymbolKind::VARIABLE),
        Instruction::Wait(words) => each(words, SymbolKind::MODULE),
        Instruction::Checkpoint(Checkpoint::Named(word)) => {
            each(std::slice::from_ref(word), SymbolKind::EVENT)
        }
        Instruction::ExposeWebsite(website) => {
            vec![Named {
                name: &website.path.value,
                span: website.path.span,
                kind: SymbolKind::INTERFACE,
            }]
        }
        _ => Vec::new(),
    }
}

/// The layers, variables, secrets, checkpoints and websites whose names hold the letters of `query` in their order,
/// the best fitting first.
pub fn workspace(snapshot: &Snapshot, query: &str) -> Vec<WorkspaceSymbol> {
    let query: Vec<char> =
        query.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let mut found: Vec<(u32, FileView<'_>, Named<'_>)> = Vec::new();
    for view in snapshot.files().take_while(|_| !is_cancelled()) {
        let layer = layer_name(view.document.path());
        if let Some(score) = fit(layer, &query) {
            let first = view.analysis().directives.first();
            let span = first.map_or(Span::empty(0), |first| first.keyword);
            found.push((score, view, Named { name: layer, span, kind: SymbolKind::CLASS }));
        }
        for directive in &view.analysis().directives {
            // Words of WAIT and BUILD ENV name what is defined elsewhere.
            let defines = !matches!(
                directive.instruction,
                Instruction::Wait(_)
                    | Instruction::BuildEnv(_)
                    | Instruction::From(FromSource::Path(_))
            );
            for named in named(directive).into_iter().filter(|_| defines) {
                if let Some(score) = fit(named.name, &query) {
                    found.push((score, view, named));
                }
            }
        }
    }
    found.sort_unstable_by(|(one, left_view, left), (other, right_view, right)| {
        (one, left.name, left_view.document.path(), left.span).cmp(&(
            other,
            right.name,
            right_view.document.path(),
            right.span,
        ))
    });
    found.truncate(MAX_WORKSPACE_SYMBOLS);
    found.into_iter().map(|(_, view, named)| workspace_symbol(view, &named)).collect()
}

fn workspace_symbol(view: FileView<'_>, named: &Named<'_>) -> WorkspaceSymbol {
    let location: Location = view.location(named.span);
    WorkspaceSymbol {
        name: named.name.to_owned(),
        kind: named.kind,
        tags: None,
        container_name: Some(view.document.path().to_string()),
        location: OneOf::Left(location),
        data: None,
    }
}

/// How badly `name` fits: 0 for the same, more for gaps; `None` if the letters of `query` don't occur in their order.
fn fit(name: &str, query: &[char]) -> Option<u32> {
    let mut wanted = query.iter();
    let mut next = wanted.next();
    let mut gaps: u32 = 0;
    for letter in name.chars().flat_map(char::to_lowercase) {
        match next {
            Some(expected) if *expected == letter => next = wanted.next(),
            Some(_) | None => gaps += 1,
        }
    }
    next.is_none().then_some(gaps)
}
