//! Other repositories that CLONE names: one commit of each on disk, as a tree of files that is then served and watched
//! like the repository itself.
//!
//! ```text
//! clones/ID/lock           held while the things below change
//! clones/ID/objects.git    what was fetched, without history
//! clones/ID/trees/COMMIT/  the files of a commit; never change
//! clones/ID/uses/COMMIT    locked, shared, by each run that shows the tree
//! ```
//!
//! The `git` program does the talking, not a library: what users have set up for it (credentials, keys, proxies, `insteadOf`)
//! holds here too, and only those who write CLONE need it. Knows nothing of machines or keys.

mod git;
mod room;

pub use git::Stopper;
pub use room::KeptClones;

use crate::durable::make_durable;
use crate::store::runs::{fresh_name, hexadecimal, make_private_directory};
use git::{Git, Remote};
use layerc_planner::plan::Action;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of a message of git that are told.
const SAID_LIMIT: usize = 600;

/// What CLONE asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloneRequest {
    /// As written: an address, or a path from the repository's root.
    pub url: String,
    /// `DEFAULT=`.
    pub default_branch: Option<String>,
}

/// A commit's files.
#[derive(Debug)]
pub struct Checkout {
    /// Where they are.
    pub tree: PathBuf,
    /// Its full hash.
    pub commit: String,
    /// The branch it is the head of; `None` for the other repository's own choice.
    pub branch: Option<String>,
    /// Keeps the tree from being removed.
    _in_use: File,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// No git.
    #[error("CLONE needs the program `git`, which can't be started; install it (package `git`)")]
    NoGit(#[source] io::Error),
    /// Offline, wrong address, no permission.
    #[error(
        "cannot reach `{url}`: {said}; CLONE asks the other repository at every run: look at the address, at the network and \
         at git's credentials for it, or leave the Layerfile out with `--without`"
    )]
    Unreachable {
        /// The address.
        url: String,
        /// What git said.
        said: String,
    },
    /// Nothing to take.
    #[error("`{url}` has no branch {wanted}; name one that it has with `DEFAULT=`")]
    NoBranch {
        /// The address.
        url: String,
        /// Backticked names.
        wanted: String,
    },
    /// git failed on this machine.
    #[error("cannot {action}: {said}")]
    Failed {
        /// Verb phrase.
        action: &'static str,
        /// What git said.
        said: String,
    },
    /// The store.
    #[error("cannot keep the files of `{url}`")]
    Store {
        /// The address.
        url: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl CloneRequest {
    /// What an instruction asks for, if it is a CLONE.
    pub fn of(action: &Action) -> Option<Self> {
        let Action::Clone { url, default_branch, .. } = action else { return None };
        Some(Self { url: url.clone(), default_branch: default_branch.clone() })
    }

    /// The first component of the tracked paths of its files: begins with a byte that no file's name has.
    pub fn tracked_name(&self) -> String {
        let mut name = format!("\0{}", encode(without_user(&self.url)));
        if let Some(branch) = &self.default_branch {
            name.push_str(&format!("@{}", encode(branch)));
        }
        name
    }

    fn id(&self) -> String {
        hexadecimal(&blake3::hash(self.tracked_name().as_bytes()).as_bytes()[..8])
    }
}

/// Fetches and checks out.
///
/// `store` is the store's directory, `root` the repository's, `branch` the current branch. `stopper` is given what ends a
/// running git.
///
/// # Errors
/// When the other repository can't be reached, lacks the branch, or this machine can't keep its files.
pub fn check_out(
    request: &CloneRequest,
    store: &Path,
    root: &Path,
    branch: Option<&str>,
    stopper: &dyn Fn(Stopper),
) -> Result<Checkout, CloneError> {
    let kept = |source| CloneError::Store { url: request.url.clone(), source };
    let place = store.join("clones").join(request.id());
    for part in ["trees", "uses"] {
        make_private_directory(&place.join(part)).map_err(io::Error::other).map_err(kept)?;
    }
    let git = Git { root, objects: place.join("objects.git"), stopper };
    let remote = git.list(&address(&request.url, root), &request.url)?;
    let (name, commit) = choose(&remote, request, branch)?;
    let lock = File::create(place.join("lock")).map_err(kept)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| kept(error.into()))?;
    let tree = tree_of(&place, &commit);
    if !tree.is_dir() {
        let reference =
            name.as_deref().map_or("HEAD".to_owned(), |name| format!("refs/heads/{name}"));
        git.fetch(&address(&request.url, root), &request.url, &reference)?;
        let beside = place.join("trees").join(format!("new-{}", fresh_name()));
        fs::create_dir(&beside).map_err(kept)?;
        git.write_tree(&commit, &beside)?;
        make_durable(&beside).map_err(kept)?;
        fs::rename(&beside, &tree).map_err(kept)?;
    }
    let in_use = File::create(place.join("uses").join(&commit)).map_err(kept)?;
    flock(&in_use, FlockOperation::LockShared).map_err(|error| kept(error.into()))?;
    Ok(Checkout { tree, commit, branch: name, _in_use: in_use })
}

