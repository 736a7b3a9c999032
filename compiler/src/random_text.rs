//! Random text for property tests that looks enough like a Layerfile to reach every corner of the front end: pieces
//! of instructions, the characters that are special somewhere, and those that only look harmless.
//!
//! Knows no grammar, on purpose: most of what it makes is wrong.

use proptest::prelude::*;

/// Up to `most` pieces, one behind the other.
pub(crate) fn layerfile_like(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..most).prop_map(|parts| parts.concat())
}

#[rustfmt::skip]
const PIECES: &[&str] = &[
    "FROM ", "RUN ", "RUN BACKGROUND ", "ENV ", "SKIP REMAINING IF ", "CLONE ", "COPY ", "THEN ", "LABEL ", "AWS ",
    "CACHE ", "EXPOSE WEBSITE ", "EXPOSE TCP ", "MEMORY ", "SPLIT ", "USER ", "BUTTON ", "BUILD ENV ", "from ", "CMD ",
    "AND", "!=", "!=~", "=", "DEFAULT=", "a", "b/", "é", "# c", "#",
    "\\\n", "\\ \r\n", "\\", "\\\\\n", "\n", "\r\n", "\r", " ", "  ", "\t", "\u{a0}", "\u{feff}", "\u{0}",
    "\"", "'", "$(", ")", "`", "<<EOF", "EOF\n",
    "--from=x", "[\"a\"", "localhost:", "80", "2G", "://", "status",
];
