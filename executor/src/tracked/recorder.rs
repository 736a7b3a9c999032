//! The questions asked so far, their first answers, and those that were seen to have two.
//!
//! Contents of large files are noted by stamp while steps run and hashed when the reads are taken. Does not answer
//! questions itself and does not know FUSE.

use super::answers;
use super::kind::Kind;
use super::readers::Readers;
use super::repository::{Facts, Repository};
use super::stamp::Stamp;
use crate::read_set::{
    Answer, Fingerprint, FingerprintSource, Question, ReadSet, Reader, TrackedPath,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// Most questions of one step that are noted: a tree of half a million files, read whole. A step that looks up made-up
/// names without end must not fill the memory of this process, which no limit on its machine covers.
const QUESTIONS_LIMIT: usize = 2_000_000;

/// What was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// An answer with this digest.
    Digest(Fingerprint),
    /// The bytes of a file that had this stamp, which was settled, so that it can be hashed later.
    FileOf(Stamp),
}

#[derive(Debug)]
struct Asked {
    path: TrackedPath,
    question: Question,
    given: Given,
    reader: Reader,
}

/// Everything asked through one mount.
#[derive(Debug)]
pub(super) struct Recorder {
    repository: Arc<Repository>,
    readers: Readers,
    asked: Mutex<Vec<Asked>>,
    taken: Mutex<Taken>,
    /// Read by whoever has given an answer out and not noted it yet.
    under_way: RwLock<()>,
}

/// What has left the list of questions.
#[derive(Debug, Default)]
struct Taken {
    answers: BTreeMap<(TrackedPath, Question), Fingerprint>,
    unstable: BTreeSet<(TrackedPath, Question)>,
}

impl Recorder {
    pub(super) fn new(repository: Arc<Repository>, readers: Readers) -> Self {
        let (asked, taken) = (Mutex::default(), Mutex::default());
        Self { repository, readers, asked, taken, under_way: RwLock::default() }
    }

