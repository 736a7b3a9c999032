//! The repository's rules, as tests. Each collects everything it finds before it fails.
//!
//! Modules are `cfg(test)` so that clippy knows their functions for tests.
//! Knows the project as text, as `cargo metadata` and as the built command's `--help`; never its behaviour.

#[cfg(test)]
mod crates;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod findings;
#[cfg(test)]
mod libraries;
#[cfg(test)]
mod releases;
#[cfg(test)]
mod sources;
