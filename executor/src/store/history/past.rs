//! A run that was recorded, read back.

use super::{END, EVENTS, End, HEADER, Header, PLAN};
use crate::event::TimedEvent;
use crate::store::{StoreError, at};
use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Largest header or end that is read.
const LARGEST_FILE_BYTES: u64 = 1 << 20;

/// Longest line of events that is read.
const LONGEST_LINE_BYTES: u64 = 64 << 20;

/// See the module.
#[derive(Debug, Clone)]
pub struct PastRun {
    directory: PathBuf,
    header: Header,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A process works on it.
    Running,
    /// It came to its end.
    Ended(End),
    /// Its process was killed.
    Died,
}

impl PastRun {
    pub(super) fn read(directory: PathBuf) -> Option<Self> {
        let header = json::<Header>(&directory.join(HEADER))?;
        Some(Self { directory, header })
    }

    /// What it was run on.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where it is.
    pub fn status(&self) -> Status {
        if let Some(end) = json(&self.directory.join(END)) {
            return Status::Ended(end);
        }
        let is_held = File::open(self.directory.join(EVENTS))
            .is_ok_and(|events| flock(&events, FlockOperation::NonBlockingLockShared).is_err());
        if is_held { Status::Running } else { Status::Died }
    }

    /// The bytes of its plan.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn plan(&self) -> Result<Vec<u8>, StoreError> {
        let path = self.directory.join(PLAN);
        fs::read(&path).map_err(at("read", &path))
    }

    /// How much it told, in bytes.
    pub fn events_bytes(&self) -> u64 {
        fs::metadata(self.directory.join(EVENTS)).map_or(0, |metadata| metadata.len())
    }

    /// What it told, in order. A line that was cut off, or that another version wrote, is left out.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub fn events(&self) -> Result<impl Iterator<Item = TimedEvent> + use<>, StoreError> {
        let path = self.directory.join(EVENTS);
        let file = File::open(&path).map_err(at("read", &path))?;
        let mut reader = BufReader::new(file);
        let lines = std::iter::from_fn(move || {
            let mut line = Vec::new();
            let length =
                (&mut reader).take(LONGEST_LINE_BYTES).read_until(b'\n', &mut line).ok()?;
            (length > 0).then_some(line)
        });
        Ok(lines.filter_map(|line| serde_json::from_slice(&line).ok()))
    }
}

fn json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let is_small = fs::metadata(path).is_ok_and(|metadata| metadata.len() <= LARGEST_FILE_BYTES);
    if is_small { serde_json::from_slice(&fs::read(path).ok()?).ok() } else { None }
}
