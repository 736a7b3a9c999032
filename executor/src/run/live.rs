//! A machine that runs, with what is known about the state it is in.

use super::context::Context;
use super::daemons::Daemons;
use super::exposing::OpenDoors;
use super::trouble::Trouble;
use crate::backend::{CopyRequest, Freeze, Layer, LayerId, Machine};
use crate::cache::Link;
use crate::read_set::{Answer, Fingerprint, Question, ReadSet, TrackedPath};
use crate::store::StoreError;
use crate::store::index::View;
use crate::store::record::{NotTaken, Snapshot};
use layerc_planner::plan::SnapshotPolicy;
use std::collections::HashMap;
use std::sync::Arc;

/// A question as it is asked.
type Asked = (TrackedPath, Question);

/// Whether files were written since the last freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writes {
    Frozen,
    Perhaps,
}

/// See the module.
pub(super) struct Live {
    pub(super) machine: Box<dyn Machine>,
    /// How many links of its chain are behind its state.
    pub(super) at: usize,
    /// The layers of its last frozen state and COPYs since. `None` once a COPY was laid over files that could not be
    /// frozen because processes lived: nobody can tell any more which came first.
    layers: Option<Vec<Layer>>,
    writes: Writes,
    /// What the links behind it asked and got.
    asked: HashMap<Asked, Fingerprint>,
    /// What repeated steps asked beyond their records; the next step answers for it.
    carried: ReadSet,
    /// Frozen layers that no commit has made durable yet.
    unsynced: Vec<LayerId>,
    /// What its steps left running.
    pub(super) daemons: Daemons,
    /// Names of the processes that lived behind the last step.
    alive: Vec<String>,
    /// The runner it was started for.
    pub(super) owner: String,
    /// What of it can be reached.
    pub(super) doors: OpenDoors,
    /// Its limit.
    pub(super) memory_bytes: Option<u64>,
}

/// What a step asked, seen from its chain.
pub(super) struct Delta {
    /// What nobody behind it had asked.
    pub(super) reads: ReadSet,
    /// Paths whose answer was another one than a step behind it had got.
    pub(super) contradicted: Vec<TrackedPath>,
}

impl Live {
    pub(super) fn new(
        machine: Box<dyn Machine>,
        owner: String,
        layers: Vec<Layer>,
        memory_bytes: Option<u64>,
    ) -> Self {
        Self {
            machine,
            at: 0,
            layers: Some(layers),
            writes: Writes::Frozen,
            asked: HashMap::new(),
            carried: ReadSet::default(),
            unsynced: Vec::new(),
            daemons: Daemons::default(),
            alive: Vec::new(),
            owner,
            doors: OpenDoors::default(),
            memory_bytes,
        }
    }

    /// Moves over links whose effect is in the machine.
    pub(super) fn pass(&mut self, links: &[Arc<Link>], view: &View<'_>) -> Result<(), StoreError> {
        for link in links {
            for (asked, answer) in &link.reads(view)?.answers {
                self.asked.entry(asked.clone()).or_insert(answer.fingerprint);
            }
            self.at += 1;
        }
        Ok(())
    }

    /// A command may have written.
    pub(super) const fn wrote(&mut self) {
        self.writes = Writes::Perhaps;
    }

    /// Lays repository files over the machine's.
    pub(super) fn copy(&mut self, request: &CopyRequest) -> Result<(), Trouble> {
        if self.writes == Writes::Perhaps
            && let Snapshot::NotTaken(_) = self.freeze(SnapshotPolicy::Required)?
        {
            self.layers = None;
        }
        let copied = self.machine.copy(request)?;
        if let Some(layers) = &mut self.layers {
            layers.push(Layer::Copied(copied));
        }
        Ok(())
    }

    /// Freezes the state, if that is allowed and possible.
    pub(super) fn freeze(&mut self, policy: SnapshotPolicy) -> Result<Snapshot, Trouble> {
        if policy == SnapshotPolicy::Forbidden {
            return Ok(Snapshot::NotTaken(NotTaken::Forbidden));
        }
        let alive = match self.machine.freeze()? {
            Freeze::Unchanged => Vec::new(),
            Freeze::Frozen(layer) => {
                self.unsynced.push(layer.clone());
                if let Some(layers) = &mut self.layers {
                    layers.push(Layer::Frozen(layer));
                    if let Some(folded) = self.machine.fold(layers)? {
                        layers.splice(folded.which, [Layer::Frozen(folded.layer.clone())]);
                        self.unsynced.push(folded.layer);
                    }
                }
                Vec::new()
            }
            Freeze::ProcessesAlive(names) => {
                self.alive.clone_from(&names);
                return Ok(Snapshot::NotTaken(NotTaken::ProcessesAlive(names)));
            }
        };
        self.alive.clear();
        self.writes = Writes::Frozen;
        Ok(match &self.layers {
            Some(layers) => Snapshot::Taken(layers.clone()),
            None => Snapshot::NotTaken(NotTaken::ProcessesAlive(alive)),
        })
    }

    /// Names of the processes that lived behind the last step.
    pub(super) fn alive(&self) -> &[String] {
        &self.alive
    }

    /// Tells what was left running has said since, and what became of it.
    pub(super) fn hear(&mut self, context: &Context<'_>) {
        let Self { machine, daemons, .. } = self;
        // A machine that is gone says so to whoever wants something of it.
        let _ = machine.hear(&mut |heard| daemons.hear(context, heard));
        if self.alive.is_empty() && self.writes == Writes::Frozen {
            daemons.forget(context);
        }
    }

    /// Layers to be made durable with the next record.
    pub(super) fn take_unsynced(&mut self) -> Vec<LayerId> {
        std::mem::take(&mut self.unsynced)
    }

    /// Notes what a repeated step asked beyond what its link had asked.
    pub(super) fn carry_reads(&mut self) {
        for (asked, answer) in self.machine.take_reads().answers {
            if !self.asked.contains_key(&asked) {
                self.carried.answers.entry(asked).or_insert(answer);
            }
        }
    }

    /// What was asked since the last call, and by the executor itself (`own`), seen from the chain.
    pub(super) fn delta(&mut self, own: ReadSet) -> Delta {
        let mut reads = std::mem::take(&mut self.carried);
        let mut contradicted = Vec::new();
        let fresh = self.machine.take_reads().answers.into_iter().chain(own.answers);
        for (asked, answer) in fresh {
            match self.asked.get(&asked) {
                Some(earlier) if *earlier == answer.fingerprint => {}
                Some(_) => contradicted.push(asked.0),
                None => {
                    let earlier =
                        reads.answers.entry(asked.clone()).or_insert_with(|| answer.clone());
                    if earlier.fingerprint != answer.fingerprint {
                        contradicted.push(asked.0);
                    }
                }
            }
        }
        Delta { reads, contradicted }
    }

    /// Adds what an earlier run of the same step had asked: its state, from which this one started, depends on it.
    pub(super) fn inherit(
        &self,
        reads: &mut ReadSet,
        earlier: &ReadSet,
        today: impl Fn(&Asked) -> Option<Fingerprint>,
    ) {
        for (asked, answer) in &earlier.answers {
            if self.asked.contains_key(asked) || reads.answers.contains_key(asked) {
                continue;
            }
            // What can't be asked today can't be answered tomorrow either: the old answer then never agrees.
            let fingerprint = today(asked).unwrap_or(answer.fingerprint);
            reads
                .answers
                .insert(asked.clone(), Answer { fingerprint, reader: answer.reader.clone() });
        }
    }
}
