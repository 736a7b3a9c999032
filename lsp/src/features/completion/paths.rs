//! Paths of the repository, one directory at a time, unsaved documents included.

use super::item::Items;
use crate::features::locate::resolve_path;
use crate::workspace::FileView;
use layerc_compiler::sources::{Entry, EntryKind};
use ls_types::{Command, CompletionItemKind};

/// Entries of one directory that are offered; who has more types a letter first.
const MAX_ENTRIES: usize = 1_000;

/// Files and directories behind what is typed of a path.
pub(super) fn complete(view: FileView<'_>, items: &mut Items<'_>) {
    entries(view, items, |_| true);
}

/// Directories alone.
pub(super) fn directories(view: FileView<'_>, items: &mut Items<'_>) {
    entries(view, items, |entry| entry.kind == EntryKind::Directory);
}

fn entries(view: FileView<'_>, items: &mut Items<'_>, fits: impl Fn(&Entry) -> bool) {
    let typed = items.typed();
    let head = typed.rsplit_once('/').map_or("", |(head, _)| head);
    let length = if typed.contains('/') { head.len() + 1 } else { 0 };
    let text = if typed.starts_with('/') { format!("/{head}") } else { head.to_owned() };
    let Some(directory) = resolve_path(view, &text) else { return };
    items.keep(length);
    if !typed.contains('/') || head.split('/').all(|part| part == "..") {
        let parent = items.add("..", "../", CompletionItemKind::FOLDER);
        parent.command = Some(again());
    }
    let shown = typed.rsplit('/').next().unwrap_or_default();
    let entries = view.repository.tree().list(&directory).into_iter();
    let visible = entries.filter(|entry| {
        (shown.starts_with('.') || !entry.name.starts_with('.')) && entry.name != ".git"
    });
    for entry in visible.filter(|entry| fits(entry)).take(MAX_ENTRIES) {
        if entry.kind == EntryKind::Directory {
            let text = format!("{}/", entry.name);
            let item = items.add(&text, &text, CompletionItemKind::FOLDER);
            item.command = Some(again());
        } else {
            items.word(&entry.name, CompletionItemKind::FILE);
        }
    }
}

/// A directory goes on: the client asks again behind its slash. Clients that don't know the command pass it over.
fn again() -> Command {
    Command {
        title: "go on".to_owned(),
        command: "editor.action.triggerSuggest".to_owned(),
        arguments: None,
    }
}
