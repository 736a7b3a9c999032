//! Comments that the compiler reads: `# layerc: ignore` and the rules it can name.

use super::item::{Items, document};
use layerc_compiler::diagnostic::Severity;
use layerc_compiler::rules::RULES;
use ls_types::CompletionItemKind;

/// Offers the mark, and behind it the rules that can be silenced.
pub(super) fn complete(items: &mut Items<'_>, comment: &str) {
    let words = comment.trim_start_matches('#').trim_start();
    match words.strip_prefix("layerc: ignore") {
        Some(rest) if rest.starts_with([' ', '\t']) => rules(items),
        Some(_) | None if !words.contains(' ') || words.starts_with("layerc:") => {
            let text = "layerc: ignore ";
            let item = items.add("layerc: ignore", text, CompletionItemKind::SNIPPET);
            document(item, "Silences a rule for the next instruction. Say behind the rule why.");
        }
        Some(_) | None => {}
    }
}

fn rules(items: &mut Items<'_>) {
    for rule in RULES.iter().filter(|rule| rule.severity != Severity::Error) {
        let item = items.word(&rule.code.to_string(), CompletionItemKind::ENUM_MEMBER);
        item.detail = Some(rule.name.to_owned());
        item.filter_text = Some(format!("{} {}", rule.code, rule.name));
        document(item, rule.title);
    }
}
