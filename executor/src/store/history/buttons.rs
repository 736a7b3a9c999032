//! BUTTONs in the record of a run: which it came to, and which somebody pressed (`pressed/NUMBER`, with who did).
//!
//! Files, not sockets: pressing works from any process of the same user, on a run that is alive as on one that has
//! ended waiting, and a crash loses nothing.

use super::{History, PastRun};
use crate::event::Event;
use crate::store::run_name::RunName;
use crate::store::runs::make_private_directory;
use crate::store::{StoreError, at};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// A button that a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedButton {
    /// From 1, in the plan's order; the same when the run is resumed.
    pub number: u32,
    /// Whose.
    pub runner: String,
    /// Path of the Layerfile.
    pub layerfile: String,
    /// What the person reads; may be empty.
    pub message: String,
}

/// The buttons of a run that were pressed.
#[derive(Debug, Clone)]
pub struct PressedButtons {
    directory: PathBuf,
}

impl PressedButtons {
    /// Who pressed a button, if somebody did.
    pub fn by(&self, number: u32) -> Option<String> {
        fs::read_to_string(self.directory.join(number.to_string())).ok()
    }

    /// Presses a button.
    ///
    /// # Errors
    /// When the record can't be written.
    pub fn press(&self, number: u32, by: &str) -> Result<(), StoreError> {
        make_private_directory(&self.directory)?;
        let path = self.directory.join(number.to_string());
        let new = self.directory.join(format!(".{number}.new"));
        fs::write(&new, by).map_err(at("write", &new))?;
        fs::rename(&new, &path).map_err(at("write", &path))
    }
}

impl History<'_> {
    /// The buttons of a run that were pressed.
    pub fn pressed(&self, name: &RunName) -> PressedButtons {
        PressedButtons { directory: self.directory(name).join("pressed") }
    }
}

impl PastRun {
    /// Its buttons that were pressed.
    pub fn pressed(&self) -> PressedButtons {
        PressedButtons { directory: self.directory().join("pressed") }
    }

    /// The buttons it came to that nobody has pressed, by number.
    ///
    /// # Errors
    /// When its events can't be read.
    pub fn unpressed(&self) -> Result<Vec<AskedButton>, StoreError> {
        let mut asked = BTreeMap::new();
        for timed in self.events()? {
            if let Event::ButtonAsked { runner, number, layerfile, message } = timed.event {
                asked.insert(number, AskedButton { number, runner, layerfile, message });
            }
        }
        let pressed = self.pressed();
        Ok(asked.into_values().filter(|button| pressed.by(button.number).is_none()).collect())
    }
}
