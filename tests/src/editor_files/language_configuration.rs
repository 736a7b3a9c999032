//! VS Code's language configuration: comments, brackets, what Enter does behind a backslash, folding markers.
//!
//! The rules hold inside RUN too, because the extension declares no embedded language there. Knows which lines start an instruction, from the catalogue, and nothing else of the language.

use super::NOTICE;
use super::patterns::any_keyword;
use serde_json::json;

/// The configuration as JSON text.
pub(super) fn text() -> String {
    let keyword = any_keyword("[ \\t]+");
    let configuration = json!({
        "comments": { "lineComment": "#" },
        "brackets": [["{", "}"], ["[", "]"], ["(", ")"]],
        "autoClosingPairs": [
            { "open": "{", "close": "}" },
            { "open": "[", "close": "]" },
            { "open": "(", "close": ")" },
            { "open": "\"", "close": "\"", "notIn": ["string", "comment"] },
            { "open": "'", "close": "'", "notIn": ["string", "comment"] },
            { "open": "`", "close": "`", "notIn": ["string", "comment"] },
        ],
        "surroundingPairs": [["{", "}"], ["[", "]"], ["(", ")"], ["\"", "\""], ["'", "'"], ["`", "`"]],
        "wordPattern": "[A-Za-z_][A-Za-z0-9_]*|[^\\s\"'`$=#{}()\\[\\]|&;<>\\\\]+",
        "folding": { "markers": { "start": "^\\s*#\\s*region\\b", "end": "^\\s*#\\s*endregion\\b" } },
        "onEnterRules": [
            {
                "beforeText": format!("^\\s*(?:{keyword})\\b.*\\\\\\s*$"),
                "action": { "indent": "indent" },
            },
            {
                "beforeText": "^\\s+(?!#).*[^\\\\\\s]\\s*$",
                "afterText": "^\\s*$",
                "previousLineText": "\\\\\\s*$",
                "action": { "indent": "outdent" },
            },
            {
                "beforeText": "^\\s*# .*$",
                "afterText": "^.*\\S.*$",
                "action": { "indent": "none", "appendText": "# " },
            },
        ],
    });
    format!("// {NOTICE}\n{}\n", serde_json::to_string_pretty(&configuration).unwrap_or_default())
}
