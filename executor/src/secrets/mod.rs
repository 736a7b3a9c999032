//! The values of secrets while a run lasts: looked up before anything starts, masked in every output, taken out of
//! everything that is stored. Nothing here is ever written down or shown.
//!
//! A secret is found in the forms that programs write it in (`forms.rs`), so that its base64 is no way around.

mod forms;
mod mask;
mod seam;
mod stored;

pub use forms::Form;
pub use mask::Masker;
pub use seam::Seam;
pub use stored::{StoredValue, ValuePart};

use std::collections::BTreeMap;
use std::fmt;

/// The secrets of a run, by name.
#[derive(Clone, Default)]
pub struct Secrets {
    values: BTreeMap<String, String>,
    /// Each in every form.
    written: BTreeMap<String, Vec<Written>>,
}

/// A secret in one form.
#[derive(Clone)]
struct Written {
    form: Form,
    text: String,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

impl Secrets {
    /// These secrets.
    pub fn new(values: BTreeMap<String, String>) -> Self {
        let mut written = BTreeMap::new();
        for (name, value) in &values {
            let forms = forms::all(value).into_iter().map(|(form, text)| Written { form, text });
            written.insert(name.clone(), forms.collect());
        }
        Self { values, written }
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
        while let Some((start, name, written)) = self.first_in(rest) {
            let (before, behind) = rest.split_at(start);
            if !before.is_empty() {
                parts.push(ValuePart::Text(before.to_owned()));
            }
            let name = name.to_owned();
            parts.push(if self.value(&name) == Some(&written.text) {
                ValuePart::Secret(name)
            } else {
                ValuePart::Written { name, form: written.form }
            });
            rest = behind.get(written.text.len()..).unwrap_or_default();
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(ValuePart::Text(rest.to_owned()));
        }
        StoredValue(parts)
    }

    /// The text that a stored value stands for today.
    pub fn reveal(&self, value: &StoredValue) -> String {
        let part = |part: &ValuePart| match part {
            ValuePart::Text(text) => text.clone(),
            ValuePart::Secret(name) => self.value(name).unwrap_or_default().to_owned(),
            ValuePart::Written { name, form } => {
                self.value(name).and_then(|value| form.text_of(value)).unwrap_or_default()
            }
        };
        value.0.iter().map(part).collect()
    }

    /// A new masker for one stream of output.
    pub fn masker(&self) -> Masker {
        let written = self.written.values().flatten();
        Masker::new(written.map(|written| (written.text.as_str(), written.form.line_ends())))
    }

    /// For the pieces that several maskers let through, in the order they are shown.
    pub fn seam(&self) -> Seam {
        Seam::new(self.clone())
    }

    /// Of the longest form of any secret; 0 if there is none.
    fn longest_bytes(&self) -> usize {
        let lengths = self.written.values().flatten().map(|written| written.text.len());
        lengths.max().unwrap_or(0)
    }

    /// Where in `text` a secret ends that begins before this place and ends behind it; the last such end.
    fn ends_across(&self, text: &str, place: usize) -> Option<usize> {
        let ends = self.written.values().flatten().flat_map(|written| {
            let starts = text.match_indices(&written.text).map(|(start, _)| start);
            starts.map(|start| (start, start + written.text.len())).collect::<Vec<_>>()
        });
        ends.filter(|(start, end)| *start < place && place < *end).map(|(_, end)| end).max()
    }

    /// A text that people will read, with every secret in it masked.
    pub fn masked(&self, text: String) -> String {
        if self.first_in(&text).is_none() {
            return text;
        }
        let mut masker = self.masker();
        let mut shown = masker.push(text.as_bytes());
        shown.extend(masker.finish());
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether a text has a secret in it.
    pub fn are_in(&self, text: &str) -> bool {
        self.first_in(text).is_some()
    }

    /// The secret that stands first in `text`, in whatever form, the longest where several start together.
    fn first_in(&self, text: &str) -> Option<(usize, &str, &Written)> {
        let all = self
            .written
            .iter()
            .flat_map(|(name, forms)| forms.iter().map(move |written| (name.as_str(), written)));
        all.filter_map(|(name, written)| Some((text.find(&written.text)?, name, written)))
            .min_by_key(|(start, _, written)| (*start, std::cmp::Reverse(written.text.len())))
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
    fn what_was_made_of_a_secret_is_not_stored_either() {
        let secrets = secrets(&[("T", "correct horse/battery\n")]);
        for text in [
            "Basic dXNlcjpjb3JyZWN0IGhvcnNlL2JhdHRlcnk=",
            "https://x?t=correct%20horse%2Fbattery&y",
            "'correct horse/battery'",
        ] {
            let stored = secrets.conceal(text);
            assert!(matches!(&*stored.0, [_, ValuePart::Written { .. }, ..]), "{stored:?}");
            assert_eq!(secrets.reveal(&stored), text);
            assert!(secrets.masked(text.to_owned()).contains("***"));
        }
    }

    #[test]
    fn debug_output_shows_names_only() {
        assert_eq!(format!("{:?}", secrets(&[("TOKEN", "hunter2")])), "{\"TOKEN\"}");
    }
}
