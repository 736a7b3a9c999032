//! What is under `editors/`, in the real programs it is for: parsers, editors, extension hosts.
//!
//! `tests/editors/install` fetches them; what is missing is skipped, loudly. Knows the editors' sides only: what the
//! server answers is tested elsewhere, here it is that the answers reach the screen.

#[cfg(test)]
mod emacs;
#[cfg(test)]
mod helix;
#[cfg(test)]
mod neovim;
#[cfg(test)]
mod session;
#[cfg(test)]
mod tree_sitter;
#[cfg(test)]
mod vscode;
#[cfg(test)]
mod vscode_grammar;
#[cfg(test)]
mod zed;
