//! The name of a run: short enough to type, printable, the same for everything that belongs to the run.

use crate::store::runs::RunId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Characters of a name: digits and lower-case letters without those that look like another (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters in a name: 40 bits, so that two of a hundred thousand runs meet once in two hundred stores.
const LENGTH: usize = 8;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunName(String);

impl RunName {
    /// A name, if `text` is one.
    pub fn new(text: &str) -> Option<Self> {
        let is_name = text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte));
        is_name.then(|| Self(text.to_owned()))
    }

    /// The name of a run that is alive.
    pub fn of(id: RunId) -> Self {
        let number =
            id.0.iter().take(LENGTH).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        let character = |place: usize| {
            let digit = (number >> (59 - 5 * place)) & 31;
            ALPHABET.get(usize::try_from(digit).unwrap_or(0)).map_or('0', |byte| char::from(*byte))
        };
        Self((0..LENGTH).map(character).collect())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<RunName> for String {
    fn from(name: RunName) -> Self {
        name.0
    }
}

impl TryFrom<String> for RunName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text).ok_or_else(|| format!("`{text}` is not the name of a run"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_tell_ids_apart() {
        let name = RunName::of(RunId([0xff; 16]));
        assert_eq!(name.as_str(), "zzzzzzzz");
        let mut other = [0xff; 16];
        other[0] = 0x7f;
        assert_eq!(RunName::of(RunId(other)).as_str(), "fzzzzzzz");
        assert_eq!(RunName::new(name.as_str()), Some(name));
        for wrong in ["", "short", "../../..", "Upper000", "12345678 ", "iiiiiiii"] {
            assert_eq!(RunName::new(wrong), None, "{wrong}");
        }
    }
}
