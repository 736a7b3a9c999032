//! Words that lead to another document: layers, files of COPY and SETUP FILE, repositories of CLONE.

use super::locate::{path_of_word, references_of};
use super::references::paths_of;
use crate::workspace::{FileView, uri};
use layerc_compiler::directive::Instruction;
use layerc_compiler::sources::EntryKind;
use layerc_compiler::span::Span;
use ls_types::{DocumentLink, Uri};

/// The links of a document, in order.
pub fn links(view: FileView<'_>) -> Vec<DocumentLink> {
    let mut found: Vec<(Span, Uri, &str)> = Vec::new();
    for reference in references_of(view) {
        if let Some(target) = reference.target.and_then(|id| view.sibling(id)) {
            found.push((reference.word.span, target.document.uri().clone(), "open the Layerfile"));
        }
    }
    for word in paths_of(view) {
        let file = path_of_word(view, word)
            .filter(|path| view.repository.tree().kind(path) == Some(EntryKind::File));
        let absolute = file.and_then(|path| view.repository.absolute(&path));
        if let Some(uri) = absolute.and_then(|path| uri::of_path(&path)) {
            found.push((word.span, uri, "open the file"));
        }
    }
    for directive in &view.analysis().directives {
        if let Instruction::Clone(clone) = &directive.instruction
            && clone.url.value.starts_with("https://")
            && let Ok(uri) = clone.url.value.parse()
        {
            found.push((clone.url.span, uri, "open the repository"));
        }
    }
    found.sort_by_key(|(span, ..)| *span);
    let link = |(span, target, tooltip): (Span, Uri, &str)| DocumentLink {
        range: view.range(span),
        target: Some(target),
        tooltip: Some(tooltip.to_owned()),
        data: None,
    };
    found.into_iter().map(link).collect()
}
