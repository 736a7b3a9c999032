//! Whether something of a machine is encrypted where it is kept.
//!
//! A machine that was told a secret has a key of its own from then on, and so has everything that starts from it: what it
//! writes to its disk and what is kept of it can be read with that key alone. The key itself is kept encrypted, with that
//! of the store's owner, which no machine's process ever sees.

use crate::sealing::{Key, open_message, seal_message};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Secrecy {
    /// As it is.
    #[default]
    Open,
    /// With this key.
    Sealed(Key),
}

impl Secrecy {
    /// The bytes of a small file, as they are kept at `path`.
    pub(super) fn sealed(&self, path: &Path, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::Open => Ok(bytes),
            Self::Sealed(key) => seal_message(key, &name_of(path), &bytes),
        }
    }

    /// What the file at `path` holds.
    pub(super) fn opened(&self, path: &Path, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::Open => Ok(bytes),
            Self::Sealed(key) => Ok(open_message(key, &name_of(path), &bytes)?.to_vec()),
        }
    }
}

/// What a kept file is called wherever its store is: its directory, without what marks it as unfinished, and its name.
fn name_of(path: &Path) -> String {
    let part = |path: Option<&Path>| {
        path.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
    };
    let directory = part(path.parent());
    let directory = directory.strip_suffix(super::snapshot::UNFINISHED).unwrap_or(&directory);
    format!("{directory}/{}", part(Some(path)))
}
