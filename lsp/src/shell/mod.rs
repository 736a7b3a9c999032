//! The bash text of RUN: its pieces, its syntax, what ShellCheck says of it, and what it inherits.
//!
//! Pure but for [`shellcheck`], which has the host start a program beside everything else.

pub mod builtins;
mod lexer;
pub mod script;
pub mod shellcheck;
mod words;

pub use lexer::{ShellToken, ShellTokenKind, tokens, value_tokens};

#[cfg(test)]
mod tests;
