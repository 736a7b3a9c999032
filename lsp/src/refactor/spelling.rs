//! How a path is written so that it looks as its author wrote it.

use layerc_compiler::repo_path::RepoPath;

/// `word`, rewritten to name `target` from `directory`: the same word if it does already, else from the root if it
/// was from the root, with the slash at its end and the `./` at its start if it had them.
pub(crate) fn for_directory(word: &str, directory: &RepoPath, target: &RepoPath) -> String {
    if RepoPath::resolve(directory, word).as_ref() == Some(target) {
        return word.to_owned();
    }
    if word.starts_with('/') {
        return with_ending(word, &format!("/{}", target.as_str()));
    }
    let relative = target.way_from(directory);
    let climbs = relative.starts_with("..");
    let keeps_dot = word.starts_with('.');
    let spelled = match relative.as_str() {
        "" => ".".to_owned(),
        path if climbs || !keeps_dot => path.to_owned(),
        path => format!("./{path}"),
    };
    with_ending(word, &spelled)
}

/// `word`, in which the part that named something that moves names where it goes: only that component changes if that is
/// enough.
pub(crate) fn for_moves(
    word: &str,
    before: &RepoPath,
    after: &RepoPath,
    target: &RepoPath,
    moves: &[(RepoPath, RepoPath)],
) -> String {
    let mut replaced =
        moves.iter().filter_map(|(from, to)| with_component_replaced(word, before, (from, to)));
    let fits = |text: &String| RepoPath::resolve(after, text).as_ref() == Some(target);
    let fitting = replaced.find(fits);
    fitting.unwrap_or_else(|| for_directory(word, after, target))
}

/// The word with the last component that completes `from` replaced by the name of `to`; `None` if none does.
fn with_component_replaced(
    word: &str,
    directory: &RepoPath,
    (from, to): (&RepoPath, &RepoPath),
) -> Option<String> {
    let mut current = if word.starts_with('/') { RepoPath::root() } else { directory.clone() };
    let mut parts: Vec<String> = word.split('/').map(str::to_owned).collect();
    for part in &mut parts {
        let named = !matches!(part.as_str(), "" | "." | "..");
        current = RepoPath::resolve(&current, if part.is_empty() { "." } else { part })?;
        if named && current == *from {
            *part = to.file_name()?.to_owned();
            return Some(parts.join("/"));
        }
    }
    None
}

fn with_ending(word: &str, path: &str) -> String {
    if word.ends_with('/') && !path.ends_with('/') { format!("{path}/") } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{for_directory, for_moves};
    use layerc_compiler::repo_path::RepoPath;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).unwrap()
    }

    #[test]
    fn a_word_is_rewritten_only_if_it_must_and_in_its_own_style() {
        let cases = [
            ("../base", "a/b", "a/base", "../base"),
            ("../base", "c/d", "a/base", "../../a/base"),
            ("/a/base/", "c", "a/new", "/a/new/"),
            ("./x", "c", "c/y", "./y"),
            ("x", "c", "c/y", "y"),
            (".", "c", "a", "../a"),
            (".", "a/b", "a/b/c", "./c"),
            ("..", "a", "a", "."),
            ("../base/Layerfile", "", "base/Layerfile", "./base/Layerfile"),
        ];
        for (word, directory, target, expected) in cases {
            assert_eq!(for_directory(word, &path(directory), &path(target)), expected, "{word}");
        }
    }

    #[test]
    fn a_rename_changes_only_the_component_that_was_renamed() {
        let moves = [(path("a/old"), path("a/new"))];
        let cases = [
            ("../../a/old/Layerfile", "a/x", "a/new/Layerfile", "../../a/new/Layerfile"),
            ("/a/old/", "x", "a/new", "/a/new/"),
            ("../old/../old/x", "a/x", "a/new/x", "../new/x"),
        ];
        for (word, directory, target, expected) in cases {
            let directory = path(directory);
            let found = for_moves(word, &directory, &directory, &path(target), &moves);
            assert_eq!(found, expected, "{word}");
        }
    }
}
