//! Variables: behind a `$`, in conditions, in BUILD ENV.

use super::item::{Items, deprecate, document};
use crate::workspace::FileView;
use crate::workspace::variables::Role;
use layerc_compiler::catalog::{VARIABLES, VariableInfo};
use layerc_compiler::directive::Instruction;
use ls_types::{CompletionItemKind, Range, TextEdit};
use std::collections::{BTreeMap, BTreeSet};

/// Built-in variables that fit; replaced ones are struck through.
pub(super) fn built_in(items: &mut Items<'_>, fits: impl Fn(&VariableInfo) -> bool) {
    for info in VARIABLES.iter().filter(|info| fits(info)) {
        let item = items.word(info.name, CompletionItemKind::CONSTANT);
        document(item, info.doc);
        if info.replaced_by.is_some() {
            deprecate(item);
        }
    }
}

/// Variables behind a `$` or `${` at the end of `text`; nothing elsewhere.
pub(super) fn expansions(view: FileView<'_>, items: &mut Items<'_>, text: &str) {
    let Some((before, name)) = text.rsplit_once('$') else { return };
    let name = name.strip_prefix('{').unwrap_or(name);
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || before.ends_with('\\') {
        return;
    }
    // Only the name is replaced: quotes, braces and text around it stay.
    let typed = items.typed();
    let Some(dollar) = typed.rfind('$') else { return };
    let braces = usize::from(typed.get(dollar + 1..).is_some_and(|rest| rest.starts_with('{')));
    let start = dollar + 1 + braces;
    let rest = typed.get(start..).unwrap_or_default();
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    items.keep_between(start, start + end);
    known(view, items);
    built_in(items, |_| true);
    other_secrets(view, items);
}

/// Secrets that other layers have: chosen, SECRET ENV comes along, above the instruction at the cursor.
fn other_secrets(view: FileView<'_>, items: &mut Items<'_>) {
    let here: BTreeSet<&str> = view
        .lineage()
        .flat_map(|file| file.document.mentions())
        .filter(|mention| mention.role.defines())
        .map(|mention| mention.name.as_str())
        .collect();
    let files = view.snapshot.files_of(view.repository);
    let mentions = files.flat_map(|file| file.document.mentions());
    let secrets = mentions.filter(|mention| mention.role == Role::Secret);
    let others: BTreeSet<&str> = secrets.map(|mention| mention.name.as_str()).collect();
    let start = super::super::code_actions::line_of_instruction(view, items.start());
    let place = view.positions().position(start);
    for name in others.difference(&here) {
        let new_text = format!("SECRET ENV {name}\n");
        let edit = TextEdit { range: Range { start: place, end: place }, new_text };
        let item = items.word(name, CompletionItemKind::VARIABLE);
        item.detail = Some("secret of another layer, adds SECRET ENV".to_owned());
        item.additional_text_edits = Some(vec![edit]);
    }
}

/// Variables that ENV and SECRET ENV of this file and its ancestors define, with what is written for them.
fn known(view: FileView<'_>, items: &mut Items<'_>) {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for file in view.lineage() {
        for mention in file.document.mentions().iter().filter(|mention| mention.role.defines()) {
            let detail = match mention.role {
                Role::Secret => format!("secret, {}", file.document.path()),
                _ => format!("{} {}", value(file, mention.span.start()), file.document.path()),
            };
            found.entry(mention.name.clone()).or_insert(detail);
        }
    }
    for (name, detail) in found {
        items.word(&name, CompletionItemKind::VARIABLE).detail = Some(detail);
    }
}

/// `= value` of the assignment whose name starts at `offset`.
fn value(view: FileView<'_>, offset: u32) -> String {
    let pairs = view.analysis().directives.iter().filter_map(|directive| {
        if let Instruction::Env(pairs) = &directive.instruction { Some(pairs) } else { None }
    });
    let pair = pairs.flatten().find(|pair| pair.key.span.start() == offset);
    pair.map_or_else(String::new, |pair| format!("= {}", pair.value.value))
}

/// Behind `NAME=`: what a built-in variable is now; a pattern behind `=~` is anybody's own.
fn compared(view: FileView<'_>, items: &mut Items<'_>, name: &str, operator_end: usize) {
    let Some(root) = view.repository.directory() else { return };
    let mut now = view.snapshot.host().variables(root);
    let fits = |value: &String| !value.is_empty() && !value.contains(|c: char| c.is_whitespace());
    if let Some(value) = now.remove(name).filter(fits) {
        items.keep(operator_end);
        items.word(&value, CompletionItemKind::VALUE).detail = Some("its value now".to_owned());
    }
}

/// In SKIP REMAINING IF: names, operators behind a name, values behind an operator, `AND` behind a condition.
pub(super) fn conditions(view: FileView<'_>, items: &mut Items<'_>, text: &str) {
    let typed = items.typed();
    if let Some((name, value)) = typed.split_once('=') {
        let (name, end) = (name.trim_end_matches('!').to_owned(), typed.len() - value.len());
        if !value.starts_with('~') {
            compared(view, items, &name, end);
        }
        return;
    }
    let last = text.trim_end().rsplit([' ', '\t']).next().unwrap_or_default();
    if text.ends_with([' ', '\t']) && last.contains('=') {
        items.add("AND", "AND ", CompletionItemKind::KEYWORD);
        return;
    }
    known(view, items);
    built_in(items, |info| info.replaced_by.is_none());
    if !typed.is_empty() {
        for (operator, meaning) in
            [("=", "is"), ("!=", "is not"), ("=~", "matches"), ("!=~", "does not match")]
        {
            let text = format!("{typed}{operator}");
            items.word(&text, CompletionItemKind::OPERATOR).detail = Some(meaning.to_owned());
        }
    }
}
