//! "Did you mean": the known word nearest to a misspelled one.
//!
//! Pure text; knows nothing of what the words are for.

/// Words longer than this are not compared: nobody misspells a word of that length into a known one.
const MAX_COMPARED_CHARACTERS: usize = 64;

/// The candidate that is nearest to `word`, case ignored, if one is near enough to be meant: at most one edit in
/// words of up to five characters, two in longer ones, three from eleven on. The first of equally near ones wins.
pub fn nearest<'word>(
    word: &str,
    candidates: impl IntoIterator<Item = &'word str>,
) -> Option<&'word str> {
    let wanted: Vec<char> =
        word.chars().take(MAX_COMPARED_CHARACTERS + 1).flat_map(char::to_lowercase).collect();
    if wanted.is_empty() || wanted.len() > MAX_COMPARED_CHARACTERS {
        return None;
    }
    let allowed = match wanted.len() {
        0..=5 => 1,
        6..=10 => 2,
        _ => 3,
    };
    let mut best = None;
    for candidate in candidates {
        let known: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
        if known.len().abs_diff(wanted.len()) > allowed {
            continue;
        }
        let distance = distance(&wanted, &known);
        if distance <= allowed && best.is_none_or(|(nearest, _)| distance < nearest) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Number of insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous_from = None;
    for (row, from_character) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        let mut previous_to = None;
        for (column, to_character) in to.iter().enumerate() {
            let replaced = cell(&last, column) + usize::from(from_character != to_character);
            let inserted = cell(&current, column) + 1;
            let deleted = cell(&last, column + 1) + 1;
            let swaps = previous_from == Some(to_character) && previous_to == Some(from_character);
            let swapped =
                if swaps { cell(&before_last, column.wrapping_sub(1)) + 1 } else { usize::MAX };
            current.push(replaced.min(inserted).min(deleted).min(swapped));
            previous_to = Some(to_character);
        }
        before_last = std::mem::replace(&mut last, current);
        previous_from = Some(from_character);
    }
    cell(&last, to.len())
}

/// A cell of a row that was filled before; far away if it wasn't.
fn cell(row: &[usize], column: usize) -> usize {
    row.get(column).copied().unwrap_or(usize::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    fn check_nearest(word: &str, expected: Option<&str>) {
        let candidates = ["RUN", "COPY", "FROM", "WORKDIR", "CHECKPOINT", "services/api/Layerfile"];
        assert_eq!(nearest(word, candidates), expected, "{word}");
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        check_nearest("RNU", Some("RUN"));
        check_nearest("copi", Some("COPY"));
        check_nearest("WORKIDR", Some("WORKDIR"));
        check_nearest("CHEKPONT", Some("CHECKPOINT"));
        check_nearest("service/api/layerfile", Some("services/api/Layerfile"));
        check_nearest("apt-get", None);
        check_nearest("", None);
        check_nearest("x", None);
    }
}
