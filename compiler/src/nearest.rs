//! "Did you mean": which known words an unknown one is probably a slip of.
//!
//! Knows no language words; callers bring the candidates. Bounded: a word is compared with at most
//! [`CANDIDATES_LIMIT`] candidates, and a comparison ends as soon as the distance is too large.

/// Candidates looked at for one word; the rest is ignored. A comparison costs well under a microsecond.
pub const CANDIDATES_LIMIT: usize = 4_096;

/// Characters of a word that are compared; longer words get no suggestion.
const WORD_LIMIT: usize = 128;

/// The candidates nearest to a word: equally near, in the order given, without repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest<'a> {
    words: Vec<&'a str>,
}

impl<'a> Nearest<'a> {
    /// The one nearest candidate, if no other is as near.
    pub fn unique(&self) -> Option<&'a str> {
        match self.words.as_slice() {
            [word] => Some(word),
            _ => None,
        }
    }

    /// The first of the nearest candidates.
    pub fn first(&self) -> Option<&'a str> {
        self.words.first().copied()
    }

    /// Every nearest candidate.
    pub fn words(&self) -> &[&'a str] {
        &self.words
    }

    /// `` did you mean `a` or `b`? ``, naming at most three; `None` if nothing is near.
    pub fn question(&self) -> Option<String> {
        let names: Vec<String> =
            self.words.iter().take(3).map(|word| format!("`{word}`")).collect();
        (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")))
    }
}

/// The candidates nearest to `word` among those that are a slip or two away from it.
/// A difference in case counts less than a different letter.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Nearest<'a> {
    let wanted: Vec<char> = word.chars().take(WORD_LIMIT + 1).collect();
    let mut words: Vec<&str> = Vec::new();
    if wanted.len() > WORD_LIMIT {
        return Nearest { words };
    }
    let mut limit = cost_limit(wanted.len());
    for candidate in candidates.into_iter().take(CANDIDATES_LIMIT) {
        let Some(cost) = cost_within(&wanted, candidate, limit) else { continue };
        if cost < limit {
            words.clear();
            limit = cost;
        }
        if !words.contains(&candidate) {
            words.push(candidate);
        }
    }
    Nearest { words }
}

/// Cost of one inserted, dropped, replaced or swapped letter: more than all letters of a word in the other case.
const SLIP: usize = WORD_LIMIT + 2;
/// Cost of a letter in the other case.
const CASE: usize = 1;

/// What a word of this length may cost: some slips, and every letter in the other case.
const fn cost_limit(length: usize) -> usize {
    let slips = match length {
        0 => return 0,
        1..=5 => 1,
        6..=10 => 2,
        _ => 3,
    };
    (slips + 1) * SLIP - 1
}

/// Distance with swaps of neighbours (optimal string alignment); `None` if it is above `limit`.
fn cost_within(wanted: &[char], candidate: &str, limit: usize) -> Option<usize> {
    // Bytes bound characters from above, a fourth of them from below: most candidates end here.
    if candidate.len() / 4 > WORD_LIMIT || candidate.len() * SLIP + limit < wanted.len() * SLIP {
        return None;
    }
    let found: Vec<char> = candidate.chars().take(WORD_LIMIT + 1).collect();
    if found.len() > WORD_LIMIT || wanted.len().abs_diff(found.len()) * SLIP > limit {
        return None;
    }
    let (wanted, found) = without_shared_ends(wanted, &found);
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=found.len()).map(|column| column * SLIP).collect();
    let mut above: Option<char> = None;
    for (row, letter) in wanted.iter().copied().enumerate() {
        let current = next_row(letter, above, found, &previous, &before, (row + 1) * SLIP);
        if current.iter().min()? > &limit {
            return None;
        }
        above = Some(letter);
        before = std::mem::replace(&mut previous, current);
    }
    previous.last().copied().filter(|cost| *cost <= limit)
}

/// Two words without the beginning and the end that they share, which cost nothing.
fn without_shared_ends<'a>(one: &'a [char], other: &'a [char]) -> (&'a [char], &'a [char]) {
    let start = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let (one, other) =
        (one.get(start..).unwrap_or_default(), other.get(start..).unwrap_or_default());
    let end =
        one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count();
    (
        one.get(..one.len() - end).unwrap_or_default(),
        other.get(..other.len() - end).unwrap_or_default(),
    )
}

/// One row of the distance table: `previous` is the row above, `before` the one above that.
fn next_row(
    letter: char,
    above: Option<char>,
    found: &[char],
    previous: &[usize],
    before: &[usize],
    first: usize,
) -> Vec<usize> {
    let mut row = Vec::with_capacity(found.len() + 1);
    row.push(first);
    let mut left = first;
    let mut other_before: Option<char> = None;
    for (column, other) in found.iter().copied().enumerate() {
        let diagonal = previous.get(column).copied().unwrap_or(usize::MAX / 2);
        let up = previous.get(column + 1).copied().unwrap_or(usize::MAX / 2);
        let mut cost = (diagonal + difference(letter, other)).min(up + SLIP).min(left + SLIP);
        if above == Some(other) && other_before == Some(letter) {
            let swapped = column.checked_sub(1).and_then(|at| before.get(at)).copied();
            cost = cost.min(swapped.unwrap_or(usize::MAX / 2) + SLIP);
        }
        row.push(cost);
        left = cost;
        other_before = Some(other);
    }
    row
}

/// What it costs to write one letter for the other.
const fn difference(one: char, other: char) -> usize {
    if one as u32 == other as u32 {
        0
    } else if one.eq_ignore_ascii_case(&other) {
        CASE
    } else {
        SLIP
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const NAMES: [&str; 5] = ["GIT_BRANCH", "GIT_COMMIT", "GIT_TAG", "JOB_ID", "RUNNER_ID"];

    fn check_nearest(word: &str, expected: &[&str]) {
        assert_eq!(nearest(word, NAMES).words(), expected, "nearest to {word}");
    }

    #[test]
    fn finds_slips_and_swaps() {
        check_nearest("GIT_BRNACH", &["GIT_BRANCH"]);
        check_nearest("git_branch", &["GIT_BRANCH"]);
        check_nearest("GIT_COMIT", &["GIT_COMMIT"]);
        check_nearest("GIT_TAGS", &["GIT_TAG"]);
        check_nearest("JOBID", &["JOB_ID"]);
    }

    #[test]
    fn case_hides_no_slip() {
        assert_eq!(nearest("copi", ["RUN", "COPY"]).first(), Some("COPY"));
        assert_eq!(
            nearest("service/api/layerfile", ["services/api/Layerfile"]).first(),
            Some("services/api/Layerfile")
        );
        assert_eq!(nearest("x", ["RUN", "COPY"]).first(), None);
    }

    #[test]
    fn is_silent_when_nothing_is_near() {
        check_nearest("HOME", &[]);
        check_nearest("", &[]);
        check_nearest(&"x".repeat(10_000), &[]);
    }

    #[test]
    fn asks_about_all_that_are_equally_near() {
        let found = nearest("cat", ["bat", "hat", "dog", "bat"]);
        assert_eq!(found.unique(), None);
        assert_eq!(found.question().as_deref(), Some("did you mean `bat` or `hat`?"));
    }
}
