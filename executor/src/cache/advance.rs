//! How a chain moves on over what touches no machine: instructions that only set something, and the copies of SPLIT.

use super::{Chain, key};
use crate::engine::stretch::ForkChoice;
use crate::secrets::Secrets;
use crate::secrets::StoredValue;
use crate::store::record::{CachedPath, MachineState};
use crate::store::runs::RunId;
use crate::variables::BuiltIns;
use layerc_planner::plan::Action;

/// Where the values come from that are part of keys.
#[derive(Debug, Clone, Copy)]
pub struct KeyedValues<'run> {
    /// Values of SECRET ENV.
    pub secrets: &'run Secrets,
    /// The store's key for them.
    pub secret_key: &'run [u8; 32],
    /// Values of BUILD ENV.
    pub built_ins: &'run BuiltIns,
    /// Whose.
    pub runner: &'run str,
}

/// Whether an instruction was one that only sets something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advanced {
    /// Yes; the chain has moved on.
    Yes,
    /// No; nothing happened.
    No,
}

/// Whether an instruction is a step of a machine; others only set something, or say what runs when.
pub const fn touches_machine(action: &Action) -> bool {
    matches!(
        action,
        Action::Run { .. }
            | Action::Copy { .. }
            | Action::Clone { .. }
            | Action::Env { .. }
            | Action::ExposeWebsite { .. }
            | Action::ExposeTcp { .. }
    )
}

/// Moves on into a copy of a SPLIT. Copies of an unordered one don't take answers from records of `run`, which their
/// siblings make.
pub fn enter_copy(chain: &mut Chain, fork: ForkChoice, run: RunId) {
    let ForkChoice { index, copies, ordered } = fork;
    let shown = if ordered {
        format!("SPLIT {copies} {index}")
    } else {
        format!("SPLIT UNORDERED {copies}")
    };
    chain.set(shown.as_bytes(), &[], |state| {
        let mut set = |name: &str, value: u32| {
            state.environment.insert(name.to_owned(), StoredValue::literal(value.to_string()));
        };
        set("SPLIT_NUM", copies);
        if ordered {
            set("SPLIT", index);
        }
    });
    if ordered {
        chain.keyed.push(("the SPLIT index".to_owned(), key::value_mark(&index.to_le_bytes())));
    } else {
        chain.except = Some(run);
    }
}

/// Moves on over an instruction that only sets something.
pub fn set(chain: &mut Chain, action: &Action, values: KeyedValues<'_>) -> Advanced {
    let instruction = key::instruction(action);
    match action {
        Action::BuildEnv { names } => key_variables(chain, &instruction, names, values),
        Action::SecretEnv { names } => key_secrets(chain, &instruction, names, values),
        Action::SetupFile { paths } => chain.set(&instruction, &[], |state| {
            state.setup_files.extend(paths.iter().map(|path| path.as_str().to_owned()));
        }),
        Action::User { name } => chain.set(&instruction, &[], |state| state.user.clone_from(name)),
        Action::Workdir { path } => {
            chain.set(&instruction, &[], |state| enter_directory(state, path));
        }
        Action::Cache { paths } => add_caches(chain, &instruction, paths),
        // It says when to keep states, not what is in them.
        Action::Checkpoint { .. } => {}
        _ => return Advanced::No,
    }
    Advanced::Yes
}

fn key_variables(chain: &mut Chain, instruction: &[u8], names: &[String], values: KeyedValues<'_>) {
    let mut keyed = Vec::new();
    for name in names {
        let value = values.built_ins.value(name, values.runner).unwrap_or_default();
        chain.keyed.push((name.clone(), key::value_mark(value.as_bytes())));
        keyed.extend_from_slice(value.as_bytes());
        keyed.push(0);
    }
    chain.set(instruction, &keyed, |_| {});
}

fn key_secrets(chain: &mut Chain, instruction: &[u8], names: &[String], values: KeyedValues<'_>) {
    let mut keyed = Vec::new();
    for name in names {
        let hash = values.secrets.keyed_hash(values.secret_key, name);
        chain.keyed.push((format!("the secret {name}"), key::value_mark(&hash)));
        keyed.extend_from_slice(&hash);
    }
    chain.set(instruction, &keyed, |state| {
        for name in names {
            state.environment.insert(name.clone(), StoredValue::secret(name));
        }
    });
}

/// Directories that outlive runs. What is in them is part of no key.
fn add_caches(chain: &mut Chain, instruction: &[u8], paths: &[String]) {
    let image = chain.image.to_string();
    chain.set(instruction, &[], |state| {
        for path in paths {
            let path = in_directory(&state.workdir, path.trim_end_matches('/'));
            let cached = CachedPath { image: image.clone(), path, owner: state.user.clone() };
            if !state.caches.contains(&cached) {
                state.caches.push(cached);
            }
        }
    });
}

/// A path as written, seen from a working directory as written.
pub(crate) fn in_directory(directory: &str, path: &str) -> String {
    if path.starts_with('/') || path == "~" || path.starts_with("~/") {
        path.to_owned()
    } else {
        format!("{}/{}", directory.trim_end_matches('/'), path.trim_start_matches("./"))
    }
}

/// A WORKDIR, relative to the one before it.
fn enter_directory(state: &mut MachineState, path: &str) {
    state.workdir = in_directory(&state.workdir, path);
}
