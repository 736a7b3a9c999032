//! What a place of a Layerfile is, in words: the directive, the file it names, the variable.
//!
//! Words about directives and variables come from the catalogue.

use super::locate::{ReferenceKind, directive_at, reference_at};
use crate::workspace::FileView;
use layerc_compiler::catalog::{DirectiveInfo, keyword_at};
use layerc_compiler::span::Span;
use ls_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position};

/// What stands at `position`.
pub fn hover(view: FileView<'_>, position: Position) -> Option<Hover> {
    let offset = view.offset(position);
    let (span, text) = at(view, offset)?;
    let contents = MarkupContent { kind: MarkupKind::Markdown, value: text };
    Some(Hover { contents: HoverContents::Markup(contents), range: Some(view.range(span)) })
}

fn at(view: FileView<'_>, offset: u32) -> Option<(Span, String)> {
    if let Some(reference) = reference_at(view, offset) {
        let target = view.sibling(reference.target?)?;
        let verb = match reference.kind {
            ReferenceKind::Inherits => "Continues the machine of",
            ReferenceKind::Waits => "Waits for",
        };
        let text =
            format!("{verb} [`{}`]({})", target.document.path(), target.document.uri().as_str());
        return Some((reference.word.span, text));
    }
    let (_, directive) = directive_at(view, offset)?;
    let keyword = directive.keyword;
    if !keyword.touches(offset) {
        return None;
    }
    let (info, _) = keyword_at(view.text().get(keyword.start() as usize..)?)?;
    Some((keyword, describe(info)))
}

/// A directive in words.
pub fn describe(info: &DirectiveInfo) -> String {
    format!(
        "```layerfile\n{}\n```\n{}\n\n```layerfile\n{}\n```",
        info.usage, info.doc, info.example
    )
}
