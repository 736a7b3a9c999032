//! Today's answers: one at a time for anybody, in bulk for comparing a whole read set with the tree.
//!
//! In bulk a path costs one `statx` relative to its directory, which is opened once; contents and listings come from
//! the stat cache when their stamp is known. Does not know what the answers are compared with.

use super::answers;
use super::kind::Kind;
use super::repository::{
    Facts, OpenedFile, Repository, examine_in, facts_of, if_absent, is_root, open_below, split,
};
use super::stamp::{Stamp, now_nanoseconds};
use crate::read_set::{Fingerprint, FingerprintSource, Question, ReadSet, TrackedPath};
use rustix::fs::OFlags;
use std::io;
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Below this many questions for each thread, starting threads costs more than it saves.
const QUESTIONS_PER_THREAD: usize = 1_000;

/// More threads than this contend for the same directories.
const MOST_THREADS: usize = 8;

/// How often a file that changes while it is hashed is hashed again.
const HASHING_ATTEMPTS: usize = 3;

impl FingerprintSource for Repository {
    fn fingerprint(&self, path: &TrackedPath, question: Question) -> io::Result<Fingerprint> {
        denied_is_an_answer(self.examine(path).and_then(|facts| self.answer(path, question, facts)))
    }

    fn fingerprints(&self, questions: &[(&TrackedPath, Question)]) -> io::Result<Vec<Fingerprint>> {
        // How many processors there are takes longer to learn than few questions to answer.
        if questions.len() <= QUESTIONS_PER_THREAD {
            return self.answer_in_order(questions);
        }
        let threads =
            std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        let each = questions.len().div_ceil(threads).max(QUESTIONS_PER_THREAD);
        if questions.len() <= each {
            return self.answer_in_order(questions);
        }
        std::thread::scope(|scope| {
            let working: Vec<_> = questions
                .chunks(each)
                .map(|part| scope.spawn(move || self.answer_in_order(part)))
                .collect();
            let mut answers = Vec::with_capacity(questions.len());
            for part in working {
                answers.extend(
                    part.join()
                        .map_err(|_| io::Error::other("a fingerprinting thread panicked"))??,
                );
            }
            Ok(answers)
        })
    }
}

impl Repository {
    /// The questions of `reads` that have another answer now, in order.
    ///
    /// # Errors
    /// When the repository can't be read.
    pub fn differences(&self, reads: &ReadSet) -> io::Result<Vec<(TrackedPath, Question)>> {
        let questions: Vec<_> =
            reads.answers.keys().map(|(path, question)| (path, *question)).collect();
        let now = self.fingerprints(&questions)?;
        let differing =
            reads.answers.iter().zip(now).filter(|((_, answer), now)| answer.fingerprint != *now);
        Ok(differing.map(|((key, _), _)| key.clone()).collect())
    }

    /// Answers questions one after the other; fastest when sorted by path.
    fn answer_in_order(
        &self,
        questions: &[(&TrackedPath, Question)],
    ) -> io::Result<Vec<Fingerprint>> {
        let mut directories = OpenDirectories::new(self);
        let mut last: Option<(&TrackedPath, Option<Facts>)> = None;
        let mut answers = Vec::with_capacity(questions.len());
        for &(path, question) in questions {
            let facts = match last {
                Some((examined, facts)) if examined == path => Ok(facts),
                _ => directories.examine(path),
            };
            if let Ok(facts) = facts {
                last = Some((path, facts));
            }
            answers.push(denied_is_an_answer(
                facts.and_then(|facts| self.answer(path, question, facts)),
            )?);
        }
        Ok(answers)
    }

    /// The answer about something whose facts are known.
    fn answer(
        &self,
        path: &TrackedPath,
        question: Question,
        facts: Option<Facts>,
    ) -> io::Result<Fingerprint> {
        let Some(facts) = facts else { return Ok(answers::absent()) };
        match (question, facts.kind) {
            (Question::Existence, kind) => Ok(answers::existence(kind, facts.mode())),
            (Question::Attributes, kind) => {
                Ok(answers::attributes(kind, facts.mode(), facts.size()))
            }
            (Question::Content, Kind::File) => self.remembered(path, &facts, Self::content_answer),
            (Question::Listing, Kind::Directory) if self.hides_nothing() => {
                self.listing_answer(path).map(|(digest, _)| digest)
            }
            (Question::Listing, Kind::Directory) => {
                self.remembered(path, &facts, Self::listing_answer)
            }
            (Question::Link, Kind::Link) => Ok(self
                .link_target(path)?
                .map_or_else(answers::absent, |target| answers::link(&target))),
            (Question::Content | Question::Listing | Question::Link, kind) => {
                Ok(answers::not_applicable(kind))
            }
        }
    }

