//! Layers and images: what FROM and WAIT can name.

use super::item::Items;
use super::paths;
use crate::features::references::image_of;
use crate::workspace::FileView;
use layerc_compiler::link::relative;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::FileId;
use ls_types::CompletionItemKind;
use serde_json::json;
use std::collections::BTreeSet;

/// Images that need no configuration.
const BUILT_IN_IMAGES: &[&str] = &["vm/ubuntu:18.04", "vm/ubuntu:22.04"];

/// For FROM: images, and layers that are not made of this one.
pub(super) fn sources(view: FileView<'_>, items: &mut Items<'_>) {
    if !items.typed().starts_with(['.', '/']) {
        let files = view.snapshot.files_of(view.repository);
        let used: BTreeSet<String> =
            files.filter_map(|file| image_of(file).map(|word| word.value.clone())).collect();
        let project = view.repository.project_settings().images.iter().cloned();
        let built_in = BUILT_IN_IMAGES.iter().map(|image| (*image).to_owned());
        let all: BTreeSet<String> = used.into_iter().chain(project).chain(built_in).collect();
        for image in all.iter().filter(|image| *image != "*") {
            items.word(image, CompletionItemKind::CLASS).detail = Some("image".to_owned());
        }
    }
    let below = view.repository.graph().with_descendants(view.id);
    named(view, items, &below, "continue the machine of");
}

/// For WAIT: layers that this one doesn't need already and that don't need it.
pub(super) fn targets(view: FileView<'_>, items: &mut Items<'_>) {
    let graph = view.repository.graph();
    let mut excluded = graph.with_descendants(view.id);
    excluded.extend(graph.ancestors(view.id));
    excluded.extend(graph.waits(view.id));
    excluded.extend(graph.waiters(view.id));
    named(view, items, &excluded, "wait for");
}

/// Each layer by its path, from here or from the root as the word begins; and the directories on the way.
fn named(view: FileView<'_>, items: &mut Items<'_>, excluded: &BTreeSet<FileId>, verb: &str) {
    let from_root = items.typed().starts_with('/');
    let directory = view.document.path().parent().unwrap_or_else(RepoPath::root);
    for (id, document) in view.repository.documents_with_ids() {
        if excluded.contains(&id) {
            continue;
        }
        let target = document.path().parent().unwrap_or_else(RepoPath::root);
        let text =
            if from_root { format!("/{}", target.as_str()) } else { relative(&directory, &target) };
        let item = items.add(&text, &text, CompletionItemKind::MODULE);
        item.detail = Some(format!("{verb} {}", document.path()));
        item.data = Some(json!({ "layer": document.uri().as_str() }));
    }
    if items.typed().contains('/') {
        paths::directories(view, items);
    }
}
