//! Writes the record of a run while it goes on.
//!
//! The file of events is locked as long as the recording lives, by which others see that the run does. What can't be
//! written is told once, at the end: a run never fails because its diary did.

use super::{END, EVENTS, End, HEADER, Header, History, PLAN, prune};
use crate::event::{Event, TimedEvent};
use crate::store::runs::make_private_directory;
use crate::store::{Store, StoreError, at};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Most bytes of events that are kept of a run. Beyond it output is left out; what else happens is still told.
const MOST_EVENT_BYTES: u64 = 256 << 20;

/// See the module.
#[derive(Debug)]
pub struct RunRecording {
    directory: PathBuf,
    events: BufWriter<File>,
    written_bytes: u64,
    trouble: Option<StoreError>,
}

impl RunRecording {
    /// Begins the record of this process's run and removes records that are too many or too old.
    ///
    /// # Errors
    /// When the record can't be made.
    pub fn begin(store: &Store, header: &Header, plan: &[u8]) -> Result<Self, StoreError> {
        let history = History::of(store);
        let directory = history.directory(&header.run);
        make_private_directory(&directory)?;
        let path = directory.join(EVENTS);
        let mut options = File::options();
        let events = options.create(true).append(true).open(&path).map_err(at("make", &path))?;
        flock(&events, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| at("lock", &path)(error.into()))?;
        // A resumed run goes on in the record it had: what it tells comes behind what it told.
        let _not_resumed = fs::remove_file(directory.join(END));
        write_whole(&directory.join(PLAN), plan)?;
        // Last: without it there is no record.
        write_json(&directory.join(HEADER), header)?;
        prune::prune(&history, &header.run);
        Ok(Self { directory, events: BufWriter::new(events), written_bytes: 0, trouble: None })
    }

    /// The record's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes an event. The last one is followed by the end of the record.
    pub fn hear(&mut self, timed: &TimedEvent) {
        if self.trouble.is_some() || self.is_too_much(&timed.event) {
            return;
        }
        if let Err(source) = self.write(timed) {
            let path = self.directory.join(EVENTS);
            self.trouble = Some(at("write", &path)(source));
        }
        if let Event::RunFinished { outcome, steps_run, steps_cached, .. } = timed.event {
            let end = End { outcome, elapsed_ms: timed.elapsed_ms, steps_run, steps_cached };
            if let Err(error) = write_json(&self.directory.join(END), &end) {
                self.trouble.get_or_insert(error);
            }
        }
    }

    /// Ends the recording; returns what could not be written.
    pub fn finish(self) -> Option<StoreError> {
        self.trouble
    }

    const fn is_too_much(&self, event: &Event) -> bool {
        matches!(event, Event::Output { .. }) && self.written_bytes > MOST_EVENT_BYTES
    }

    fn write(&mut self, timed: &TimedEvent) -> io::Result<()> {
        let mut line = serde_json::to_vec(timed)?;
        line.push(b'\n');
        self.events.write_all(&line)?;
        self.written_bytes += line.len() as u64;
        // Whoever looks at a running run wants to see its steps; its output may lag behind.
        if matches!(timed.event, Event::Output { .. }) { Ok(()) } else { self.events.flush() }
    }
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(value).map_err(|error| at("write", path)(error.into()))?;
    write_whole(path, &bytes)
}

/// A file that is there whole or not at all, as far as other processes see.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).map_err(at("write", &beside))?;
    fs::rename(&beside, path).map_err(at("write", path))
}
