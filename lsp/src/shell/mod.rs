//! The bash text of RUN: its pieces, its syntax, what ShellCheck says of it, and what it inherits.
//!
//! Pure. Positions are those of the text that is given.

mod lexer;
mod words;

pub use lexer::{ShellToken, ShellTokenKind, tokens};
