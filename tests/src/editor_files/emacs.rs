//! The lists that Emacs' `layerfile-mode` colours by: keywords, and names of built-in variables.
//!
//! Knows how a list is written in Emacs Lisp; the mode itself is written by hand beside it.

use super::NOTICE;
use super::patterns::{shell_directives, variables};
use layerc_compiler::catalog::{DIRECTIVES, THEN_PREFIX};

/// The file `layerfile-keywords.el`.
pub(super) fn keywords() -> String {
    let all: Vec<&str> = DIRECTIVES.iter().map(|info| info.keyword).collect();
    let shell: Vec<&str> = shell_directives().iter().map(|info| info.keyword).collect();
    format!(
        ";;; layerfile-keywords.el --- Keywords of Layerfiles -*- lexical-binding: t; -*-\n\
         ;;; Commentary:\n;; {NOTICE}\n;;; Code:\n\n{}\n{}\n{}\n{}\n\
         (provide 'layerfile-keywords)\n;;; layerfile-keywords.el ends here\n",
        list("directives", "Keywords of all directives.", &all),
        list("shell-directives", "Keywords of the directives that take a shell command.", &shell),
        list("variables", "Built-in variables.", &variables()),
        format_args!(
            "(defconst layerfile-keywords-prefix \"{THEN_PREFIX}\"\n  \"A word that could once stand before an instruction.\")\n"
        ),
    )
}

fn list(name: &str, documentation: &str, items: &[&str]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("    \"{item}\"")).collect();
    format!(
        "(defconst layerfile-keywords-{name}\n  '(\n{})\n  \"{documentation}\")\n",
        items.join("\n")
    )
}
