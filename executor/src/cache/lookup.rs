//! The second phase of a lookup: does today's tree repeat a record's answers, and if not, what is different?

use crate::event::{Change, Reason};
use crate::read_set::{Answer, Fingerprint, Question, ReadSet, TrackedPath};
use crate::repository_view::RepositoryView;
use crate::store::StoreError;
use crate::store::index::View;
use crate::store::record::{Record, TextEntry, TextKey, WeakKey};
use crate::store::runs::RunId;

/// Differences looked at to find the most telling one.
const MOST_DIFFERENCES: usize = 64;

/// What a lookup found.
#[derive(Debug)]
pub enum Lookup {
    /// A record answers for the step.
    Hit(Box<Record>),
    /// None does.
    Miss(Reason),
}

/// The question and what may answer it.
#[derive(Debug)]
pub struct Answers<'run> {
    /// The step.
    pub weak: WeakKey,
    /// Its texts.
    pub text: TextKey,
    /// What entered its key besides texts.
    pub keyed: &'run [(String, [u8; 16])],
    /// Its number, for reasons.
    pub number: u32,
    /// A run whose records don't count: copies of an unordered split must not answer for each other.
    pub except: Option<RunId>,
}

/// Looks a step up.
///
/// # Errors
/// When the store can't be read. A repository file that can't be read counts as a difference.
pub fn look_up(
    view: &View<'_>,
    repository: &dyn RepositoryView,
    question: &Answers<'_>,
) -> Result<Lookup, StoreError> {
    let mut nearest = None;
    for record in view.candidates(question.weak)? {
        if question.except == Some(record.run) {
            continue;
        }
        let Some(reads) = view.stored_reads(record.strong)? else { continue };
        let today = repository.fingerprints(&reads.questions());
        if today.is_ok_and(|today| reads.fingerprints().eq(today)) {
            return Ok(Lookup::Hit(Box::new(record)));
        }
        nearest.get_or_insert(reads);
    }
    Ok(Lookup::Miss(match nearest {
        Some(reads) => {
            most_telling(repository, &reads.unpack(), question.number).unwrap_or(Reason::New)
        }
        None => {
            without_candidate(view.newest_by_text(question.text, None)?.as_ref(), question.keyed)
        }
    }))
}

/// Whether the repository gives every one of these answers today.
pub fn repeats(repository: &dyn RepositoryView, reads: &ReadSet) -> bool {
    let questions: Vec<_> =
        reads.answers.keys().map(|(path, question)| (path, *question)).collect();
    let Ok(today) = repository.fingerprints(&questions) else { return false };
    reads.answers.values().zip(today).all(|(answer, today)| answer.fingerprint == today)
}

/// The questions that have another answer today, or none because they can't be asked.
pub fn differences<'reads>(
    repository: &dyn RepositoryView,
    reads: &'reads ReadSet,
) -> Vec<(&'reads (TrackedPath, Question), &'reads Answer)> {
    if repeats(repository, reads) {
        return Vec::new();
    }
    let differs = |(path, question): &(TrackedPath, Question), given: Fingerprint| {
        repository.fingerprint(path, *question).map_or(true, |today| today != given)
    };
    let differing =
        reads.answers.iter().filter(|(asked, answer)| differs(asked, answer.fingerprint));
    differing.take(MOST_DIFFERENCES).collect()
}

/// The difference that says most: a changed file rather than the directory it is in.
fn most_telling(repository: &dyn RepositoryView, reads: &ReadSet, number: u32) -> Option<Reason> {
    let (change, (path, question), answer) = differences(repository, reads)
        .into_iter()
        .map(|(asked, answer)| (change(repository, asked, answer), asked, answer))
        .min_by_key(|(change, _, _)| rank(*change))?;
    let shown = |fingerprint: Fingerprint| {
        (fingerprint != repository.absent(*question)).then(|| fingerprint.to_string())
    };
    Some(Reason::FileChanged {
        before: shown(answer.fingerprint),
        after: repository.fingerprint(path, *question).ok().and_then(shown),
        path: path.to_string(),
        change,
        reader: answer.reader.command.clone(),
        pid: answer.reader.pid,
        number,
    })
}

const fn rank(change: Change) -> u8 {
    match change {
        Change::Content => 0,
        Change::Appeared => 1,
        Change::Vanished => 2,
        Change::Link => 3,
        Change::Listing => 4,
        Change::Attributes => 5,
    }
}

fn change(
    repository: &dyn RepositoryView,
    asked: &(TrackedPath, Question),
    answer: &Answer,
) -> Change {
    let (path, question) = asked;
    if answer.fingerprint == repository.absent(*question) {
        return Change::Appeared;
    }
    if matches!(repository.kind(path), Ok(None)) {
        return Change::Vanished;
    }
    match question {
        Question::Existence | Question::Attributes => Change::Attributes,
        Question::Listing => Change::Listing,
        Question::Link => Change::Link,
        Question::Content => Change::Content,
    }
}

/// Why there is no record at all: something keyed changed, or the instruction is new.
fn without_candidate(earlier: Option<&TextEntry>, keyed: &[(String, [u8; 16])]) -> Reason {
    let Some(earlier) = earlier else { return Reason::New };
    let changed = keyed.iter().find(|(name, mark)| {
        earlier.keyed.iter().any(|(other, before)| other == name && before != mark)
    });
    changed.map_or(Reason::New, |(name, _)| Reason::ValueChanged { name: name.clone() })
}
