//! What is known about a step that ran once: enough to skip it, to restore the state behind it, and to say why it
//! can't be skipped. Written with postcard behind a version number; a record of another version is no record.

use super::runs::{RunId, hexadecimal};
use crate::backend::Layer;
use crate::secrets::{StoredValue, ValuePart};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Grows whenever keys or records change their meaning, so that old records are never found.
pub const FORMAT_VERSION: u32 = 2;

/// What a step is, given everything before it: the question of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WeakKey(pub [u8; 32]);

/// A state: the chain behind it with everything that was read on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StrongKey(pub [u8; 32]);

impl StrongKey {
    /// How the state is named in events.
    pub fn id(self) -> StateId {
        StateId(*self.0.first_chunk::<16>().unwrap_or(&[0; 16]))
    }
}

/// Names a state to people and programs: half of its key, as hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StateId([u8; 16]);

impl From<StateId> for String {
    fn from(id: StateId) -> Self {
        hexadecimal(&id.0)
    }
}

impl TryFrom<String> for StateId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = (text.len() == 32).then(|| u128::from_str_radix(&text, 16).ok()).flatten();
        number
            .map(|number| Self(number.to_be_bytes()))
            .ok_or_else(|| format!("`{text}` is not the id of a state"))
    }
}

/// The texts of a chain alone, whatever was read: by it the earlier runs of a step are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TextKey(pub [u8; 32]);

/// What instructions other than RUN and COPY have set: it flows along the chain with the files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MachineState {
    /// Variables set by ENV, SECRET ENV and SPLIT.
    pub environment: BTreeMap<String, StoredValue>,
    /// Who runs commands.
    pub user: String,
    /// Where: absolute or starting with `~`.
    pub workdir: String,
    /// Repository files sourced before commands.
    pub setup_files: Vec<String>,
    /// Directories that outlive runs.
    pub caches: Vec<CachedPath>,
}

/// A directory that CACHE named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CachedPath {
    /// The base image of its chain.
    pub image: String,
    /// Absolute, or starting with `~`.
    pub path: String,
    /// The user of the moment: owns it when it is new, and its home is what `~` is.
    pub owner: String,
}

impl MachineState {
    /// Whether commands are told the value of a secret.
    pub fn has_secrets(&self) -> bool {
        let is_secret = |part: &ValuePart| !matches!(part, ValuePart::Text(_));
        self.environment.values().any(|value| value.0.iter().any(is_secret))
    }
}

impl Default for MachineState {
    /// As a machine starts: root, in its home.
    fn default() -> Self {
        Self {
            environment: BTreeMap::new(),
            user: "root".to_owned(),
            workdir: "/root".to_owned(),
            setup_files: Vec::new(),
            caches: Vec::new(),
        }
    }
}

/// Whether the state after a step can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Snapshot {
    /// From these layers over the base, bottom first.
    Taken(Vec<Layer>),
    /// Not from files alone.
    NotTaken(NotTaken),
}

/// Why a state wasn't kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NotTaken {
    /// These processes outlived the step.
    ProcessesAlive(Vec<String>),
    /// CHECKPOINT disabled.
    Forbidden,
    /// Making it again takes less than keeping it would have.
    Cheap,
    /// The value of a secret is in the machine's memory.
    Secret,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The question it answers.
    pub weak: WeakKey,
    /// The state it led to.
    pub strong: StrongKey,
    /// Nanoseconds since 1970; the newest of several answers is tried first.
    pub recorded_at: u64,
    /// Which run made it.
    pub run: RunId,
    /// What instructions have set so far.
    pub state: MachineState,
    /// The files.
    pub snapshot: Snapshot,
    /// How long it took.
    pub milliseconds: u64,
    /// RUN REPEATABLE: the state it was started from instead of the one before it.
    pub started_from: Option<StrongKey>,
}

/// The newest run of a step, found by its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextEntry {
    /// Nanoseconds since 1970.
    pub recorded_at: u64,
    /// Its record.
    pub weak: WeakKey,
    /// Its record.
    pub strong: StrongKey,
    /// What entered its key besides texts, by name, hashed: to say what has changed.
    pub keyed: Vec<(String, [u8; 16])>,
}
