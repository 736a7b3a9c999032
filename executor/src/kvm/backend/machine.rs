//! A running machine: the requests of the engine, put to its agent, and its state kept.

use super::kept::{DISK, KeptGuest, of_machine};
use super::kept_disk::KeptDisk;
use super::lineage::Lineage;
use super::network::Outside;
use super::running::Running;
use super::start::new_file;
use crate::backend::{
    BackendError, Command, CommandEnd, CopiedFiles, CopyRequest, Freeze, Heard, KeptCaches,
    LayerId, Machine, Ports, Today,
};
use crate::durable::make_durable;
use crate::kvm::Snapshot;
use crate::kvm::guest::GuestSteps;
use crate::overlay::RunDirectory;
use crate::overlay::failure::Doing;
use crate::read_set::ReadSet;
use crate::sealing::{OwnerKey, OwnerKeyError};
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
    pub(super) owner_key: OwnerKey,
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
    chain: Vec<KeptDisk>,
    /// How many it has become itself.
    kept: u32,
    /// Whether it has heard a secret.
    lineage: Lineage,
    owner_key: OwnerKey,
    /// What it was restored from, if that is encrypted: others that are restored share it meanwhile.
    _origin: Option<Arc<Snapshot>>,
}

impl KvmMachine {
    /// One that goes on from the last of these.
    pub(super) fn new(parts: Parts, chain: Vec<KeptDisk>) -> Self {
        let Parts { steps, running, outside, run, layers, note, owner_key } = parts;
        let notes = steps.notes().iter().cloned().chain(note).chain(running.note()).collect();
        Self {
            steps,
            running,
            _outside: outside,
            run,
            layers,
            notes,
            chain,
            kept: 0,
            lineage: Lineage::Open,
            owner_key,
            _origin: None,
        }
    }

    /// One that goes on from a state of this lineage.
    pub(super) fn in_lineage(self, lineage: Lineage, origin: Arc<Snapshot>) -> Self {
        let origin = (lineage != Lineage::Open).then_some(origin);
        Self { lineage, _origin: origin, ..self }
    }

    /// Keeps its state under a name that no other has. Processes go on.
    pub(super) fn keep_as(&mut self, layer: LayerId) -> Result<(), BackendError> {
        let written = self.run.path.join(format!("written-{}", self.kept));
        let next = new_file(&self.run.path.join(format!("written-{}", self.kept + 1)))?;
        let secrecy = self.lineage.now();
        let files = || self.steps.save_files();
        let kept = self.running.keep(&self.layers, &layer.0, &next, &secrecy, files);
        let files = kept.map_err(|error| self.explained(error))?;
        let directory = self.layers.join(&layer.0);
        fs::rename(&written, directory.join(DISK))
            .doing(|| format!("move {} to {}", written.display(), directory.display()))?;
        self.kept += 1;
        self.chain.push(KeptDisk::of(&self.layers, layer).map_err(of_machine)?);
        let (commands, chain) = (self.steps.commands(), self.chain.clone());
        let lineage = self.lineage.clone();
        KeptGuest { files, commands, chain, lineage }.write(&directory, &self.owner_key)
    }

    /// From now on everything that is written of it is encrypted.
    fn become_secret(&mut self) -> Result<(), BackendError> {
        if self.lineage != Lineage::Open {
            return Ok(());
        }
        let doing = || "encrypt what a machine writes".to_owned();
        let lineage = Lineage::hears(self.chain.len()).doing(doing)?;
        let beside = self.run.path.join("encrypted");
        let encrypted = self.running.encrypt(&new_file(&beside)?, &lineage.now());
        encrypted.map_err(|error| self.explained(error))?;
        // In place of what was written before, which goes.
        let written = self.run.path.join(format!("written-{}", self.kept));
        fs::rename(&beside, &written).doing(doing)?;
        self.lineage = lineage;
        Ok(())
    }

    /// Has the last kept state on disk when it returns.
    pub(super) fn make_durable(&self) -> Result<(), BackendError> {
        let Some(last) = self.chain.last() else { return Ok(()) };
        let directory = self.layers.join(&last.layer.0);
        make_durable(&directory).doing(|| format!("sync {}", directory.display()))
    }
}

impl Machine for KvmMachine {
    fn execute_and_hear(
        &mut self,
        command: &Command,
        hear: &mut dyn FnMut(Heard<'_>),
    ) -> Result<CommandEnd, BackendError> {
        if self.lineage == Lineage::Open && self.steps.hears_secrets_of(&command.caches)? {
            self.become_secret()?;
        }
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

    fn start_over(&mut self, today: &Today) -> Result<(), BackendError> {
        let started = self.steps.start_over(today);
        started.map_err(|error| self.explained(error))
    }

    fn keep_caches(&mut self) -> Result<KeptCaches, BackendError> {
        let kept = self.steps.keep_caches(&self.lineage.now());
        kept.map_err(|error| self.explained(error))
    }

    fn hears_secrets(&mut self) -> Result<Option<String>, BackendError> {
        self.become_secret()?;
        let without_key = |reason: OwnerKeyError| {
            format!(
                "nothing is kept of a machine from the first step on that is told a secret: {reason}"
            )
        };
        Ok(self.owner_key.made().err().map(without_key))
    }

    fn freeze(&mut self) -> Result<Freeze, BackendError> {
        if self.lineage != Lineage::Open && self.owner_key.made().is_err() {
            return Ok(Freeze::Secret);
        }
        let layer = LayerId(fresh_name());
        self.keep_as(layer.clone())?;
        Ok(Freeze::Frozen(layer))
    }

    fn stands_on(&self) -> Vec<LayerId> {
        self.chain.iter().map(|disk| disk.layer.clone()).collect()
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
