//! The language as the vendor's own parser sees it: same acceptance and same instructions for every recorded input,
//! except for the rows of `spec/vendor-differences.md`.
//!
//! The recorded inputs live beside the repository and are not part of it; without them these tests say that they
//! were skipped.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod differences;
#[cfg(test)]
mod notation;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod verdict;
