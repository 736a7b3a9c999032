//! The TextMate grammar: colours before the server answers, and in everything that reads such grammars.
//!
//! Sits behind the catalogue; knows scopes and the begin/while/end rules of `vscode-textmate`, not what themes do.

use super::NOTICE;
use super::patterns::{alternatives, any_keyword, of_shape, shell_directives, variables};
use layerc_compiler::catalog::{ArgumentShape, DirectiveInfo, THEN_PREFIX};
use serde_json::{Value, json};

const BLANKS: &str = "[ \\t]+";
/// What may stand behind a keyword: a blank, a continuation or the end of the line.
const WORD_END: &str = "(?=[ \\t\\\\]|$)";
/// The end of a line that does not go on: no backslash before it, nor before the few blanks behind it. Lines are matched
/// with their line feed, behind which `$` matches once more.
const LINE_END: &str = "(?<!\\n|\\\\|\\\\[ \\t]|\\\\[ \\t][ \\t]|\\\\[ \\t][ \\t][ \\t])$";
/// A plain word that the shell would run: no assignment, no word of its own grammar.
const FIRST_COMMAND: &str = "(?!(?:if|for|while|until|case|select|function|time|coproc)\\b)[A-Za-z0-9_./~-]+(?=[ \\t;|&]|$)";

/// The grammar as JSON text.
pub(super) fn grammar() -> String {
    let grammar = json!({
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "information_for_contributors": [NOTICE],
        "name": "Layerfile",
        "scopeName": "source.layerfile",
        "patterns": [
            { "include": "#comment" },
            { "include": "#shell" },
            { "include": "#assignments" },
            { "include": "#conditions" },
            { "include": "#words" },
            { "include": "#text" },
            { "include": "#unknown" },
        ],
        "repository": {
            "comment": comment(),
            "continuation": continuation(),
            "variable": variable(),
            "shell": shell(),
            "assignments": instruction(&of_shape(ArgumentShape::Assignments), &assignment_patterns()),
            "conditions": instruction(&of_shape(ArgumentShape::Conditions), &condition_patterns()),
            "words": instruction(&words(), &word_patterns()),
            "text": instruction(&of_shape(ArgumentShape::Text), &text_patterns()),
            "unknown": {
                "match": "^[ \\t]*([^ \\t#\\r\\n][^ \\t\\r\\n]*)",
                "captures": { "1": { "name": "invalid.illegal.keyword.layerfile" } },
            },
        },
    });
    format!("{}\n", serde_json::to_string_pretty(&grammar).unwrap_or_default())
}

fn words() -> Vec<&'static DirectiveInfo> {
    let mut infos = of_shape(ArgumentShape::Words);
    infos.extend(of_shape(ArgumentShape::CloneWords));
    infos
}

fn comment() -> Value {
    json!({
        "begin": "(?:^|(?<=[ \\t]))#",
        "beginCaptures": { "0": { "name": "punctuation.definition.comment.layerfile" } },
        "end": LINE_END,
        "name": "comment.line.number-sign.layerfile",
        "patterns": [{ "include": "#continuation" }],
    })
}

fn continuation() -> Value {
    json!({ "match": "\\\\[ \\t]*$", "name": "constant.character.escape.line-continuation.layerfile" })
}

fn variable() -> Value {
    json!({
        "patterns": [
            {
                "match": format!("\\$(?:({names})\\b|\\{{({names})\\}})", names = variables().join("|")),
                "name": "variable.language.layerfile",
            },
            {
                "match": "\\$(?:[A-Za-z_][A-Za-z_0-9]*|\\{[^}\\r\\n]*\\})",
                "name": "variable.other.layerfile",
            },
        ],
    })
}

/// Where an instruction starts: `^`, the prefix of 2019, and one of the keywords.
fn start(infos: &[&DirectiveInfo]) -> String {
    format!("^[ \\t]*(?:({THEN_PREFIX}){BLANKS})?({}){WORD_END}", alternatives(infos, BLANKS))
}

fn start_captures() -> Value {
    json!({
        "1": { "name": "keyword.control.layerfile" },
        "2": { "name": "keyword.control.layerfile" },
    })
}

