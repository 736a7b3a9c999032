//! Each editor's copies of the tree-sitter queries, captures renamed where an editor calls them otherwise.
//!
//! The queries themselves are in `editors/tree-sitter-layerfile/queries/`; this only knows names.

use super::EditorFile;
use crate::project_files;

/// Where the queries are written.
const SOURCE: &str = "editors/tree-sitter-layerfile/queries";

/// An editor that wants copies.
struct Taker {
    /// Folder of its copies.
    folder: &'static str,
    /// Which queries it reads.
    queries: &'static [&'static str],
    /// A capture of ours, and what it is called there.
    renamed: &'static [(&'static str, &'static str)],
}

const TAKERS: &[Taker] = &[
    Taker {
        folder: "editors/neovim/queries/layerfile",
        queries: &["highlights", "injections", "folds", "indents"],
        renamed: &[],
    },
    Taker {
        folder: "editors/helix/runtime/queries/layerfile",
        queries: &["highlights", "injections", "indents"],
        renamed: &[
            ("@indent.begin", "@indent"),
            ("@number", "@constant.numeric"),
            ("@module", "@namespace"),
            ("@property", "@variable.other.member"),
            ("@keyword.modifier", "@keyword.storage.modifier"),
        ],
    },
    Taker {
        folder: "editors/zed/languages/layerfile",
        queries: &["highlights", "injections"],
        renamed: &[("@module", "@string.special"), ("@keyword.modifier", "@keyword")],
    },
];

/// All copies.
pub(super) fn copies() -> Vec<EditorFile> {
    TAKERS
        .iter()
        .flat_map(|taker| taker.queries.iter().map(move |query| copy(taker, query)))
        .collect()
}

fn copy(taker: &Taker, query: &str) -> EditorFile {
    let source = format!("{SOURCE}/{query}.scm");
    let mut text = project_files::read(&source);
    for (ours, theirs) in taker.renamed {
        text = text.replace(ours, theirs);
    }
    let head =
        format!("; Generated from {source}, with the names of captures that this editor has.\n\n");
    EditorFile::new(&format!("{}/{query}.scm", taker.folder), head + &text)
}
