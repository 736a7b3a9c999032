//! Findings that a file alone can't decide: what was found, and what in an ancestor would make it wrong or right.
//!
//! The checks make them; linking, which sees the ancestors, decides.

use crate::diagnostic::Diagnostic;

/// A finding that the files above this one can refute.
#[derive(Debug, Clone)]
pub(crate) struct Deferred {
    pub(crate) unless: Refutation,
    pub(crate) finding: Diagnostic,
}

/// A finding that holds only if a file above this one has a secret.
#[derive(Debug, Clone)]
pub(crate) struct NeedsSecret {
    pub(crate) secret: Inherited,
    pub(crate) finding: Diagnostic,
}

/// A secret that a file may inherit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inherited {
    /// This one.
    Named(String),
    /// Whichever there is.
    Any,
}

/// What in an ancestor makes a deferred finding wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refutation {
    /// It sets a user.
    SetsUser,
    /// It defines this variable.
    Defines(String),
}
