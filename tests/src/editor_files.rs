//! The files under `editors/` that list keywords, made from the catalogue: one table, and every editor shows it.
//!
//! Pure functions from the catalogue to text. Knows what each editor's format looks like, never what an editor does
//! with it; writing and comparing is the business of the test that calls this.

mod emacs;
mod language_configuration;
mod patterns;
mod queries;
mod snippets;
mod textmate;
mod tree_corpus;
mod tree_sitter;
mod vim;

pub use tree_corpus::tree_of;

/// A generated file: its path from the repository's root, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditorFile {
    /// Relative to the root of the repository.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl EditorFile {
    fn new(path: &str, text: String) -> Self {
        Self { path: path.to_owned(), text }
    }
}

/// What every generated file says in its first lines, without comment signs.
pub(crate) const NOTICE: &str = "Generated from compiler/src/catalog. Change that, then: \
     UPDATE_EDITOR_FILES=1 cargo test --package layerc-tests --test editor_files";

/// All generated files.
pub fn all() -> Vec<EditorFile> {
    let mut files = vec![
        EditorFile::new("editors/vscode/syntaxes/layerfile.tmLanguage.json", textmate::grammar()),
        EditorFile::new(
            "editors/vscode/language-configuration.json",
            language_configuration::text(),
        ),
        EditorFile::new("editors/vscode/snippets/layerfile.json", snippets::text()),
        EditorFile::new("editors/neovim/syntax/layerfile.vim", vim::syntax()),
        EditorFile::new("editors/emacs/layerfile-keywords.el", emacs::keywords()),
        EditorFile::new("editors/tree-sitter-layerfile/directives.js", tree_sitter::directives()),
    ];
    files.extend(queries::copies());
    files.extend(tree_corpus::files());
    files
}
