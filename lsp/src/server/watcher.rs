//! The server's own eyes on the disk: some clients never report changes of files.
//!
//! Tells the scribe which paths changed, in bursts: a checkout of thousands of files is one change. The system reports
//! nothing of what happened in a directory before it was watched. So whatever is watched anew is compared with what the
//! server knows once the watch is in place; so is everything when the system says that reports were lost, and from time
//! to time where it can't watch everything. Knows paths, nothing of what they hold.

use super::scribe::Scribe;
use notify::{
    Error, ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, WatcherKind,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long is waited for more after a change.
const BURST: Duration = Duration::from_millis(30);

/// How long a burst may last: something that writes all the time must not keep the rest from being seen.
const LONGEST_BURST: Duration = Duration::from_millis(300);

/// How often everything is looked at where the system can't watch it all.
const SLOW_LOOK: Duration = Duration::from_secs(5);

/// How often a walk through a directory is begun again because something in it vanished under it.
const WALKS: usize = 5;

/// Something to see to.
#[derive(Debug)]
enum News {
    /// These directories are to be watched and no others.
    Roots(BTreeSet<PathBuf>),
    /// The content of something changed, or it is gone.
    Changed(PathBuf),
    /// Something has a new name.
    Appeared(PathBuf),
    /// Reports were lost.
    Lost,
    /// The system can't watch any more than it does.
    Exhausted,
}

/// Watches directories, each with everything below it.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    news: OnceLock<Sender<News>>,
}

impl Watcher {
    /// Watches these directories and no others. Returns at once.
    pub(super) fn watch(&self, roots: BTreeSet<PathBuf>, scribe: &Scribe) {
        let news = self.news.get_or_init(|| start(scribe.clone()));
        let _ended = news.send(News::Roots(roots));
    }
}

/// Starts the thread that sees to the news. Without a thread nothing is seen; the client's reports remain.
fn start(scribe: Scribe) -> Sender<News> {
    let (sender, receiver) = channel();
    let reports = sender.clone();
    let work = move || {
        let system = notify::recommended_watcher(move |event| report(event, &reports)).ok();
        let roots = BTreeSet::new();
        Eyes { system, roots, sight: Sight::Full, looked: Instant::now(), scribe }.work(&receiver);
    };
    let _thread = std::thread::Builder::new().name("watcher".to_owned()).spawn(work);
    sender
}

/// Passes on what the system reports, unless something was only looked at, or belongs to git's own files.
fn report(event: notify::Result<notify::Event>, news: &Sender<News>) {
    let event = match event {
        Ok(event) if event.need_rescan() => return drop(news.send(News::Lost)),
        Ok(event) => event,
        Err(Error { kind: ErrorKind::MaxFilesWatch, .. }) => {
            return drop(news.send(News::Exhausted));
        }
        Err(_) => return drop(news.send(News::Lost)),
    };
    let told = match event.kind {
        EventKind::Access(_) => return,
        EventKind::Create(_) | EventKind::Modify(notify::event::ModifyKind::Name(_)) => {
            News::Appeared
        }
        EventKind::Any | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => {
            News::Changed
        }
    };
    for path in event.paths.into_iter().filter(|path| !is_of_git(path)) {
        let _ended = news.send(told(path));
    }
}

fn is_of_git(path: &Path) -> bool {
    path.components().any(|component| component.as_os_str() == ".git")
}

/// How much the system reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// Everything below the roots.
    Full,
    /// Not everything: there are limits to what can be watched.
    Partial,
}

/// News that came close together.
#[derive(Debug, Default)]
struct Burst {
    roots: Option<BTreeSet<PathBuf>>,
    changed: BTreeSet<PathBuf>,
    appeared: BTreeSet<PathBuf>,
    lost: Vec<Sight>,
}

impl Burst {
    fn add(&mut self, news: News) {
        match news {
            News::Roots(roots) => self.roots = Some(roots),
            News::Changed(path) => drop(self.changed.insert(path)),
            News::Appeared(path) => drop(self.appeared.insert(path)),
            News::Lost => self.lost.push(Sight::Full),
            News::Exhausted => self.lost.push(Sight::Partial),
        }
    }
}

/// What the thread holds.
struct Eyes {
    /// `None` where the system has no more to give.
    system: Option<RecommendedWatcher>,
    roots: BTreeSet<PathBuf>,
    sight: Sight,
    looked: Instant,
    scribe: Scribe,
}

