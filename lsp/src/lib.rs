//! Editor service over the compiler and the planner: a language server on standard input and output.
//!
//! ```text
//! client ─► server (protocol, order, threads) ─► workspace (immutable snapshots) ─► features (pure functions)
//! ```
//!
//! Knows nothing of how a plan runs, and of disks only what [`host::Host`] answers. No network anywhere.

mod cancellation;
pub mod features;
pub mod forecast;
pub mod host;
pub mod plan;
pub mod refactor;
pub mod server;
pub mod shell;
pub mod workspace;

#[cfg(test)]
mod fixture;
