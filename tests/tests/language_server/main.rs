//! `layerc lsp`, the real process, in conversations of its protocol.

mod abilities;
mod changes;
mod clients;
mod edits;
mod files;
mod offsets;
mod outlook;
mod refactorings;
mod session;
mod shell;
mod silence;
mod watching;
