//! Snippets: one for each directive that may be written today, from its example line.
//!
//! The server offers richer ones where it knows more; these are for editors without it.

use super::NOTICE;
use layerc_compiler::catalog::{DIRECTIVES, DirectiveInfo, Standing};
use serde_json::{Map, Value, json};

/// The snippets as JSON text.
pub(super) fn text() -> String {
    let mut snippets = Map::new();
    for info in DIRECTIVES.iter().filter(|info| info.standing != Standing::Removed) {
        snippets.insert(info.keyword.to_owned(), snippet(info));
    }
    format!("// {NOTICE}\n{}\n", serde_json::to_string_pretty(&snippets).unwrap_or_default())
}

fn snippet(info: &DirectiveInfo) -> Value {
    let description = format!("{} ({})", info.doc, info.usage);
    json!({
        "prefix": [info.keyword, info.keyword.to_lowercase()],
        "body": body(info),
        "description": description,
    })
}

/// The example with its arguments as one place to type over, selected at once.
fn body(info: &DirectiveInfo) -> String {
    let arguments = info.example.strip_prefix(info.keyword).unwrap_or_default().trim();
    if arguments.is_empty() {
        return format!("{}$0", info.keyword);
    }
    let escaped: String = arguments
        .chars()
        .flat_map(|c| matches!(c, '$' | '}' | '\\').then_some('\\').into_iter().chain([c]))
        .collect();
    format!("{} ${{1:{escaped}}}$0", info.keyword)
}