    /// Held by whoever gives an answer out before it is noted: until then nobody is told what was asked.
    pub(super) fn under_way(&self) -> RwLockReadGuard<'_, ()> {
        self.under_way.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what was given out and is not noted yet.
    fn settle(&self) {
        drop(self.under_way.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Who asks, by name.
    pub(super) fn reader(&self, pid: u32) -> Reader {
        self.readers.of(pid)
    }

    /// Notes an answer that a process gets.
    pub(super) fn note(&self, pid: u32, path: &TrackedPath, question: Question, given: Given) {
        self.note_of(self.reader(pid), path, question, given);
    }

    /// The same of a process whose name is known.
    pub(super) fn note_of(
        &self,
        reader: Reader,
        path: &TrackedPath,
        question: Question,
        given: Given,
    ) {
        let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let given = match all.len() {
            0..QUESTIONS_LIMIT => given,
            // The last one has no answer that could be believed, so the step is not recorded, and a warning names it.
            QUESTIONS_LIMIT => Given::Digest(answers::unstable()),
            _ => return,
        };
        all.push(Asked { path: path.clone(), question, given, reader });
    }

    /// Notes what a process learnt by looking a path up. Looking something up shows all its attributes.
    pub(super) fn note_lookup(&self, pid: u32, path: &TrackedPath, facts: Option<&Facts>) {
        let (question, digest) = match facts {
            None => (Question::Existence, answers::absent()),
            Some(facts) if facts.kind == Kind::Directory => {
                (Question::Existence, answers::existence(facts.kind, facts.mode()))
            }
            Some(facts) => {
                (Question::Attributes, answers::attributes(facts.kind, facts.mode(), facts.size()))
            }
        };
        self.note(pid, path, question, Given::Digest(digest));
    }

    /// Notes that a question got no answer that could be kept: the disk failed, or the thing changed meanwhile.
    pub(super) fn note_unstable(&self, pid: u32, path: &TrackedPath, question: Question) {
        self.note(pid, path, question, Given::Digest(answers::unstable()));
    }

    /// Notes what an error told a process: permission denied is an answer, anything else is none.
    pub(super) fn note_error(
        &self,
        pid: u32,
        path: &TrackedPath,
        question: Question,
        error: &io::Error,
    ) {
        match error.kind() {
            io::ErrorKind::PermissionDenied => {
                self.note(pid, path, question, Given::Digest(answers::denied()));
            }
            _ => self.note_unstable(pid, path, question),
        }
    }

    /// The answers given first since the last call, and those that contradict an earlier one.
    pub(super) fn take(&self) -> ReadSet {
        self.settle();
        let mut taken = self.taken();
        let asked = std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let hashed = self.hash_files(&asked);
        let mut reads = ReadSet::default();
        for (asked, fingerprint) in asked.into_iter().zip(hashed) {
            let key = (asked.path, asked.question);
            if fingerprint == answers::unstable() {
                taken.unstable.insert(key.clone());
            }
            let answer = Answer { fingerprint, reader: asked.reader };
            match taken.answers.get(&key) {
                Some(first) if *first == fingerprint => {}
                Some(_) => {
                    taken.unstable.insert(key.clone());
                    // Both answers may be in this very set: then neither is to be believed.
                    let told_now = reads.answers.remove(&key).is_some();
                    let fingerprint = if told_now { answers::unstable() } else { fingerprint };
                    reads.answers.insert(key, Answer { fingerprint, ..answer });
                }
                None => {
                    taken.answers.insert(key.clone(), fingerprint);
                    reads.answers.insert(key, answer);
                }
            }
        }
        without_implied(reads)
    }

    /// The questions, of all answered so far, that have another answer now or were seen to have two.
    pub(super) fn changed(&self) -> io::Result<Vec<(TrackedPath, Question)>> {
        let taken = self.taken();
        let questions: Vec<_> =
            taken.answers.keys().map(|(path, question)| (path, *question)).collect();
        let now = self.repository.fingerprints(&questions)?;
        let differing = taken.answers.iter().zip(now).filter(|((_, then), now)| *then != now);
        let mut changed = taken.unstable.clone();
        changed.extend(differing.map(|((key, _), _)| key.clone()));
        let implied = |(path, question): &(TrackedPath, Question)| {
            matches!(question, Question::Existence | Question::Attributes)
                && changed.contains(&(path.clone(), Question::Content))
        };
        Ok(changed.iter().filter(|key| !implied(key)).cloned().collect())
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The digest of every answer; files that were only noted are hashed, if they still have their stamp.
    fn hash_files(&self, asked: &[Asked]) -> Vec<Fingerprint> {
        let unhashed: Vec<_> = asked
            .iter()
            .filter_map(|asked| match asked.given {
                Given::FileOf(stamp) => Some((&asked.path, stamp)),
                Given::Digest(_) => None,
            })
            .collect();
        let half = unhashed.len().div_ceil(2).max(1);
        let hash_part = |part: &[(&TrackedPath, Stamp)]| -> Vec<Fingerprint> {
            part.iter().map(|(path, stamp)| self.hash_file(path, stamp)).collect()
        };
        let mut hashes = Vec::new();
        std::thread::scope(|scope| {
            let (first, second) = unhashed.split_at(half.min(unhashed.len()));
            let other = (!second.is_empty()).then(|| scope.spawn(|| hash_part(second)));
            hashes = hash_part(first);
            if let Some(other) = other {
                hashes.extend(
                    other.join().unwrap_or_else(|_| vec![answers::unstable(); second.len()]),
                );
            }
        });
        let mut hashes = hashes.into_iter();
        asked
            .iter()
            .map(|asked| match asked.given {
                Given::Digest(digest) => digest,
                Given::FileOf(_) => hashes.next().unwrap_or_else(answers::unstable),
            })
            .collect()
    }

    /// The content digest of a file that must still have the stamp it was read with.
    fn hash_file(&self, path: &TrackedPath, stamp: &Stamp) -> Fingerprint {
        match self.repository.examine(path) {
            Ok(Some(facts)) if facts.stamp == *stamp => {}
            Ok(_) | Err(_) => return answers::unstable(),
        }
        if let Some(known) = self.repository.stat_cache.get(path, stamp) {
            return known;
        }
        match self.repository.content_answer(path) {
            Ok((digest, Some(hashed))) if hashed == *stamp => {
                self.repository.stat_cache.put(path, stamp, &digest);
                digest
            }
            Ok(_) | Err(_) => answers::unstable(),
        }
    }
}

/// Leaves out what another answer of the set says too: a file's content comes with its mode and size, attributes with existence.
fn without_implied(mut reads: ReadSet) -> ReadSet {
    let hollow = [answers::absent(), answers::denied(), answers::unstable()];
    let full: Vec<_> = reads
        .answers
        .iter()
        .filter(|((_, question), answer)| {
            matches!(question, Question::Content | Question::Attributes)
                && !hollow.contains(&answer.fingerprint)
        })
        .map(|(key, _)| key.clone())
        .collect();
    for (path, question) in full {
        if question == Question::Content {
            reads.answers.remove(&(path.clone(), Question::Attributes));
        }
        reads.answers.remove(&(path, Question::Existence));
    }
    reads
}
