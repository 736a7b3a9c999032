//! Answers for clients that understand less: links as places, trees as lists, Markdown as words. Edits are in [`super::edits`].

use super::greeting::Greeting;
use ls_types::{
    DocumentLink, DocumentSymbol, DocumentSymbolResponse, GotoDefinitionResponse, Hover,
    HoverContents, Location, LocationLink, MarkupContent, MarkupKind, SymbolInformation, Uri,
};

/// Where something is defined.
pub(super) fn places(
    greeting: &Greeting,
    links: Vec<LocationLink>,
) -> Option<GotoDefinitionResponse> {
    if links.is_empty() {
        return None;
    }
    if greeting.takes_links() {
        return Some(GotoDefinitionResponse::Link(links));
    }
    let location =
        |link: LocationLink| Location { uri: link.target_uri, range: link.target_selection_range };
    Some(GotoDefinitionResponse::Array(links.into_iter().map(location).collect()))
}

/// Links, with what following them does where the client shows that.
pub(super) fn links(greeting: &Greeting, links: Vec<DocumentLink>) -> Vec<DocumentLink> {
    if greeting.takes_link_tooltips() {
        return links;
    }
    links.into_iter().map(|link| DocumentLink { tooltip: None, ..link }).collect()
}

/// A hover in the format that the client shows.
pub(super) fn hover(greeting: &Greeting, hover: Hover) -> Hover {
    let HoverContents::Markup(text) = &hover.contents else { return hover };
    if greeting.takes_markdown() {
        return hover;
    }
    let text = MarkupContent { kind: MarkupKind::PlainText, value: plain(&text.value) };
    Hover { contents: HoverContents::Markup(text), ..hover }
}

/// Our Markdown without its marks: fences go, links keep their words.
fn plain(markdown: &str) -> String {
    let lines = markdown.lines().filter(|line| !line.starts_with("```"));
    let mut text = lines.collect::<Vec<_>>().join("\n");
    while let Some((before, after)) = text.split_once("](")
        && let Some((head, words)) = before.rsplit_once('[')
        && let Some((_, tail)) = after.split_once(')')
    {
        text = format!("{head}{words}{tail}");
    }
    text.replace('`', "")
}

/// The outline of the document `uri`.
pub(super) fn outline(
    greeting: &Greeting,
    uri: &Uri,
    symbols: Vec<DocumentSymbol>,
) -> DocumentSymbolResponse {
    if greeting.takes_trees() {
        return DocumentSymbolResponse::Nested(symbols);
    }
    let mut list = Vec::new();
    for mut symbol in symbols {
        let children = symbol.children.take().unwrap_or_default();
        let container = symbol.name.clone();
        list.push(flat(uri, symbol, None));
        list.extend(children.into_iter().map(|child| flat(uri, child, Some(container.clone()))));
    }
    DocumentSymbolResponse::Flat(list)
}

fn flat(uri: &Uri, symbol: DocumentSymbol, container_name: Option<String>) -> SymbolInformation {
    #[expect(deprecated, reason = "the type can't be made without the field")]
    SymbolInformation {
        name: symbol.name,
        kind: symbol.kind,
        tags: None,
        deprecated: None,
        location: Location { uri: uri.clone(), range: symbol.range },
        container_name,
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn markdown_becomes_words() {
        let markdown = "```layerfile\nRUN command\n```\nSee [`a/Layerfile`:2](file:///r/a/Layerfile#L2), [b](x) and `c`.";
        assert_eq!(plain(markdown), "RUN command\nSee a/Layerfile:2, b and c.");
        assert_eq!(plain("a](b"), "a](b", "what is no link stays");
    }
}
