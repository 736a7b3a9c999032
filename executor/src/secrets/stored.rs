//! Values as they are kept: with the secrets taken out.
//!
//! Knows how a value is written down, not what any secret is.

use super::forms::Form;
use serde::{Deserialize, Serialize};

/// A piece of a variable's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ValuePart {
    /// As it is.
    Text(String),
    /// The value of this secret, whatever it is today. Values of secrets are never stored.
    Secret(String),
    /// The same, in another form than as it is.
    Written {
        /// Which secret.
        name: String,
        /// In which form.
        form: Form,
    },
}

/// A variable's value with its secrets taken out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoredValue(pub Vec<ValuePart>);

impl StoredValue {
    /// A value without secrets.
    pub fn literal(text: impl Into<String>) -> Self {
        Self(vec![ValuePart::Text(text.into())])
    }

    /// A secret's value.
    pub fn secret(name: &str) -> Self {
        Self(vec![ValuePart::Secret(name.to_owned())])
    }
}
