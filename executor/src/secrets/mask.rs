//! Replaces secrets in a stream of bytes, even when a secret arrives in several pieces.

/// What stands in a secret's place.
const MASK: &[u8] = b"***";

/// Lines of a secret with several lines are masked by themselves when they are at least this long, because a terminal
/// may change the line ends between them; shorter ones (`}`) would mask everything.
const SHORTEST_LINE: usize = 8;

/// One stream's state: bytes held back because they may be the beginning of a secret.
#[derive(Clone)]
pub struct Masker {
    /// Longest first, none empty.
    secrets: Vec<Vec<u8>>,
    /// Whether a secret begins with this byte.
    begins: [bool; 256],
    held: Vec<u8>,
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Masker")
            .field("secrets", &self.secrets.len())
            .finish_non_exhaustive()
    }
}

enum Found {
    Whole(usize),
    Perhaps,
    No,
}

impl Masker {
    /// Masks these values.
    pub(super) fn new<'value>(values: impl Iterator<Item = &'value str>) -> Self {
        let mut secrets: Vec<Vec<u8>> = Vec::new();
        for value in values {
            let lines = value.lines().filter(|line| line.len() >= SHORTEST_LINE);
            for text in [value, value.trim_end()].into_iter().chain(lines) {
                if !text.is_empty() {
                    secrets.push(text.as_bytes().to_vec());
                }
            }
        }
        secrets.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        secrets.dedup();
        let mut begins = [false; 256];
        for byte in secrets.iter().filter_map(|secret| secret.first()) {
            if let Some(flag) = begins.get_mut(usize::from(*byte)) {
                *flag = true;
            }
        }
        Self { secrets, begins, held: Vec::new() }
    }

    /// The next bytes; returns what may be shown now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.secrets.is_empty() {
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
                    shown.extend_from_slice(MASK);
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
            let whole = self.secrets.iter().find(|secret| rest.starts_with(secret)).map(Vec::len);
            match whole {
                Some(length) => {
                    shown.extend_from_slice(MASK);
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
        for secret in &self.secrets {
            if rest.starts_with(secret) {
                return Found::Whole(secret.len());
            }
            if secret.starts_with(rest) {
                return Found::Perhaps;
            }
        }
        Found::No
    }
}

#[cfg(test)]
mod tests {
    use super::Masker;
    use proptest::prelude::*;

    fn masked(secrets: &[&str], pieces: &[&[u8]]) -> String {
        let mut masker = Masker::new(secrets.iter().copied());
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
        assert_eq!(masked(&["token\n"], &[b"token "]), "*** ");
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