/// An instruction of one logical line. A continued line that starts with a keyword most likely is an instruction whose
/// author is still typing the line before, so it never counts as the rest of that one.
fn instruction(infos: &[&DirectiveInfo], patterns: &Value) -> Value {
    json!({
        "begin": start(infos),
        "beginCaptures": start_captures(),
        "end": LINE_END,
        "name": "meta.instruction.layerfile",
        "patterns": patterns,
    })
}

/// RUN and its kin: whatever the shell's grammar opens and does not close ends at the next instruction, comment or blank
/// line. The shell's grammar looks for commands at the start of a line only, so the first one is named here.
fn shell() -> Value {
    let mut start_captures = start_captures();
    if let Some(captures) = start_captures.as_object_mut() {
        captures
            .insert("3".to_owned(), json!({ "name": "source.shell entity.name.command.shell" }));
    }
    json!({
        "begin": format!("{}(?:{BLANKS}({FIRST_COMMAND}))?", start(&shell_directives())),
        "beginCaptures": start_captures,
        "while": format!("^(?![ \\t]*(?:$|#|(?:{THEN_PREFIX}{BLANKS})?(?:{}){WORD_END}))", any_keyword(BLANKS)),
        "name": "meta.instruction.layerfile",
        "patterns": [
            {
                "begin": "\\G",
                "end": LINE_END,
                "contentName": "meta.embedded.block.shellscript.layerfile source.shell",
                "patterns": [{ "include": "#continuation" }, { "include": "source.shell" }],
            },
            { "include": "#comment" },
            { "include": "#unknown" },
        ],
    })
}

fn quoted() -> [Value; 3] {
    let inside = json!([
        { "include": "#continuation" },
        { "include": "#variable" },
        { "match": "\\\\.", "name": "constant.character.escape.layerfile" },
    ]);
    [
        json!({ "begin": "\"", "end": format!("\"|{LINE_END}"), "name": "string.quoted.double.layerfile", "patterns": inside }),
        json!({ "begin": "'", "end": format!("'|{LINE_END}"), "name": "string.quoted.single.layerfile" }),
        json!({ "begin": "`", "end": format!("`|{LINE_END}"), "name": "string.interpolated.layerfile", "patterns": inside }),
    ]
}

fn assignment_patterns() -> Value {
    let mut patterns = vec![
        json!({ "include": "#comment" }),
        json!({ "include": "#continuation" }),
        json!({
            "match": "([^ \\t\\r\\n#=]+)(=)",
            "captures": {
                "1": { "name": "variable.other.readwrite.layerfile" },
                "2": { "name": "keyword.operator.assignment.layerfile" },
            },
        }),
    ];
    patterns.extend(quoted());
    patterns.push(json!({ "include": "#variable" }));
    Value::Array(patterns)
}

fn condition_patterns() -> Value {
    let mut patterns = vec![
        json!({ "include": "#comment" }),
        json!({ "include": "#continuation" }),
        json!({ "match": "\\bAND\\b", "name": "keyword.operator.logical.layerfile" }),
        json!({
            "match": "([0-9A-Za-z_-]+)[ \\t]*(!?=~?)",
            "captures": {
                "1": { "name": "variable.other.readwrite.layerfile" },
                "2": { "name": "keyword.operator.comparison.layerfile" },
            },
        }),
    ];
    patterns.extend(quoted());
    patterns.push(json!({ "match": "[^ \\t\\r\\n\"'`#]+", "name": "string.unquoted.layerfile" }));
    Value::Array(patterns)
}

fn word_patterns() -> Value {
    json!([
        { "include": "#comment" },
        { "include": "#continuation" },
        { "match": "(?<=[ \\t])[0-9]+[KMG]?(?=[ \\t]|$)", "name": "constant.numeric.layerfile" },
        { "match": "(?<=[ \\t])(?:UNORDERED|disabled)(?=[ \\t]|$)", "name": "keyword.other.layerfile" },
        {
            "match": "([^ \\t\\r\\n#=]+)(=)",
            "captures": {
                "1": { "name": "variable.parameter.layerfile" },
                "2": { "name": "keyword.operator.assignment.layerfile" },
            },
        },
        { "match": "[^ \\t\\r\\n#=\\\\][^ \\t\\r\\n=\\\\]*", "name": "string.unquoted.layerfile" },
    ])
}

fn text_patterns() -> Value {
    json!([
        { "include": "#continuation" },
        { "match": "[^ \\t\\r\\n\\\\]+", "name": "string.unquoted.layerfile" },
    ])
}
