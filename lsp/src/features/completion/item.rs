//! The list under construction: where items go and how they look.

use crate::workspace::FileView;
use layerc_compiler::span::Span;
use ls_types::{
    CompletionItem, CompletionItemKind, CompletionItemLabelDetails, CompletionItemTag,
    CompletionTextEdit, Documentation, InsertTextFormat, TextEdit,
};

/// Whether the client fills in snippets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snippets {
    /// It does.
    Understood,
    /// It takes them for text.
    Plain,
}

/// Items so far.
#[derive(Debug)]
pub(super) struct Items<'s> {
    view: FileView<'s>,
    replaced: Span,
    snippets: Snippets,
    list: Vec<CompletionItem>,
}

impl<'s> Items<'s> {
    /// None yet; each will replace `replaced`.
    pub(super) const fn new(view: FileView<'s>, replaced: Span, snippets: Snippets) -> Self {
        Self { view, replaced, snippets, list: Vec::new() }
    }

    /// The text that is being replaced, up to the cursor and behind it.
    pub(super) fn typed(&self) -> &'s str {
        self.view.slice(self.replaced)
    }

    /// The first byte that is being replaced.
    pub(super) const fn start(&self) -> u32 {
        self.replaced.start()
    }

    /// Items replace less from now on: the first `bytes` of the word stay.
    pub(super) fn keep(&mut self, bytes: usize) {
        let start = self.replaced.start() + u32::try_from(bytes).unwrap_or(0);
        self.replaced = Span::new(start, self.replaced.end());
    }

    /// Items replace from `start` on.
    pub(super) fn replace_from(&mut self, start: u32) {
        self.replaced = Span::new(start, self.replaced.end());
    }

    /// Items replace this from now on.
    pub(super) const fn replace(&mut self, span: Span) {
        self.replaced = span;
    }

    /// Items replace only these bytes of the word.
    pub(super) fn keep_between(&mut self, start: usize, end: usize) {
        let at = |bytes: usize| self.replaced.start() + u32::try_from(bytes).unwrap_or(0);
        self.replaced = Span::new(at(start), at(end));
    }

    /// Adds a word.
    pub(super) fn word(&mut self, text: &str, kind: CompletionItemKind) -> &mut CompletionItem {
        self.add(text, text, kind)
    }

    /// Adds `text`, shown as `label`. Items keep the order in which they are added.
    pub(super) fn add(
        &mut self,
        label: &str,
        text: &str,
        kind: CompletionItemKind,
    ) -> &mut CompletionItem {
        let edit = TextEdit { range: self.view.range(self.replaced), new_text: text.to_owned() };
        let item = CompletionItem {
            label: label.to_owned(),
            kind: Some(kind),
            sort_text: Some(format!("{:04}", self.list.len())),
            filter_text: Some(text.to_owned()),
            text_edit: Some(CompletionTextEdit::Edit(edit)),
            ..CompletionItem::default()
        };
        self.list.push_mut(item)
    }

    /// Adds text with places to fill in: `${1:name}`. Clients that don't know them get the names as text.
    pub(super) fn snippet(
        &mut self,
        label: &str,
        body: &str,
        kind: CompletionItemKind,
    ) -> &mut CompletionItem {
        let understood = self.snippets == Snippets::Understood;
        let text = if understood { body.to_owned() } else { without_places(body) };
        let item = self.add(label, &text, kind);
        item.filter_text = Some(label.to_owned());
        item.insert_text_format =
            Some(if understood { InsertTextFormat::SNIPPET } else { InsertTextFormat::PLAIN_TEXT });
        item
    }

    /// The items, what they are beside each.
    pub(super) fn into_list(self) -> Vec<CompletionItem> {
        let details = |item: CompletionItem| {
            let description = item.detail.clone();
            let details = description.map(|description| CompletionItemLabelDetails {
                detail: None,
                description: Some(description),
            });
            CompletionItem { label_details: details, ..item }
        };
        self.list.into_iter().map(details).collect()
    }
}

/// Says in words what an item is.
pub(super) fn document(item: &mut CompletionItem, text: &str) {
    item.documentation = Some(Documentation::String(text.to_owned()));
}

/// Strikes an item through.
pub(super) fn deprecate(item: &mut CompletionItem) {
    item.tags = Some(vec![CompletionItemTag::DEPRECATED]);
}

/// `${1:name}` as `name`, `$0` as nothing.
fn without_places(body: &str) -> String {
    let mut plain = String::new();
    let mut rest = body;
    while let Some((before, place)) = rest.split_once("${") {
        plain.push_str(before);
        let (inside, after) = place.split_once('}').unwrap_or((place, ""));
        plain.push_str(inside.split_once(':').map_or("", |(_, name)| name));
        rest = after;
    }
    plain.push_str(rest);
    plain.replace("$0", "")
}
