//! A machine that runs, with what is known about the state it is in.

use super::context::Context;
use super::daemons::Daemons;
use super::exposing::OpenDoors;
use super::trouble::Trouble;
use crate::backend::{CopyRequest, Freeze, Keeps, Layer, LayerId, Machine};
use crate::cache::Link;
use crate::engine::worth::{FIRST_COST, Moment, State, Worth, worth};
use crate::read_set::{Answer, Fingerprint, Question, ReadSet, TrackedPath};
use crate::store::StoreError;
use crate::store::index::View;
use crate::store::record::{NotTaken, Snapshot};
use layerc_planner::plan::SnapshotPolicy;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    /// What its backend keeps.
    keeps: Keeps,
    /// What commands took since its last kept state.
    worked: Duration,
    /// What keeping that took.
    cost: Duration,
    knows: Knowledge,
}

/// What has been told to programs in a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    NoSecret,
    Secrets,
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
        keeps: Keeps,
    ) -> Self {
        let layers = match keeps {
            Keeps::Files => layers,
            Keeps::Machines => machine.stands_on().into_iter().map(Layer::Frozen).collect(),
        };
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
            keeps,
            worked: Duration::ZERO,
            cost: FIRST_COST,
            knows: Knowledge::NoSecret,
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

    /// A command took this long.
    pub(super) fn worked(&mut self, time: Duration) {
        self.worked += time;
    }

    /// Commands are told secrets from now on. Answers what the user should know of that, the first time.
    pub(super) fn hears_secrets(&mut self) -> Result<Option<String>, Trouble> {
        if self.knows == Knowledge::Secrets {
            return Ok(None);
        }
        let told = self.machine.hears_secrets()?;
        self.knows = Knowledge::Secrets;
        Ok(told)
    }

    /// Lays repository files over the machine's.
    pub(super) fn copy(&mut self, request: &CopyRequest) -> Result<(), Trouble> {
        if self.keeps == Keeps::Machines {
            // What it shows is kept with the machine.
            self.writes = Writes::Perhaps;
            self.machine.copy(request)?;
            return Ok(());
        }
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
        if self.keeps == Keeps::Machines {
            return self.freeze_machine(policy, Moment::Step);
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
            Freeze::Secret => return Ok(Snapshot::NotTaken(NotTaken::Secret)),
        };
        self.alive.clear();
        self.writes = Writes::Frozen;
        Ok(match &self.layers {
            Some(layers) => Snapshot::Taken(layers.clone()),
            None => Snapshot::NotTaken(NotTaken::ProcessesAlive(alive)),
        })
    }

    /// Freezes a state that others start from, or that CHECKPOINT asks for.
    pub(super) fn freeze_for_others(&mut self) -> Result<Snapshot, Trouble> {
        match self.keeps {
            Keeps::Files => self.freeze(SnapshotPolicy::Required),
            Keeps::Machines => self.freeze_machine(SnapshotPolicy::Automatic, Moment::Branch),
        }
    }

    /// Freezes the whole machine, if that is allowed and worth it.
    fn freeze_machine(
        &mut self,
        policy: SnapshotPolicy,
        moment: Moment,
    ) -> Result<Snapshot, Trouble> {
        if self.writes == Writes::Perhaps {
            match worth(policy, State { moment, worked: self.worked, cost: self.cost }) {
                Worth::Keep => {}
                Worth::Leave => return Ok(Snapshot::NotTaken(NotTaken::Cheap)),
                Worth::Forbidden => return Ok(Snapshot::NotTaken(NotTaken::Forbidden)),
            }
            let began = Instant::now();
            match self.machine.freeze()? {
                Freeze::Frozen(layer) => self.unsynced.push(layer),
                Freeze::Unchanged => {}
                Freeze::ProcessesAlive(names) => {
                    return Ok(Snapshot::NotTaken(NotTaken::ProcessesAlive(names)));
                }
                Freeze::Secret => return Ok(Snapshot::NotTaken(NotTaken::Secret)),
            }
            (self.cost, self.worked) = (began.elapsed(), Duration::ZERO);
            self.writes = Writes::Frozen;
        }
        let layers = self.machine.stands_on().into_iter().map(Layer::Frozen);
        Ok(Snapshot::Taken(layers.collect()))
    }

    /// Whether it may be kept as a whole for as long as nobody needs it.
    pub(super) fn can_sleep(&self) -> bool {
        self.keeps == Keeps::Machines
    }

    /// Keeps the whole machine as it is now, for nobody else to start from; what it goes on from.
    pub(super) fn keep_for_sleep(&mut self) -> Result<Vec<Layer>, Trouble> {
        if self.machine.freeze()? == Freeze::Secret {
            let why = "it has heard a secret, and there is no key to encrypt it with";
            return Err(Trouble::Broken(why.to_owned()));
        }
        Ok(self.machine.stands_on().into_iter().map(Layer::Frozen).collect())
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
        let keeps_processes = self.keeps == Keeps::Machines;
        if !keeps_processes && self.alive.is_empty() && self.writes == Writes::Frozen {
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
