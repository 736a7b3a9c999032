//! A machine that may end at any moment: by its own wish, by a crash, by somebody else's. Whoever waits for its agent then
//! hears so at once, because its process goes with all that it was handed.

use super::kept::of_machine;
use super::last_words::LastWords;
use crate::backend::BackendError;
use crate::kvm::Secrecy;
use crate::kvm::process::MachineProcess;
use crate::tracked::SavedFiles;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long somebody who lost the agent waits for the end of the machine that it was in: all of it goes together.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Running {
    process: MachineProcess,
    words: LastWords,
}

impl Running {
    /// `words` are what its serial line prints.
    pub(super) fn new(process: MachineProcess, words: LastWords) -> Self {
        Self { process, words }
    }

    /// Keeps it: memory as `name` in `layers`, and its disk, which is written to `disk` from then on. Most of the memory is
    /// written before it stands still, and what was written meanwhile is copied while it does and written afterwards.
    /// `files` is asked while it stands still, so that all of it is of one moment.
    pub(super) fn keep(
        &mut self,
        layers: &Path,
        name: &str,
        disk: &File,
        secrecy: &Secrecy,
        files: impl FnOnce() -> SavedFiles,
    ) -> Result<SavedFiles, BackendError> {
        let begun = self.process.begin_snapshot(layers, name, secrecy).map_err(of_machine)?;
        self.process.pause().map_err(of_machine)?;
        let kept = self.process.freeze_disk(disk, secrecy).and_then(|()| {
            let files = files();
            self.process.finish_snapshot(begun, secrecy).map(|()| files)
        });
        if kept.is_err() {
            // It stands still only if it was not got to the point where it is let go by itself.
            let _gone = self.process.resume();
        }
        kept.map_err(of_machine)
    }

    /// Encrypts what it writes to its disk, in this new file, with all that it wrote since it was kept.
    pub(super) fn encrypt(&self, disk: &File, secrecy: &Secrecy) -> Result<(), BackendError> {
        self.process.move_disk(disk, secrecy).map_err(of_machine)
    }

    /// What this host doesn't permit around it, if anything.
    pub(super) fn note(&self) -> Option<String> {
        let lacking = self.process.lacking();
        let told = format!("a virtual machine's process does without {}", lacking.join(", "));
        (!lacking.is_empty()).then_some(told)
    }

    /// In words, if it has.
    pub(super) fn how_it_ended(&self) -> String {
        self.process.life().how_it_ended(PATIENCE)
    }

    /// The same, with the last that it printed.
    pub(super) fn how_it_ended_with_words(&self) -> String {
        let ended = self.how_it_ended();
        match self.words.text() {
            text if text.is_empty() => ended,
            text => format!("{ended}; the last that it printed:\n{text}"),
        }
    }

    /// Ends it from any thread.
    pub(super) fn stopper(&self) -> Box<dyn Fn() + Send + Sync> {
        let life = Arc::clone(self.process.life());
        Box::new(move || life.end())
    }
}
