//! Paths of the repository, one directory at a time, unsaved documents included; what git ignores comes last.

use super::item::Items;
use crate::features::locate::resolve_path;
use crate::workspace::FileView;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::{Entry, EntryKind};
use ls_types::{Command, CompletionItem, CompletionItemKind};
use std::collections::BTreeSet;

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
    let goes_up = !typed.contains('/') || head.split('/').all(|part| part == "..");
    // Nothing above the repository's root can be named.
    if goes_up && directory.parent().is_some() {
        let parent = items.add("..", "../", CompletionItemKind::FOLDER);
        parent.command = Some(again());
    }
    let shown = typed.rsplit('/').next().unwrap_or_default();
    let entries = view.repository.tree().list(&directory).into_iter();
    let visible = entries.filter(|entry| is_shown(&entry.name, shown) && fits(entry));
    let ignored = ignored(view, &directory);
    let (last, first): (Vec<Entry>, Vec<Entry>) =
        visible.take(MAX_ENTRIES).partition(|entry| ignored.contains(&entry.name));
    for entry in first {
        self::entry(items, &entry.name, entry.kind);
    }
    for entry in last {
        self::entry(items, &entry.name, entry.kind).detail = Some("ignored by git".to_owned());
    }
}

/// Names in a directory that git ignores: they can be copied, but are seldom meant.
fn ignored(view: FileView<'_>, directory: &RepoPath) -> BTreeSet<String> {
    let path = view.repository.absolute(directory);
    let root = view.repository.directory();
    let known = root.zip(path).map(|(root, path)| view.snapshot.host().ignored(root, &path));
    known.unwrap_or_default()
}

/// Whether a name is offered behind what is typed of it: hidden ones only behind a dot.
pub(super) fn is_shown(name: &str, typed: &str) -> bool {
    (typed.starts_with('.') || !name.starts_with('.')) && name != ".git"
}

/// Adds one name of a directory.
pub(super) fn entry<'i>(
    items: &'i mut Items<'_>,
    name: &str,
    kind: EntryKind,
) -> &'i mut CompletionItem {
    if kind != EntryKind::Directory {
        return items.word(name, CompletionItemKind::FILE);
    }
    let text = format!("{name}/");
    let item = items.add(&text, &text, CompletionItemKind::FOLDER);
    item.command = Some(again());
    item
}

/// A directory goes on: the client asks again behind its slash. Clients that don't know the command pass it over.
fn again() -> Command {
    Command {
        title: "go on".to_owned(),
        command: "editor.action.triggerSuggest".to_owned(),
        arguments: None,
    }
}
