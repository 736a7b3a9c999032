//! What a place of a Layerfile is, in words: the directive, the file it names, the variable and its value.
//!
//! Words about directives and variables come from the catalogue.

use super::locate::{ReferenceKind, Thing, directive_at, path_of_word, thing_at};
use super::moves::layer_name;
use super::variables;
use crate::plan;
use crate::shell::builtins::builtin;
use crate::shell::{ShellTokenKind, tokens};
use crate::workspace::FileView;
use crate::workspace::embedded::Embedded;
use crate::workspace::variables::{Mention, Role};
use layerc_compiler::catalog::{DirectiveInfo, Standing, keyword_at, variable};
use layerc_compiler::directive::{Instruction, Word};
use layerc_compiler::sources::EntryKind;
use layerc_compiler::span::Span;
use ls_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position};
use std::fmt::Write as _;

/// Names of a directory that its description lists.
const SHOWN_ENTRIES: usize = 12;

/// What stands at `position`.
pub fn hover(view: FileView<'_>, position: Position) -> Option<Hover> {
    let offset = view.offset(position);
    let Some(thing) = thing_at(view, offset) else {
        return about_builtin(view, offset).or_else(|| about_instruction(view, offset));
    };
    let text = match thing {
        Thing::Keyword(info, span) => {
            format!("{}{}{}", describe(info), next_run(view, span), machine_at(view, span))
        }
        Thing::Layerfile(reference) => {
            let target = view.sibling(reference.target?)?;
            let verb = match reference.kind {
                ReferenceKind::Inherits => "Continues the machine of",
                ReferenceKind::Waits => "Waits for",
            };
            format!("{verb} {}", about_layer(target))
        }
        Thing::Image(word) => about_image(view, word),
        Thing::Path(word) => about_path(view, word)?,
        Thing::Variable(mention) => about_variable(view, mention),
        Thing::Checkpoint(word) => {
            format!("A snapshot of the machine under the name `{}`.", word.value)
        }
    };
    let range = Some(view.range(thing.span()));
    Some(Hover { contents: HoverContents::Markup(markdown(text)), range })
}

/// An argument that is nothing by itself: what its instruction is. Shell text is left alone, most of it is no argument.
fn about_instruction(view: FileView<'_>, offset: u32) -> Option<Hover> {
    let (_, directive) = directive_at(view, offset)?;
    if matches!(directive.instruction, Instruction::Run(_) | Instruction::Env(_)) {
        return None;
    }
    let (info, _) = keyword_at(view.slice(directive.keyword))?;
    let range = Some(view.range(directive.span));
    Some(Hover { contents: HoverContents::Markup(markdown(describe(info))), range })
}

/// What the next run would do with the instruction at `span`, and how long that takes, if past runs tell.
fn next_run(view: FileView<'_>, span: Span) -> String {
    let line = view.analysis().lines.line(span.start()) + 1;
    let known = plan::outlook::of_line(view, line);
    let words = known.and_then(|outlook| outlook.words(str::to_owned));
    words.map(|words| format!("\n\nThe next run: {words}")).unwrap_or_default()
}

/// What the machine is before the instruction at `span`, if anything was set.
fn machine_at(view: FileView<'_>, span: Span) -> String {
    let directives = &view.analysis().directives;
    let index = directives.partition_point(|directive| directive.span.start() < span.start());
    let list = plan::words::machine(&plan::machine::before(view, index));
    if list.is_empty() { list } else { format!("\n\nThe machine here:\n\n{list}") }
}

/// Text for the protocol.
pub(super) const fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

/// A directive in words.
pub fn describe(info: &DirectiveInfo) -> String {
    let standing = match info.standing {
        Standing::Current => String::new(),
        Standing::Undocumented => {
            "\n\nThe original service knows it and never documented it.".to_owned()
        }
        Standing::VendorHosted => "\n\nWorks only on the original service.".to_owned(),
        Standing::Removed => "\n\nRemoved from the language.".to_owned(),
    };
    let (usage, example) = (fenced(info.usage), fenced(info.example));
    format!("{usage}{}{standing}\n\n{example}In the language since {}.", info.doc, info.since)
}

fn fenced(text: &str) -> String {
    format!("```layerfile\n{text}\n```\n")
}

/// A link to a layer, its first comment, and what it is made of.
pub(super) fn about_layer(view: FileView<'_>) -> String {
    let graph = view.repository.graph();
    let path = view.document.path();
    let mut text = format!("[`{path}`]({})", view.document.uri().as_str());
    let chain: Vec<String> =
        view.ancestors().map(|file| format!("`{}`", layer_name(file.document.path()))).collect();
    if !chain.is_empty() {
        let _infallible = write!(text, "\n\nstarts from {}", chain.join(" ← "));
    }
    let (children, waiters) = (graph.children(view.id).len(), graph.waiters(view.id).len());
    let steps = view.analysis().directives.len();
    let _infallible =
        write!(text, "\n\n{steps} instructions · {children} inherit · {waiters} wait");
    text
}

