//! Keeps a secret from being put together of pieces that were shown one after the other: half of it on standard output,
//! the rest on standard error. Each stream by itself is a [`Masker`](super::Masker)'s affair.

use super::Secrets;
use super::mask::MASK_TEXT;

/// The end of what was shown so far.
pub struct Seam {
    secrets: Secrets,
    tail: String,
}

impl Seam {
    /// Nothing was shown yet.
    pub(super) fn new(secrets: Secrets) -> Self {
        Self { secrets, tail: String::new() }
    }

    /// The next piece, without the end of a secret that began in earlier ones.
    pub fn join(&mut self, piece: String) -> String {
        let longest = self.secrets.longest_bytes();
        if longest == 0 || piece.is_empty() {
            return piece;
        }
        let near = piece.get(..piece.floor_char_boundary(longest)).unwrap_or_default();
        let seen = format!("{}{near}", self.tail);
        let end = self.secrets.ends_across(&seen, self.tail.len());
        let shown = match end.and_then(|end| piece.get(end - self.tail.len()..)) {
            Some(rest) => format!("{MASK_TEXT}{rest}"),
            None => piece,
        };
        self.tail.push_str(&shown);
        let surplus = self.tail.ceil_char_boundary(self.tail.len().saturating_sub(longest));
        self.tail.drain(..surplus);
        shown
    }
}

impl std::fmt::Debug for Seam {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Seam").finish_non_exhaustive()
    }
}
