//! Replaces secrets in a stream of bytes, in every form they are written in, even when one arrives in several pieces.

use super::forms::LineEnds;

/// What stands in a secret's place.
pub(super) const MASK_TEXT: &str = "***";

/// Most bytes of line ends in one place of a form in which they mean nothing.
const MOST_LINE_END_BYTES: usize = 2;

/// One stream's state: bytes held back because they may be the beginning of a secret.
#[derive(Clone)]
pub struct Masker {
    /// Longest first, none empty.
    patterns: Vec<Pattern>,
    /// Whether a secret begins with this byte.
    begins: [bool; 256],
    held: Vec<u8>,
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Masker")
            .field("patterns", &self.patterns.len())
            .finish_non_exhaustive()
    }
}

/// A form of a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pattern {
    bytes: Vec<u8>,
    line_ends: LineEnds,
}

/// What the next bytes are.
enum Found {
    /// A secret of this length.
    Whole(usize),
    /// The beginning of one.
    Perhaps,
    No,
}

impl Pattern {
    fn find(&self, input: &[u8]) -> Found {
        match self.line_ends {
            LineEnds::Mean if input.starts_with(&self.bytes) => Found::Whole(self.bytes.len()),
            LineEnds::Mean if self.bytes.starts_with(input) => Found::Perhaps,
            LineEnds::Mean => Found::No,
            LineEnds::MeanNothing => self.find_in_lines(input),
        }
    }

    fn find_in_lines(&self, input: &[u8]) -> Found {
        let (mut matched, mut line_end_bytes) = (0, 0);
        for (place, byte) in input.iter().enumerate() {
            if matched > 0 && b"\r\n".contains(byte) && line_end_bytes < MOST_LINE_END_BYTES {
                line_end_bytes += 1;
                continue;
            }
            if self.bytes.get(matched) != Some(byte) {
                return Found::No;
            }
            (matched, line_end_bytes) = (matched + 1, 0);
            if matched == self.bytes.len() {
                return Found::Whole(place + 1);
            }
        }
        Found::Perhaps
    }
}

impl Masker {
    /// Masks these texts.
    pub(super) fn new<'text>(texts: impl Iterator<Item = (&'text str, LineEnds)>) -> Self {
        let pattern = |(text, line_ends): (&str, _)| Pattern { bytes: text.into(), line_ends };
        let mut patterns: Vec<Pattern> =
            texts.filter(|(text, _)| !text.is_empty()).map(pattern).collect();
        patterns.sort_unstable_by(|left, right| {
            right.bytes.len().cmp(&left.bytes.len()).then_with(|| left.cmp(right))
        });
        patterns.dedup();
        let mut begins = [false; 256];
        for byte in patterns.iter().filter_map(|pattern| pattern.bytes.first()) {
            if let Some(flag) = begins.get_mut(usize::from(*byte)) {
                *flag = true;
            }
        }
        Self { patterns, begins, held: Vec::new() }
    }

    /// The next bytes; returns what may be shown now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.patterns.is_empty() {
            return bytes.to_vec();
        }
        let mut input = std::mem::take(&mut self.held);
        input.extend_from_slice(bytes);
        let mut shown = Vec::with_capacity(input.len());
        let mut rest = input.as_slice();
        while let Some((&byte, behind)) = rest.split_first() {
            match self.find(byte, rest) {
                Found::No => {
                    shown.push(byte);
                    rest = behind;
                }
                Found::Whole(length) => {
                    shown.extend_from_slice(MASK_TEXT.as_bytes());
                    rest = rest.get(length..).unwrap_or_default();
                }
                Found::Perhaps => {
                    self.held = rest.to_vec();
                    break;
                }
            }
        }
        shown
    }

    /// The end of the stream; returns what was held back.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut shown = Vec::new();
        let mut rest = std::mem::take(&mut self.held);
        // What is held is the beginning of a long secret; a shorter one may be whole in it.
        while !rest.is_empty() {
            let whole = self.patterns.iter().find_map(|pattern| match pattern.find(&rest) {
                Found::Whole(length) => Some(length),
                Found::Perhaps | Found::No => None,
            });
            match whole {
                Some(length) => {
                    shown.extend_from_slice(MASK_TEXT.as_bytes());
                    rest.drain(..length);
                }
                None => shown.push(rest.remove(0)),
            }
        }
        shown
    }

    fn find(&self, byte: u8, rest: &[u8]) -> Found {
        if self.begins.get(usize::from(byte)) != Some(&true) {
            return Found::No;
        }
        let found = self.patterns.iter().map(|pattern| pattern.find(rest));
        found.into_iter().find(|found| !matches!(found, Found::No)).unwrap_or(Found::No)
    }
}

#[cfg(test)]
mod tests {
    use super::{LineEnds, Masker};
    use proptest::prelude::*;

    fn masked(secrets: &[&str], pieces: &[&[u8]]) -> String {
        let mut masker = Masker::new(secrets.iter().map(|secret| (*secret, LineEnds::Mean)));
        let mut shown: Vec<u8> = pieces.iter().flat_map(|piece| masker.push(piece)).collect();
        shown.extend(masker.finish());
        String::from_utf8_lossy(&shown).into_owned()
    }

    #[test]
    fn a_secret_in_pieces_is_masked() {
        assert_eq!(masked(&["hunter2"], &[b"a hun", b"te", b"r2 b"]), "a *** b");
        assert_eq!(masked(&["hunter2"], &[b"hunt", b"ing"]), "hunting");
        assert_eq!(masked(&["ab", "abcd"], &[b"abc", b"d ab", b"c"]), "*** ***c");
        assert_eq!(masked(&["ab", "abcd"], &[b"abc"]), "***c");
    }

    #[test]
    fn what_is_wrapped_is_masked_with_its_line_ends() {
        let shown = |text: &[u8]| {
            let mut masker = Masker::new([("YWJjZGVm", LineEnds::MeanNothing)].into_iter());
            let mut shown: Vec<u8> = text.chunks(1).flat_map(|piece| masker.push(piece)).collect();
            shown.extend(masker.finish());
            String::from_utf8_lossy(&shown).into_owned()
        };
        assert_eq!(shown(b"a YWJj\nZG\r\nVm\n"), "a ***\n");
        assert_eq!(shown(b"YW\n\n\nJjZGVm"), "YW\n\n\nJjZGVm");
        assert_eq!(shown(b"YW\n"), "YW\n");
    }

    proptest! {
        #[test]
        fn no_cut_lets_a_secret_through(before in "[a-c]{0,6}", after in "[a-c]{0,6}", secret in "[a-c]{2,5}x", cut in 0usize..20) {
            let text = format!("{before}{secret}{after}");
            let cut = cut.min(text.len());
            let whole = masked(&[&secret], &[text.as_bytes()]);
            let pieces = masked(&[&secret], &[&text.as_bytes()[..cut], &text.as_bytes()[cut..]]);
            prop_assert_eq!(&whole, &pieces);
            prop_assert!(!whole.contains(&secret));
        }
    }
}
