//! Arguments: which source of words each instruction has.

use super::item::{Items, document};
use super::{commands, layers, paths, variables};
use crate::workspace::FileView;
use layerc_compiler::catalog::{BuildEnvUse, DirectiveInfo, DirectiveKind};
use layerc_compiler::directive::{Checkpoint, Instruction};
use ls_types::CompletionItemKind;
use std::collections::BTreeSet;

/// Directories whose contents tools keep between runs.
const CACHES: &[&str] =
    &["~/.npm", "~/.cache", "~/.cargo", "~/.m2", "~/.gradle", "~/go/pkg", "/var/cache/apt"];

/// Amounts of memory that machines have.
const AMOUNTS: &[&str] = &["1G", "2G", "4G", "8G", "16G"];

/// Offers what fits at byte `cursor`, behind the keyword of `info`.
pub(super) fn complete(
    view: FileView<'_>,
    items: &mut Items<'_>,
    info: &DirectiveInfo,
    arguments: &str,
    cursor: u32,
) {
    let is_first = !arguments.contains([' ', '\t']);
    match info.kind {
        DirectiveKind::From => layers::sources(view, items),
        DirectiveKind::Wait => layers::targets(view, items),
        DirectiveKind::Run | DirectiveKind::RunBackground | DirectiveKind::RunRepeatable => {
            if is_first && info.kind == DirectiveKind::Run {
                modifiers(items);
            }
            variables::expansions(view, items, arguments);
            commands::complete(view, items, arguments, cursor);
        }
        DirectiveKind::Env => variables::expansions(view, items, arguments),
        DirectiveKind::Copy => {
            paths::complete(view, items);
            if !is_first {
                words(items, &directories(view), CompletionItemKind::FOLDER);
            }
        }
        DirectiveKind::SetupFile => paths::complete(view, items),
        DirectiveKind::BuildEnv => {
            variables::built_in(items, |info| info.build_env == BuildEnvUse::Allowed);
        }
        DirectiveKind::SecretEnv => words(items, &secrets(view), CompletionItemKind::VARIABLE),
        DirectiveKind::SkipIf => variables::conditions(view, items, arguments),
        DirectiveKind::Cache => {
            let used = used(view, |instruction| match instruction {
                Instruction::Cache(words) => words.iter().map(|word| word.value.clone()).collect(),
                _ => Vec::new(),
            });
            let all = used.into_iter().chain(CACHES.iter().map(|path| (*path).to_owned()));
            words(items, &all.collect(), CompletionItemKind::FOLDER);
        }
        DirectiveKind::Workdir => words(items, &directories(view), CompletionItemKind::FOLDER),
        DirectiveKind::User => words(items, &users(view), CompletionItemKind::CLASS),
        DirectiveKind::ExposeWebsite if is_first => websites(view, items),
        DirectiveKind::ExposeTcp => words(items, &ports(view), CompletionItemKind::VALUE),
        DirectiveKind::Memory => each(items, AMOUNTS, CompletionItemKind::VALUE),
        DirectiveKind::Split => {
            if is_first {
                each(items, &["UNORDERED"], CompletionItemKind::KEYWORD);
            }
            each(items, &["2", "3", "4", "8"], CompletionItemKind::VALUE);
        }
        DirectiveKind::Checkpoint => {
            each(items, &["disabled"], CompletionItemKind::KEYWORD);
            words(items, &checkpoints(view), CompletionItemKind::EVENT);
        }
        DirectiveKind::Label => labels(items),
        DirectiveKind::Clone => words(items, &clones(view), CompletionItemKind::FILE),
        DirectiveKind::ExposeWebsite
        | DirectiveKind::Button
        | DirectiveKind::Aws
        | DirectiveKind::Artifact => {}
    }
}

fn each(items: &mut Items<'_>, texts: &[&str], kind: CompletionItemKind) {
    texts.iter().for_each(|text| {
        items.word(text, kind);
    });
}

fn words(items: &mut Items<'_>, texts: &BTreeSet<String>, kind: CompletionItemKind) {
    texts.iter().for_each(|text| {
        items.word(text, kind);
    });
}

/// `BACKGROUND` and `REPEATABLE`, which belong to the keyword.
fn modifiers(items: &mut Items<'_>) {
    for kind in [DirectiveKind::RunBackground, DirectiveKind::RunRepeatable] {
        let info = kind.info();
        let word = info.keyword.rsplit(' ').next().unwrap_or_default();
        let item = items.add(word, &format!("{word} "), CompletionItemKind::KEYWORD);
        item.detail = Some(info.usage.to_owned());
        document(item, info.doc);
    }
}

