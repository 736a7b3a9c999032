//! The values of secrets while a run lasts: looked up before anything starts, masked in every output, taken out of
//! everything that is stored. Nothing here is ever written down or shown.

mod mask;

pub use mask::Masker;

use crate::store::record::{StoredValue, ValuePart};
use std::collections::BTreeMap;
use std::fmt;

/// The secrets of a run, by name.
#[derive(Clone, Default)]
pub struct Secrets {
    values: BTreeMap<String, String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

impl Secrets {
    /// These secrets.
    pub const fn new(values: BTreeMap<String, String>) -> Self {
        Self { values }
    }

    /// The value of one.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// What of a secret may enter a cache key: a hash that only this store can compute.
    pub fn keyed_hash(&self, store_key: &[u8; 32], name: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(store_key);
        hasher.update(name.as_bytes()).update(&[0]);
        hasher.update(self.value(name).unwrap_or_default().as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// A text with every secret in it replaced by a reference to it.
    pub fn conceal(&self, text: &str) -> StoredValue {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((start, name, value)) = self.first_in(rest) {
            let (before, behind) = rest.split_at(start);
            if !before.is_empty() {
                parts.push(ValuePart::Text(before.to_owned()));
            }
            parts.push(ValuePart::Secret(name.to_owned()));
            rest = behind.get(value.len()..).unwrap_or_default();
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(ValuePart::Text(rest.to_owned()));
        }
        StoredValue(parts)
    }

    /// The text that a stored value stands for today.
    pub fn reveal(&self, value: &StoredValue) -> String {
        value
            .0
            .iter()
            .map(|part| match part {
                ValuePart::Text(text) => text.as_str(),
                ValuePart::Secret(name) => self.value(name).unwrap_or_default(),
            })
            .collect()
    }

    /// A new masker for one stream of output.
    pub fn masker(&self) -> Masker {
        Masker::new(self.values.values().map(String::as_str))
    }

    /// The secret whose value stands first in `text`, the longest where several start together.
    fn first_in(&self, text: &str) -> Option<(usize, &str, &str)> {
        self.values
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| {
                text.find(value.as_str()).map(|start| (start, name.as_str(), value.as_str()))
            })
            .min_by_key(|(start, _, value)| (*start, std::cmp::Reverse(value.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        Secrets::new(
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn a_stored_value_holds_no_secret_and_gives_todays() {
        let stored = secrets(&[("A", "abc"), ("B", "abcdef")]).conceal("x abcdef y abc");
        assert!(!format!("{stored:?}").contains("abc"));
        assert_eq!(secrets(&[("A", "new"), ("B", "other")]).reveal(&stored), "x other y new");
        assert_eq!(secrets(&[]).conceal(""), StoredValue::literal(""));
    }

    #[test]
    fn debug_output_shows_names_only() {
        assert_eq!(format!("{:?}", secrets(&[("TOKEN", "hunter2")])), "{\"TOKEN\"}");
    }
}