    /// A digest from the stat cache, or else computed and put there. The cache holds listings as `.git` hidden shows them.
    pub(super) fn remembered(
        &self,
        path: &TrackedPath,
        facts: &Facts,
        compute: impl Fn(&Self, &TrackedPath) -> io::Result<(Fingerprint, Option<Stamp>)>,
    ) -> io::Result<Fingerprint> {
        if let Some(known) = self.stat_cache.get(path, &facts.stamp) {
            return Ok(known);
        }
        let start = now_nanoseconds();
        let (fingerprint, stamp) = compute(self, path)?;
        if let Some(stamp) = stamp.filter(|stamp| stamp.is_settled(start)) {
            self.stat_cache.put(path, &stamp, &fingerprint);
        }
        Ok(fingerprint)
    }

    /// Hashes the file at `path`. The stamp is that of what was hashed, if there was one.
    pub(super) fn content_answer(
        &self,
        path: &TrackedPath,
    ) -> io::Result<(Fingerprint, Option<Stamp>)> {
        for _ in 0..HASHING_ATTEMPTS {
            let Some(opened) = self.open_inside(path, Kind::File)? else {
                return Ok((answers::absent(), None));
            };
            if opened.facts.kind != Kind::File {
                return Ok((answers::not_applicable(opened.facts.kind), None));
            }
            let before = opened.facts;
            if let Some(hash) = hash_whole(opened)? {
                return Ok((answers::content(before.mode(), &hash), Some(before.stamp)));
            }
        }
        Ok((answers::unstable(), None))
    }

    fn listing_answer(&self, path: &TrackedPath) -> io::Result<(Fingerprint, Option<Stamp>)> {
        let Some(opened) = self.open_inside(path, Kind::Directory)? else {
            return Ok((answers::absent(), None));
        };
        let listing = self.list(&opened)?;
        let after = facts_of(opened.descriptor.as_fd())?;
        let stamp = Some(opened.facts.stamp)
            .filter(|stamp| after.is_some_and(|after| after.stamp == *stamp));
        Ok((answers::listing(&listing), stamp))
    }
}

/// Hashes an opened file; `None` when it changed meanwhile.
fn hash_whole(opened: OpenedFile) -> io::Result<Option<blake3::Hash>> {
    let OpenedFile { descriptor, facts } = opened;
    let file = std::fs::File::from(descriptor);
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&file)?;
    let after = facts_of(file.as_fd())?;
    Ok(after.is_some_and(|after| after.stamp == facts.stamp).then(|| hasher.finalize()))
}

/// What the executor may not see is an answer like another: the same file gives it again tomorrow.
fn denied_is_an_answer(result: io::Result<Fingerprint>) -> io::Result<Fingerprint> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(answers::denied()),
        result => result,
    }
}

/// The directories on the way to the path asked last, open, so that its neighbours cost one system call each.
struct OpenDirectories<'repository> {
    repository: &'repository Repository,
    /// Each below the one before; the first below the root.
    open: Vec<OpenDirectory>,
}

struct OpenDirectory {
    path: Vec<u8>,
    /// `None` when there is no such directory.
    descriptor: Option<OwnedFd>,
}

impl<'repository> OpenDirectories<'repository> {
    fn new(repository: &'repository Repository) -> Self {
        Self { repository, open: Vec::new() }
    }

    /// Like [`Repository::examine`].
    fn examine(&mut self, path: &TrackedPath) -> io::Result<Option<Facts>> {
        let repository = self.repository;
        if repository.hides(path.as_bytes()) {
            return Ok(None);
        }
        match split(path.as_bytes()) {
            ([], []) => facts_of(repository.root()),
            ([], _) if is_root(path.as_bytes()) => repository.examine(path),
            ([], name) => examine_in(repository.root(), name),
            (directory, name) => match self.directory(directory)? {
                Some(directory) => examine_in(directory, name),
                None => Ok(None),
            },
        }
    }

    /// The directory at `path`, which is not the root; `None` when there is none.
    fn directory(&mut self, path: &[u8]) -> io::Result<Option<BorrowedFd<'_>>> {
        while self.open.last().is_some_and(|last| !is_at_or_below(path, &last.path)) {
            self.open.pop();
        }
        if self.open.last().is_none_or(|last| last.path != path) {
            let descriptor = self.open_from_last(path)?;
            self.open.push(OpenDirectory { path: path.to_vec(), descriptor });
        }
        Ok(self.open.last().and_then(|last| last.descriptor.as_ref()).map(AsFd::as_fd))
    }

    fn open_from_last(&self, path: &[u8]) -> io::Result<Option<OwnedFd>> {
        let (from, rest) = match self.open.last() {
            Some(OpenDirectory { descriptor: None, .. }) => return Ok(None),
            Some(OpenDirectory { path: opened, descriptor: Some(descriptor) }) => {
                (descriptor.as_fd(), path.get(opened.len() + 1..).unwrap_or_default())
            }
            None => (self.repository.root(), path),
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = match self.open.last() {
            Some(_) => open_below(from, rest, flags),
            None => self.repository.resolve(path, flags),
        };
        match opened {
            Ok(directory) => Ok(Some(directory)),
            Err(error) => if_absent(error, None),
        }
    }
}

fn is_at_or_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
