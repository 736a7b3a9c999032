//! The table that the tree-sitter grammar is built from: the directives, their words and the shape of what follows.
//!
//! `grammar.js` beside it knows the shapes; this knows which directive has which.

use super::NOTICE;
use super::patterns::is_shell;
use layerc_compiler::catalog::{ArgumentShape, DIRECTIVES, DirectiveInfo, THEN_PREFIX};

/// The module `directives.js`.
pub(super) fn directives() -> String {
    let rows: Vec<String> = DIRECTIVES.iter().map(row).collect();
    format!(
        "// {NOTICE}\n\nmodule.exports = {{\n  prefix: '{THEN_PREFIX}',\n  directives: [\n{}\n  ],\n}};\n",
        rows.join("\n")
    )
}

fn row(info: &DirectiveInfo) -> String {
    let words: Vec<String> = info.keyword.split(' ').map(|word| format!("'{word}'")).collect();
    format!(
        "    {{ rule: '{}', words: [{}], shape: '{}' }},",
        rule_name(info),
        words.join(", "),
        shape_name(info)
    )
}

/// The name of the node of an instruction.
pub(super) fn rule_name(info: &DirectiveInfo) -> String {
    format!("{}_instruction", info.keyword.to_lowercase().replace(' ', "_"))
}

fn shape_name(info: &DirectiveInfo) -> &'static str {
    match info.shape {
        ArgumentShape::Text if is_shell(info) => "shell",
        ArgumentShape::Text => "text",
        ArgumentShape::Words => "words",
        ArgumentShape::CloneWords => "clone",
        ArgumentShape::Assignments => "assignments",
        ArgumentShape::Conditions => "conditions",
    }
}