impl Eyes {
    fn work(mut self, news: &Receiver<News>) {
        while let Ok(burst) = self.next(news) {
            self.see(burst);
            if self.sight == Sight::Partial && self.looked.elapsed() >= SLOW_LOOK {
                self.begin_again();
            }
        }
    }

    /// The next burst; an empty one when it is time for a slow look.
    fn next(&self, news: &Receiver<News>) -> Result<Burst, RecvTimeoutError> {
        let mut burst = Burst::default();
        let first = match self.sight {
            Sight::Full => news.recv().map_err(|_| RecvTimeoutError::Disconnected)?,
            Sight::Partial => {
                let left = SLOW_LOOK.saturating_sub(self.looked.elapsed());
                match news.recv_timeout(left) {
                    Err(RecvTimeoutError::Timeout) => return Ok(burst),
                    other => other?,
                }
            }
        };
        burst.add(first);
        let begun = Instant::now();
        while begun.elapsed() < LONGEST_BURST
            && let Ok(more) = news.recv_timeout(BURST)
        {
            burst.add(more);
        }
        Ok(burst)
    }

    fn see(&mut self, burst: Burst) {
        if let Some(roots) = burst.roots {
            self.watch_only(roots);
        }
        let mut watched: Option<&Path> = None;
        for path in &burst.appeared {
            // Sorted, so what is above comes first and takes what is below along.
            let is_done = watched.is_some_and(|above| path.starts_with(above));
            if !is_done && watches_one_by_one() && is_directory(path) {
                self.watch(path);
                watched = Some(path);
            }
        }
        let paths: Arc<[PathBuf]> = burst.changed.into_iter().chain(burst.appeared).collect();
        if !paths.is_empty() {
            self.scribe.change(move |state| state.disk_changed(&paths));
        }
        let root_is_gone = self.roots.iter().any(|root| !is_directory(root));
        if root_is_gone || burst.lost.contains(&Sight::Partial) {
            self.sight = Sight::Partial;
        }
        if !burst.lost.is_empty() {
            self.look_at(&self.roots);
        }
    }

    fn watch_only(&mut self, roots: BTreeSet<PathBuf>) {
        let before = std::mem::replace(&mut self.roots, roots);
        for root in before.difference(&self.roots) {
            let _gone = self.system.as_mut().map(|system| system.unwatch(root));
        }
        let new: BTreeSet<PathBuf> = self.roots.difference(&before).cloned().collect();
        for root in &new {
            self.watch(root);
        }
        self.look_at(&new);
    }

    /// Watches a directory and everything below it. When this returns, whatever happens there is reported from now on.
    fn watch(&mut self, directory: &Path) {
        let system = self.system.as_mut();
        let watched = system.is_some_and(|system| watch_all_below(system, directory));
        if !watched && (is_directory(directory) || self.roots.contains(directory)) {
            self.sight = Sight::Partial;
        }
    }

    /// A slow look: everything is watched anew, as far as that is possible by now, and compared.
    fn begin_again(&mut self) {
        self.sight = if self.system.is_some() { Sight::Full } else { Sight::Partial };
        for root in self.roots.clone() {
            self.watch(&root);
        }
        self.look_at(&self.roots);
        self.looked = Instant::now();
    }

    /// Compares what is below these directories with what the server knows. Not on the scribe's thread, where edits
    /// would have to wait for it; what differs is then read there in its turn.
    fn look_at(&self, directories: &BTreeSet<PathBuf>) {
        let scribe = self.scribe.clone();
        let (sender, receiver) = channel();
        self.scribe.look(move |state| drop(sender.send(state.snapshot())));
        let Ok(snapshot) = receiver.recv() else { return };
        let differing: Vec<PathBuf> = directories
            .iter()
            .flat_map(|directory| snapshot.differences_from_disk(directory))
            .collect();
        if !differing.is_empty() {
            scribe.change(move |state| state.disk_changed(&differing));
        }
    }
}

fn watch_all_below(system: &mut RecommendedWatcher, directory: &Path) -> bool {
    for _ in 0..WALKS {
        match system.watch(directory, RecursiveMode::Recursive) {
            Ok(()) => return true,
            Err(Error { kind: ErrorKind::MaxFilesWatch, .. }) => return false,
            Err(_) => {}
        }
    }
    false
}

/// Whether this system watches directories one by one, and so has to be told of each new one.
fn watches_one_by_one() -> bool {
    RecommendedWatcher::kind() == WatcherKind::Inotify
}

fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}