/// Where the files of a commit are, in the place of its repository.
fn tree_of(place: &Path, commit: &str) -> PathBuf {
    place.join("trees").join(commit)
}

/// The branch of the current one's name, else DEFAULT's, else the other repository's own choice.
fn choose(
    remote: &Remote,
    request: &CloneRequest,
    branch: Option<&str>,
) -> Result<(Option<String>, String), CloneError> {
    let wanted = branch.into_iter().chain(request.default_branch.as_deref());
    for name in wanted.clone() {
        if let Some(commit) = remote.branches.get(name) {
            return Ok((Some(name.to_owned()), commit.clone()));
        }
    }
    match (&remote.head, &request.default_branch) {
        (Some(commit), None) => Ok((None, commit.clone())),
        _ => {
            let names: Vec<String> = wanted.map(|name| format!("`{name}`")).collect();
            let wanted = if names.is_empty() { "at all".to_owned() } else { names.join(" or ") };
            Err(CloneError::NoBranch { url: request.url.clone(), wanted })
        }
    }
}

/// A path becomes an address, so that git treats it like any other repository.
fn address(url: &str, root: &Path) -> String {
    let is_path = !url.contains("://") && !url.split('/').next().unwrap_or_default().contains(':');
    if is_path { format!("file://{}", root.join(url).display()) } else { url.to_owned() }
}

/// An address without the user and password that it may hold.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    format!("{scheme}://{host}/{path}")
}

/// With everything that means something in a path or a pattern as `%XX`.
fn encode(text: impl AsRef<str>) -> String {
    let mut encoded = String::new();
    for byte in text.as_ref().bytes() {
        if byte.is_ascii_alphanumeric() || b"._-:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The end of what git said, on one line.
fn said(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let start = line.len().saturating_sub(SAID_LIMIT);
    let start = (start..line.len()).find(|start| line.is_char_boundary(*start)).unwrap_or(0);
    line.get(start..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_slash_no_pattern_and_no_password() {
        let request = CloneRequest {
            url: "https://me:secret@host/a/b*.git".to_owned(),
            default_branch: Some("x/y".to_owned()),
        };
        assert_eq!(request.tracked_name(), "\0https:%2F%2Fhost%2Fa%2Fb%2A.git@x%2Fy");
    }

    #[test]
    fn paths_become_addresses_and_addresses_stay() {
        let check = |url, expected| assert_eq!(address(url, Path::new("/r")), expected);
        check("../lib", "file:///r/../lib");
        check("/srv/lib.git", "file:///srv/lib.git");
        check("https://host/lib", "https://host/lib");
        check("git@host:lib.git", "git@host:lib.git");
    }

    #[test]
    fn the_same_branch_comes_before_the_default_one() {
        let remote = Remote {
            branches: [("main", "1"), ("dev", "2")]
                .map(|(name, commit)| (name.to_owned(), commit.to_owned()))
                .into(),
            head: Some("1".to_owned()),
        };
        let check = |branch, default: Option<&str>| {
            let request =
                CloneRequest { url: "u".to_owned(), default_branch: default.map(str::to_owned) };
            choose(&remote, &request, branch)
                .map(|(_, commit)| commit)
                .map_err(|error| error.to_string())
        };
        assert_eq!(check(Some("dev"), Some("main")), Ok("2".to_owned()));
        assert_eq!(check(Some("x"), Some("main")), Ok("1".to_owned()));
        assert_eq!(check(Some("x"), None), Ok("1".to_owned()));
        assert_eq!(
            check(Some("x"), Some("y")),
            Err("`u` has no branch `x` or `y`; name one that it has with `DEFAULT=`".to_owned())
        );
    }
}
