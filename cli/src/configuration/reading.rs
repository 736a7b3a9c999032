//! One entry of a TOML table, and the words to refuse it with.

use layerc_compiler::nearest::nearest;
use std::num::{NonZeroU16, NonZeroU32};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why a configuration is refused, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Byte offset in the file.
    pub(super) offset: usize,
    /// What was found, what was expected.
    pub(super) message: String,
}

impl Refusal {
    /// A file that is no TOML.
    pub(super) fn of_toml(error: &toml::de::Error) -> Self {
        Self {
            offset: error.span().map_or(0, |span| span.start),
            message: error.message().to_owned(),
        }
    }
}

/// A key with its value, and where both are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'text> {
    /// The key.
    pub(super) name: &'text str,
    key_offset: usize,
    value: &'text Spanned<DeValue<'text>>,
}

impl<'text> Found<'text> {
    /// The entries of a table, in the order of their keys.
    pub(super) fn entries(table: &'text DeTable<'text>) -> Vec<Self> {
        let found = |(key, value): (&'text Spanned<_>, _)| {
            let name: &std::borrow::Cow<'text, str> = key.get_ref();
            Self { name, key_offset: key.span().start, value }
        };
        table.iter().map(found).collect()
    }

    /// The entries of this table.
    pub(super) fn table(&self) -> Result<Vec<Self>, Refusal> {
        self.as_table().ok_or_else(|| self.wrong_type("a table"))
    }

    /// The entries, if this is a table.
    pub(super) fn as_table(&self) -> Option<Vec<Self>> {
        self.value.get_ref().as_table().map(Self::entries)
    }

    /// The text of this string.
    pub(super) fn text(&self) -> Result<&'text str, Refusal> {
        self.value.get_ref().as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    /// The value of this whole number.
    pub(super) fn whole(&self) -> Result<u32, Refusal> {
        self.number(0, Some)
    }

    /// The value of this whole number above zero.
    pub(super) fn positive(&self) -> Result<NonZeroU32, Refusal> {
        self.number(1, NonZeroU32::new)
    }

    /// The value of this whole number, which is at least `least` if it can be made one of its kind.
    fn number<N>(&self, least: u32, make: impl Fn(u32) -> Option<N>) -> Result<N, Refusal> {
        let integer =
            self.value.get_ref().as_integer().ok_or_else(|| self.wrong_type("a whole number"))?;
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok().and_then(make);
        number.ok_or_else(|| {
            self.refused(format!("`{}` must be a whole number from {least} up", self.name))
        })
    }

    /// The value of this port number.
    pub(super) fn port(&self) -> Result<NonZeroU16, Refusal> {
        let port = NonZeroU16::try_from(self.positive()?);
        port.map_err(|_| self.refused(format!("`{}` must be a port: 1 to 65535", self.name)))
    }

    fn wrong_type(&self, expected: &str) -> Refusal {
        let found = self.value.get_ref().type_str();
        self.refused(format!(
            "`{}` must be {expected}, but this is a value of type {found}",
            self.name
        ))
    }

    /// Refuses the value.
    pub(super) fn refused(&self, message: String) -> Refusal {
        Refusal { offset: self.value.span().start, message }
    }

    /// Refuses the key, naming the nearest known one or all of them.
    pub(super) fn unknown(&self, what: &str, known: &[&str]) -> Refusal {
        let all = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let help = nearest(self.name, known.iter().copied())
            .question()
            .unwrap_or_else(|| format!("known: {all}"));
        Refusal {
            offset: self.key_offset,
            message: format!("unknown {what} `{}`; {help}", self.name),
        }
    }
}
