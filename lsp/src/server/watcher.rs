//! The server's own eyes on the disk: some clients never report changes of files.
//!
//! Tells the scribe which paths changed, in bursts: a checkout of thousands of files is one change. The system reports
//! nothing of what happened in a directory before it was watched. So whatever is watched anew is compared with what the
//! server knows once the watch is in place; so is everything when the system says that reports were lost, and from time
//! to time where it can't watch everything. Where runs leave their records is watched too, and which branch is checked
//! out, for what hints tell. Knows paths, nothing of what they hold.

use super::publisher::Publisher;
use super::scribe::Scribe;
use crate::host::Host;
use notify::{
    Error, ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, WatcherKind,
};
use std::collections::{BTreeMap, BTreeSet};
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

/// How often the client is asked at most to show hints anew.
const HINT_PACE: Duration = Duration::from_secs(1);

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
    /// Another branch is checked out.
    Branch,
    /// Reports were lost.
    Lost,
    /// The system can't watch any more than it does.
    Exhausted,
}

/// Watches directories, each with everything below it.
#[derive(Debug)]
pub(super) struct Watcher {
    host: Arc<dyn Host>,
    publisher: Publisher,
    news: OnceLock<Sender<News>>,
}

impl Watcher {
    /// Watches nothing yet.
    pub(super) const fn new(host: Arc<dyn Host>, publisher: Publisher) -> Self {
        Self { host, publisher, news: OnceLock::new() }
    }

    /// Watches these directories and no others. Returns at once.
    pub(super) fn watch(&self, roots: BTreeSet<PathBuf>, scribe: &Scribe) {
        let news = self.news.get_or_init(|| self.start(scribe.clone()));
        let _ended = news.send(News::Roots(roots));
    }

    /// Starts the thread that sees to the news. Without a thread nothing is seen; the client's reports remain.
    fn start(&self, scribe: Scribe) -> Sender<News> {
        let (sender, receiver) = channel();
        let reports = sender.clone();
        let (host, publisher) = (Arc::clone(&self.host), self.publisher.clone());
        let work = move || {
            let system = notify::recommended_watcher(move |event| report(event, &reports)).ok();
            let eyes = Eyes {
                system,
                roots: BTreeSet::new(),
                records: BTreeMap::new(),
                sight: Sight::Full,
                looked: Instant::now(),
                hints_due: None,
                hints_told: None,
                host,
                publisher,
                scribe,
            };
            eyes.work(&receiver);
        };
        let _thread = std::thread::Builder::new().name("watcher".to_owned()).spawn(work);
        sender
    }
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
    for path in event.paths {
        let is_branch = path.ends_with(".git/HEAD");
        if is_branch || !is_of_git(&path) {
            let _ended = news.send(if is_branch { News::Branch } else { told(path) });
        }
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
    branches: usize,
    lost: Vec<Sight>,
}

impl Burst {
    fn add(&mut self, news: News) {
        match news {
            News::Roots(roots) => self.roots = Some(roots),
            News::Changed(path) => drop(self.changed.insert(path)),
            News::Appeared(path) => drop(self.appeared.insert(path)),
            News::Branch => self.branches += 1,
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
    /// Where runs leave records, and the directory that is watched for it: itself, or the nearest that exists.
    records: BTreeMap<PathBuf, Option<PathBuf>>,
    sight: Sight,
    looked: Instant,
    /// When the client is to show hints anew.
    hints_due: Option<Instant>,
    hints_told: Option<Instant>,
    host: Arc<dyn Host>,
    publisher: Publisher,
    scribe: Scribe,
}

impl Eyes {
    fn work(mut self, news: &Receiver<News>) {
        while let Ok(burst) = self.next(news) {
            self.see(burst);
            if self.sight == Sight::Partial && self.looked.elapsed() >= SLOW_LOOK {
                self.begin_again();
            }
            if self.hints_due.is_some_and(|due| due <= Instant::now()) {
                self.host.look_again();
                self.publisher.outlook_changed();
                (self.hints_due, self.hints_told) = (None, Some(Instant::now()));
            }
        }
    }

    /// How long to wait at most; `None` if there is nothing else to do.
    fn patience(&self) -> Option<Duration> {
        let slow_look = SLOW_LOOK.saturating_sub(self.looked.elapsed());
        let slow_look = (self.sight == Sight::Partial).then_some(slow_look);
        let hints = self.hints_due.map(|due| due.saturating_duration_since(Instant::now()));
        slow_look.into_iter().chain(hints).min()
    }

    /// The next burst; an empty one when there is something else to do.
    fn next(&self, news: &Receiver<News>) -> Result<Burst, RecvTimeoutError> {
        let mut burst = Burst::default();
        let first = match self.patience() {
            None => news.recv().map_err(|_| RecvTimeoutError::Disconnected)?,
            Some(patience) => match news.recv_timeout(patience) {
                Err(RecvTimeoutError::Timeout) => return Ok(burst),
                other => other?,
            },
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
        self.watch_new(&burst.appeared);
        let seen: Vec<PathBuf> = burst.changed.into_iter().chain(burst.appeared).collect();
        let tells_of_runs = |path: &PathBuf| {
            self.records
                .keys()
                .any(|records| path.starts_with(records) || records.starts_with(path))
        };
        let runs = seen.iter().any(tells_of_runs);
        let inside = |path: &PathBuf| self.roots.iter().any(|root| path.starts_with(root));
        let paths: Arc<[PathBuf]> = seen.into_iter().filter(inside).collect();
        if runs {
            self.watch_records();
        }
        if runs || burst.branches > 0 || !paths.is_empty() {
            let soonest = self.hints_told.map_or_else(Instant::now, |told| told + HINT_PACE);
            self.hints_due.get_or_insert(soonest);
        }
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

    /// Watches directories among what has appeared.
    fn watch_new(&mut self, appeared: &BTreeSet<PathBuf>) {
        let mut watched: Option<&Path> = None;
        for path in appeared {
            // Sorted, so what is above comes first and takes what is below along.
            let is_done = watched.is_some_and(|above| path.starts_with(above));
            let inside = self.roots.iter().any(|root| path.starts_with(root));
            if !is_done && inside && watches_one_by_one() && is_directory(path) {
                self.watch(path);
                watched = Some(path);
            }
        }
    }

    /// Watches where runs leave their records; what isn't there yet is waited for in the directory where it will be.
    fn watch_records(&mut self) {
        for (records, watched) in &mut self.records {
            let nearest = records.ancestors().find(|path| path.is_dir()).map(Path::to_owned);
            if nearest == *watched {
                continue;
            }
            let Some((system, nearest)) = self.system.as_mut().zip(nearest) else { continue };
            // Below a root it is watched already, and watching it by itself would end that.
            let is_inside = self.roots.iter().any(|root| nearest.starts_with(root));
            if is_inside || system.watch(&nearest, RecursiveMode::NonRecursive).is_ok() {
                *watched = Some(nearest);
            }
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
        let records = self.roots.iter().filter_map(|root| self.host.run_directory(root));
        for records in records.collect::<Vec<_>>() {
            self.records.entry(records).or_insert(None);
        }
        self.watch_records();
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
