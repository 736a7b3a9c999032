//! Tests of the tree-sitter grammar from the specification's examples: what the tree must be says the compiler's own
//! lexer, token by token.
//!
//! Knows how tokens become nodes; nothing of how the grammar finds them.

use super::EditorFile;
use super::patterns::is_shell;
use super::tree_sitter::rule_name;
use crate::examples::{Claim, read};
use crate::project_files;
use layerc_compiler::catalog::{DIRECTIVES, DirectiveInfo};
use layerc_compiler::diagnostic::Severity;
use layerc_compiler::parser::parse;
use layerc_compiler::span::FileId;
use layerc_compiler::token::{Token, TokenKind};
use std::fmt::Write as _;

/// One corpus file for each page of the language that has an accepted example.
pub(super) fn files() -> Vec<EditorFile> {
    let pages = project_files::with_extension("md");
    let pages = pages.iter().filter(|page| page.starts_with("spec/language/"));
    pages.filter_map(|page| corpus(page)).collect()
}

fn corpus(page: &str) -> Option<EditorFile> {
    let name = page.rsplit('/').next()?.strip_suffix(".md")?;
    let mut text = String::new();
    // Numbered and not placed by line, so that a change of the prose changes nothing here.
    for (number, example) in (1..).zip(read(&project_files::read(page))) {
        for file in example.layerfiles.iter().filter(|_| example.claim != Claim::Bad) {
            let Some(tree) = tree_of(&file.text) else { continue };
            let title = format!("{name}, example {number}: {}", file.path);
            let rule = "=".repeat(18);
            let _ = write!(text, "{rule}\n{title}\n{rule}\n\n{}\n---\n\n{tree}\n", file.text);
        }
    }
    let path = format!("editors/tree-sitter-layerfile/test/corpus/{name}.txt");
    (!text.is_empty()).then(|| EditorFile::new(&path, text))
}

/// The tree of an accepted text, one node a line; `None` where the compiler finds an error.
pub fn tree_of(text: &str) -> Option<String> {
    let parsed = parse(FileId::new(0), text);
    if parsed.diagnostics.iter().any(|finding| finding.severity == Severity::Error) {
        return None;
    }
    let mut tree = "(source_file".to_owned();
    for line in parsed.tokens.split(|token| token.kind == TokenKind::LineEnd) {
        add_line(&mut tree, text, line);
    }
    tree.push_str(")\n");
    Some(tree)
}

/// The nodes of one logical line.
fn add_line(tree: &mut String, text: &str, line: &[Token]) {
    let Some(info) = directive_of(text, line) else {
        for token in line {
            add_node(tree, 1, node_name(token.kind, None));
        }
        return;
    };
    let _ = write!(tree, "\n  ({}", rule_name(info));
    for token in line {
        add_node(tree, 2, node_name(token.kind, Some(info)));
    }
    tree.push(')');
}

fn add_node(tree: &mut String, depth: usize, name: Option<&str>) {
    if let Some(name) = name {
        let _ = write!(tree, "\n{}({name})", "  ".repeat(depth));
    }
}

/// Which directive the keyword of a line names, continuations inside it aside.
fn directive_of(text: &str, line: &[Token]) -> Option<&'static DirectiveInfo> {
    let keywords = line.iter().filter(|token| token.kind == TokenKind::Keyword);
    let words = keywords.filter_map(|token| text.get(token.span.range()));
    let keyword = words.collect::<Vec<_>>().join(" ");
    let without_prefix = keyword.split_once(' ').map_or("", |(_, rest)| rest);
    DIRECTIVES
        .iter()
        .find(|info| info.keyword == keyword)
        .or_else(|| DIRECTIVES.iter().find(|info| info.keyword == without_prefix))
}

/// The node of a token, if it has one.
fn node_name(kind: TokenKind, info: Option<&DirectiveInfo>) -> Option<&'static str> {
    match kind {
        TokenKind::Blank
        | TokenKind::LineEnd
        | TokenKind::Continuation
        | TokenKind::ByteOrderMark
        | TokenKind::UnusualBlank => None,
        TokenKind::Comment => Some("comment"),
        TokenKind::Keyword => Some("keyword"),
        TokenKind::Text if info.is_some_and(is_shell) => Some("shell_command"),
        TokenKind::Text => Some("text"),
        TokenKind::Word | TokenKind::UnknownWord => Some("argument"),
        TokenKind::Name => Some("name"),
        TokenKind::Operator => Some("operator"),
        TokenKind::Value => Some("value"),
        TokenKind::Connector => Some("connector"),
    }
}

#[cfg(test)]
mod tests {
    use super::tree_of;

    #[test]
    fn tokens_become_nodes_of_their_line() {
        let tree =
            tree_of("# a\nFROM vm/ubuntu:18.04\nENV A=\"b c\" # d\nRUN e \\\n  f\n").unwrap();
        let flat: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            flat,
            "(source_file (comment) (from_instruction (keyword) (text)) \
             (env_instruction (keyword) (name) (operator) (value) (comment)) \
             (run_instruction (keyword) (shell_command)))"
        );
        assert_eq!(tree_of("FRO\n"), None);
    }
}
