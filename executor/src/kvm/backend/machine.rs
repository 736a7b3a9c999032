//! A running machine: the requests of the engine, put to its agent, and its state kept.

use super::kept::{DISK, KeptGuest};
use super::network::Outside;
use super::running::Running;
use super::start::new_file;
use crate::backend::{
    BackendError, Command, CommandEnd, CopiedFiles, CopyRequest, Freeze, Heard, KeptCaches,
    LayerId, Machine, Ports,
};
use crate::durable::make_durable;
use crate::kvm::guest::GuestSteps;
use crate::overlay::RunDirectory;
use crate::overlay::failure::Doing;
use crate::read_set::ReadSet;
use crate::store::runs::fresh_name;
use std::fs;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// What a machine is made from, in the order in which it is let go of.
pub(super) struct Parts {
    pub(super) steps: GuestSteps,
    pub(super) running: Running,
    pub(super) outside: Outside,
    pub(super) run: RunDirectory,
    /// Where kept machines are.
    pub(super) layers: PathBuf,
    pub(super) note: Option<String>,
}

/// See the module.
pub(super) struct KvmMachine {
    steps: GuestSteps,
    running: Running,
    _outside: Outside,
    run: RunDirectory,
    layers: PathBuf,
    notes: Vec<String>,
    /// The kept states that it is a difference to, oldest first.
    chain: Vec<LayerId>,
    /// How many it has become itself.
    kept: u32,
}

impl KvmMachine {
    /// One that goes on from the last of these.
    pub(super) fn new(parts: Parts, chain: Vec<LayerId>) -> Self {
        let Parts { steps, running, outside, run, layers, note } = parts;
        let notes = steps.notes().iter().cloned().chain(note).chain(running.note()).collect();
        Self { steps, running, _outside: outside, run, layers, notes, chain, kept: 0 }
    }

    /// Keeps its state under a name that no other has. Processes go on.
    pub(super) fn keep_as(&mut self, layer: LayerId) -> Result<(), BackendError> {
        let written = self.run.path.join(format!("written-{}", self.kept));
        let next = new_file(&self.run.path.join(format!("written-{}", self.kept + 1)))?;
        let kept = self.running.keep(&self.layers, &layer.0, &next, || self.steps.save_files());
        let files = kept.map_err(|error| self.explained(error))?;
        let directory = self.layers.join(&layer.0);
        fs::rename(&written, directory.join(DISK))
            .doing(|| format!("move {} to {}", written.display(), directory.display()))?;
        self.kept += 1;
        self.chain.push(layer);
        let (commands, chain) = (self.steps.commands(), self.chain.clone());
        KeptGuest { files, commands, chain }.write(&directory)
    }

    /// Has the last kept state on disk when it returns.
    pub(super) fn make_durable(&self) -> Result<(), BackendError> {
        let Some(last) = self.chain.last() else { return Ok(()) };
        let directory = self.layers.join(&last.0);
        make_durable(&directory).doing(|| format!("sync {}", directory.display()))
    }
}

impl Machine for KvmMachine {
    fn execute_and_hear(
        &mut self,
        command: &Command,
        hear: &mut dyn FnMut(Heard<'_>),
    ) -> Result<CommandEnd, BackendError> {
        let ended = self.steps.execute_and_hear(command, hear);
        ended.map_err(|error| self.explained(error))
    }

    fn hear(&mut self, hear: &mut dyn FnMut(Heard<'_>)) -> Result<(), BackendError> {
        self.steps.hear(hear).map_err(|error| self.explained(error))
    }

    fn give_terminal(&mut self, terminal: BorrowedFd<'_>) -> Result<(), BackendError> {
        self.steps.give_terminal(terminal).map_err(|error| self.explained(error))
    }

    fn last_command(&self) -> u32 {
        self.steps.commands()
    }

    fn copy(&mut self, request: &CopyRequest) -> Result<CopiedFiles, BackendError> {
        let copied = self.steps.copy(request);
        copied.map_err(|error| self.explained(error))
    }

    fn keep_caches(&mut self) -> Result<KeptCaches, BackendError> {
        let kept = self.steps.keep_caches();
        kept.map_err(|error| self.explained(error))
    }

    fn freeze(&mut self) -> Result<Freeze, BackendError> {
        let layer = LayerId(fresh_name());
        self.keep_as(layer.clone())?;
        Ok(Freeze::Frozen(layer))
    }

    fn stands_on(&self) -> Vec<LayerId> {
        self.chain.clone()
    }

    fn take_reads(&mut self) -> ReadSet {
        self.steps.take_reads()
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn ports(&mut self) -> Result<Arc<dyn Ports>, BackendError> {
        Ok(self.steps.ports())
    }

    fn stopper(&self) -> Box<dyn Fn() + Send + Sync> {
        self.running.stopper()
    }
}

impl KvmMachine {
    /// An end of the connection is an end of the machine: says which.
    fn explained(&self, error: BackendError) -> BackendError {
        match error {
            BackendError::Stopped(_) => {
                BackendError::Stopped(self.running.how_it_ended_with_words())
            }
            other => other,
        }
    }
}