fn about_image(view: FileView<'_>, word: &Word) -> String {
    let files = view.snapshot.files_of(view.repository);
    let users = files
        .filter(|file| {
            super::references::image_of(*file).is_some_and(|image| image.value == word.value)
        })
        .count();
    let known = view.repository.project_settings().images.contains(&word.value);
    let source = if known { "has a source in `layerc.toml`" } else { "is a base image" };
    format!("`{}` {source}; {users} of the Layerfiles start from it.", word.value)
}

fn about_path(view: FileView<'_>, word: &Word) -> Option<String> {
    let path = path_of_word(view, word)?;
    let tree = view.repository.tree();
    let shown =
        if path.is_root() { "the whole repository".to_owned() } else { format!("`{path}`") };
    Some(match tree.kind(&path) {
        Some(EntryKind::File) => format!("{shown}, a file"),
        Some(EntryKind::Symlink) => format!("{shown}, a symbolic link"),
        Some(EntryKind::Directory) => {
            let entries = tree.list(&path);
            let names = entries.iter().take(SHOWN_ENTRIES).map(|entry| format!("`{}`", entry.name));
            let names = names.collect::<Vec<_>>().join(" ");
            let more = entries.len().saturating_sub(SHOWN_ENTRIES);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{shown}, a directory: {names}{more}")
        }
        None => format!("{shown}: nothing is there"),
    })
}

/// A command of bash itself inside RUN.
fn about_builtin(view: FileView<'_>, offset: u32) -> Option<Hover> {
    let (_, directive) = directive_at(view, offset)?;
    let Instruction::Run(run) = &directive.instruction else { return None };
    let embedded = Embedded::of(view.text(), &run.command);
    let commands = tokens(embedded.text()).into_iter();
    let mut commands = commands.filter(|token| token.kind == ShellTokenKind::Command);
    let token = commands.find(|token| embedded.span(token.range.clone()).touches(offset))?;
    let builtin = builtin(embedded.text().get(token.range.clone())?)?;
    let text = format!("`{}`, of bash itself: {}", builtin.name, builtin.doc);
    let range = Some(view.range(embedded.span(token.range)));
    Some(Hover { contents: HoverContents::Markup(markdown(text)), range })
}

/// Where a variable comes from and what is known of its value.
fn about_variable(view: FileView<'_>, mention: &Mention) -> String {
    let name = &mention.name;
    let mut text = format!("`{name}`");
    if let Some(info) = variable(name) {
        let _infallible = write!(text, ": {}", info.doc);
        if let Some(instead) = info.replaced_by {
            let _infallible = write!(text, "\n\nReplaced by `{instead}`.");
        }
    }
    if mention.role == Role::ShellValue {
        text.push_str("\n\nThis command's own value; it ends with the command.");
    }
    let seen = if mention.role.defines() {
        Some(variables::Place { view, mention })
    } else {
        variables::definition(view, name, mention.directive)
    };
    if let Some(place) = seen {
        let line = place.view.positions().position(place.mention.span.start()).line + 1;
        let path = place.view.document.path();
        let uri = place.view.document.uri().as_str();
        let what = match place.mention.role {
            Role::Secret => "a secret, from".to_owned(),
            _ => match written_value(place) {
                Some(value) => format!("= `{value}`, from"),
                None => "from".to_owned(),
            },
        };
        let _infallible = write!(text, "\n\n{what} [{path}:{line}]({uri}#L{line})");
    } else if variable(name).is_none() && mention.role != Role::ShellValue {
        text.push_str(
            "\n\nNothing in this machine's Layerfiles sets it; the command or a SETUP FILE may.",
        );
    }
    if let Some(value) = effective(view, name) {
        let _infallible = write!(text, "\n\nAt the end of this file: `{value}`");
    }
    text
}

/// The text behind the `=` of a definition.
fn written_value(place: variables::Place<'_>) -> Option<&str> {
    let directive = place.view.analysis().directives.get(place.mention.directive)?;
    let Instruction::Env(pairs) = &directive.instruction else { return None };
    let pair = pairs.iter().find(|pair| pair.key.span == place.mention.span)?;
    (!pair.value.value.contains('`')).then_some(pair.value.value.as_str())
}

/// What the plan says a variable is when the file ends; `None` where only a run can tell.
fn effective<'s>(view: FileView<'s>, name: &str) -> Option<&'s str> {
    let plan = view.repository.plan().ok()?;
    let file = plan.layerfiles.iter().find(|file| file.path == *view.document.path())?;
    file.static_environment.get(name).map(String::as_str).filter(|value| !value.contains('`'))
}