/// Texts of instructions anywhere in the repository.
fn used(view: FileView<'_>, texts: impl Fn(&Instruction) -> Vec<String>) -> BTreeSet<String> {
    let files = view.snapshot.files_of(view.repository);
    files
        .flat_map(|file| &file.analysis().directives)
        .flat_map(|directive| texts(&directive.instruction))
        .collect()
}

fn secrets(view: FileView<'_>) -> BTreeSet<String> {
    used(view, |instruction| match instruction {
        Instruction::SecretEnv(names) => names.iter().map(|name| name.value.clone()).collect(),
        _ => Vec::new(),
    })
}

fn checkpoints(view: FileView<'_>) -> BTreeSet<String> {
    used(view, |instruction| match instruction {
        Instruction::Checkpoint(Checkpoint::Named(name)) => vec![name.value.clone()],
        _ => Vec::new(),
    })
}

fn clones(view: FileView<'_>) -> BTreeSet<String> {
    used(view, |instruction| match instruction {
        Instruction::Clone(clone) => vec![clone.url.value.clone()],
        _ => Vec::new(),
    })
}

/// Directories of the machine that the repository names.
fn directories(view: FileView<'_>) -> BTreeSet<String> {
    used(view, |instruction| match instruction {
        Instruction::Workdir(word) => vec![word.value.clone()],
        Instruction::Copy(copy) if copy.destination.value.len() > 1 => {
            vec![copy.destination.value.clone()]
        }
        _ => Vec::new(),
    })
}

/// `root`, the users that other files switch to, and those that a command makes.
fn users(view: FileView<'_>) -> BTreeSet<String> {
    let mut users = used(view, |instruction| match instruction {
        Instruction::User(user) => vec![user.value.clone()],
        Instruction::Run(run) => made_user(&run.command.value).into_iter().collect(),
        _ => Vec::new(),
    });
    users.insert("root".to_owned());
    users
}

/// The name at the end of a `useradd` or `adduser` command.
fn made_user(command: &str) -> Option<String> {
    let (_, arguments) =
        command.split_once("useradd ").or_else(|| command.split_once("adduser "))?;
    let end = arguments.find(['&', ';', '|', '\n']).unwrap_or(arguments.len());
    let name = arguments.get(..end)?.split_whitespace().next_back()?;
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    is_name.then(|| name.to_owned())
}

/// Numbers behind `:`, `--port`, `-p` or `PORT=` in commands and variables.
fn ports(view: FileView<'_>) -> BTreeSet<String> {
    let mut ports = used(view, |instruction| match instruction {
        Instruction::Run(run) => ports_in(&run.command.value),
        Instruction::Env(pairs) => pairs
            .iter()
            .filter(|pair| pair.key.value.contains("PORT"))
            .flat_map(|pair| ports_in(&format!(":{}", pair.value.value)))
            .collect(),
        Instruction::ExposeWebsite(website) => vec![website.port.to_string()],
        Instruction::ExposeTcp(tcp) => vec![tcp.destination.value.to_string()],
        _ => Vec::new(),
    });
    if ports.is_empty() {
        ports.extend(["80", "3000", "8000", "8080"].map(str::to_owned));
    }
    ports
}

fn ports_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for mark in [":", "--port ", "--port=", "-p ", "PORT="] {
        for (at, _) in text.match_indices(mark) {
            let rest = text.get(at + mark.len()..).unwrap_or_default();
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let number = rest.get(..end).and_then(|digits| digits.parse::<u16>().ok());
            found.extend(number.filter(|number| *number > 0).map(|number| number.to_string()));
        }
    }
    found
}

fn websites(view: FileView<'_>, items: &mut Items<'_>) {
    for port in ports(view) {
        let scheme = if port.ends_with("443") { "https" } else { "http" };
        items.word(&format!("localhost:{port}"), CompletionItemKind::VALUE);
        items.word(&format!("{scheme}://localhost:{port}"), CompletionItemKind::VALUE);
    }
}

fn labels(items: &mut Items<'_>) {
    match items.typed().split_once('=') {
        Some((key, _)) => {
            items.keep(key.len() + 1);
            if key == "status" {
                each(items, &["merge", "hidden"], CompletionItemKind::ENUM_MEMBER);
            }
        }
        None => each(items, &["display_name=", "status="], CompletionItemKind::PROPERTY),
    }
}
