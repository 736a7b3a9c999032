//! The server's own eyes on the disk: some clients never report changes of files.
//!
//! Tells the scribe which paths changed, in bursts: a checkout of thousands of files is one change.

use super::scribe::Scribe;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long is waited for more after a change.
const BURST: Duration = Duration::from_millis(30);

/// Watches directories, each with everything below it.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    inner: Mutex<Option<Watching>>,
}

#[derive(Debug)]
struct Watching {
    watcher: RecommendedWatcher,
    roots: BTreeSet<PathBuf>,
}

impl Watcher {
    /// Watches these directories and no others. What can't be watched isn't: the client's reports remain.
    pub(super) fn watch(&self, roots: BTreeSet<PathBuf>, scribe: &Scribe) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.is_none() {
            *inner = start(scribe.clone());
        }
        let Some(watching) = inner.as_mut() else { return };
        for root in watching.roots.difference(&roots) {
            let _gone = watching.watcher.unwatch(root);
        }
        for root in roots.difference(&watching.roots) {
            let _unwatchable = watching.watcher.watch(root, RecursiveMode::Recursive);
        }
        watching.roots = roots;
    }
}

fn start(scribe: Scribe) -> Option<Watching> {
    let (sender, receiver) = channel();
    let watcher = notify::recommended_watcher(move |event| report(event, &sender)).ok()?;
    let work = move || gather(&receiver, &scribe);
    std::thread::Builder::new().name("watcher".to_owned()).spawn(work).ok()?;
    Some(Watching { watcher, roots: BTreeSet::new() })
}

/// Passes on what changed, unless it was only looked at, or belongs to git's own files.
fn report(event: notify::Result<notify::Event>, sender: &Sender<PathBuf>) {
    let Ok(event) = event else { return };
    if matches!(event.kind, EventKind::Access(_)) {
        return;
    }
    for path in event.paths.into_iter().filter(|path| !is_of_git(path)) {
        let _ended = sender.send(path);
    }
}

fn is_of_git(path: &Path) -> bool {
    path.components().any(|component| component.as_os_str() == ".git")
}

fn gather(receiver: &Receiver<PathBuf>, scribe: &Scribe) {
    while let Ok(first) = receiver.recv() {
        let mut changed = BTreeSet::from([first]);
        while let Ok(more) = receiver.recv_timeout(BURST) {
            changed.insert(more);
        }
        let paths: Arc<[PathBuf]> = changed.into_iter().collect();
        scribe.change(move |state| state.disk_changed(&paths));
    }
}
