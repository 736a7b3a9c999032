//! The directives that a person or another program comes through, on real machines: BUTTON, EXPOSE WEBSITE, EXPOSE TCP,
//! and the processes in the background that stand behind them.

#![expect(clippy::unwrap_used, reason = "a test: a panic is a failed case")]

mod buttons;
mod deaths;
mod names;
mod serving;
mod websites;
