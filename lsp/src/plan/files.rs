//! Where the files of the repository are in a machine: what COPY has put there by the time of an instruction.
//!
//! Only what COPY names is known; what commands make can't be told without a run.

use super::chain;
use super::machine::{FIRST_DIRECTORY, Machine, joined};
use crate::features::locate::path_of_word;
use crate::workspace::FileView;
use layerc_compiler::directive::{Copy, Instruction};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::EntryKind;
use std::collections::BTreeMap;

/// Names in one directory of the machine, each with what it is.
pub type Names = BTreeMap<String, EntryKind>;

/// Something of the repository at a place of the machine.
#[derive(Debug)]
struct Copied {
    /// An absolute path.
    place: String,
    path: RepoPath,
    kind: EntryKind,
}

/// The names that COPY has put into `directory` of the machine before instruction number `index` of a file. A relative
/// directory starts where commands run.
pub fn names(view: FileView<'_>, index: usize, directory: &str) -> Names {
    let (copied, working) = copied(view, index);
    let directory = at_home(&joined(&working, directory), &working);
    let mut names = Names::new();
    for copied in copied {
        if copied.kind == EntryKind::Directory
            && let Some(below) = inside(&copied.place, &directory)
            && let Some(path) = RepoPath::resolve(&copied.path, below)
        {
            let entries = view.repository.tree().list(&path).into_iter();
            names.extend(entries.map(|entry| (entry.name, entry.kind)));
        } else if let Some(below) =
            inside(&directory, &copied.place).filter(|rest| !rest.is_empty())
        {
            let (name, kind) = match below.split_once('/') {
                Some((name, _)) => (name, EntryKind::Directory),
                None => (below, copied.kind),
            };
            names.insert(name.to_owned(), kind);
        }
    }
    names
}

/// Everything that was copied by then, and the directory that commands run in.
fn copied(view: FileView<'_>, index: usize) -> (Vec<Copied>, String) {
    let mut machine = Machine::default();
    let mut found = Vec::new();
    let above = chain::ancestors(view).into_iter().map(|above| (above, usize::MAX));
    for (file, count) in above.chain(std::iter::once((view, index))) {
        for (index, directive) in file.analysis().directives.iter().enumerate().take(count) {
            if let Instruction::Copy(copy) = &directive.instruction {
                let working = working_directory(&machine);
                found.extend(by(file, copy, &working));
            }
            machine.advance(file, index);
        }
    }
    (found, working_directory(&machine))
}

fn by<'v>(
    file: FileView<'v>,
    copy: &'v Copy,
    working: &'v str,
) -> impl Iterator<Item = Copied> + use<'v> {
    let destination = &copy.destination.value;
    let place = at_home(&joined(working, destination), working);
    copy.sources.iter().filter_map(move |source| {
        let path = path_of_word(file, source)?;
        let kind = file.repository.tree().kind(&path)?;
        let name = path.file_name().filter(|_| kind != EntryKind::Directory);
        let name =
            name.filter(|_| destination.ends_with('/') || matches!(&**destination, "." | ".."));
        let place = name.map_or_else(|| place.clone(), |name| joined(&place, name));
        Some(Copied { place, path, kind })
    })
}

fn working_directory(machine: &Machine<'_>) -> String {
    let directory = machine.directory.as_ref();
    let value = directory.map_or(FIRST_DIRECTORY, |directory| &*directory.value);
    match &machine.user {
        Some(user) if user.value != "root" => in_home(value, &format!("/home/{}", user.value)),
        _ => in_home(value, FIRST_DIRECTORY),
    }
}

/// `~/x` as a path below `home`.
fn in_home(path: &str, home: &str) -> String {
    path.strip_prefix('~').map_or_else(|| path.to_owned(), |rest| format!("{home}{rest}"))
}

/// `~/x` where commands run in `working`, which tells whose home it is.
fn at_home(path: &str, working: &str) -> String {
    let user = working.strip_prefix("/home/").and_then(|rest| rest.split('/').next());
    let home = user.map_or_else(|| FIRST_DIRECTORY.to_owned(), |user| format!("/home/{user}"));
    in_home(path.trim_end_matches('/'), &home)
}

/// What `path` adds to `directory`; `None` if it isn't at or below it.
fn inside<'p>(directory: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(directory.trim_end_matches('/'))?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}
