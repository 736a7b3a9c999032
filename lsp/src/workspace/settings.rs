//! What the user chose in the editor. `layerc.toml` belongs to the project and is read by the host.
//!
//! Read from whatever JSON a client sends: unknown keys and values of the wrong type are passed over, because an
//! editor's settings are shared with other versions of the server.

use layerc_compiler::lint_configuration::LintConfiguration;
use serde_json::Value;
use std::collections::BTreeMap;

/// The section of a client's configuration that is ours.
pub const SECTION: &str = "layerc";

/// The user's choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `layerc.inlayHints.enable`.
    pub inlay_hints: Shown,
    /// `layerc.codeLens.enable`.
    pub code_lens: Shown,
    /// `layerc.shellcheck.path`: the program to start; empty means that none is started.
    pub shellcheck: String,
    /// `layerc.lints`: levels of rules by code or name, on top of the project's.
    pub lints: Vec<(String, String)>,
    /// The copy of a SPLIT whose values are shown, by the document's name: chosen by a command, not configured.
    pub shown_copies: BTreeMap<String, u32>,
}

/// Whether something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It is.
    Yes,
    /// It isn't.
    No,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            inlay_hints: Shown::Yes,
            code_lens: Shown::Yes,
            shellcheck: "shellcheck".to_owned(),
            lints: Vec::new(),
            shown_copies: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Reads the section; a client may send it bare or under its name. What it leaves out has its default.
    pub fn read(value: &Value) -> Self {
        let section = value.get(SECTION).unwrap_or(value);
        let default = Self::default();
        let shellcheck = section.pointer("/shellcheck/path").and_then(Value::as_str);
        Self {
            inlay_hints: shown(section, "/inlayHints/enable", default.inlay_hints),
            code_lens: shown(section, "/codeLens/enable", default.code_lens),
            shellcheck: shellcheck.map_or(default.shellcheck, str::to_owned),
            lints: levels(section),
            shown_copies: BTreeMap::new(),
        }
    }

    /// The project's levels with the user's on top; those that name no rule or level change nothing.
    pub fn over(&self, project: &LintConfiguration) -> LintConfiguration {
        let mut lints = project.clone();
        for (rule, level) in &self.lints {
            let _unknown_names = lints.set(rule, level);
        }
        lints
    }
}

fn shown(section: &Value, pointer: &str, default: Shown) -> Shown {
    match section.pointer(pointer).and_then(Value::as_bool) {
        Some(true) => Shown::Yes,
        Some(false) => Shown::No,
        None => default,
    }
}

fn levels(section: &Value) -> Vec<(String, String)> {
    let lints = section.get("lints").and_then(Value::as_object).into_iter().flatten();
    lints.filter_map(|(rule, level)| Some((rule.clone(), level.as_str()?.to_owned()))).collect()
}
