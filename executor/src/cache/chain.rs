//! The chain behind a state: the steps that led to it, matched or run, with what is needed to restore it or to do
//! them again. Cheap to clone: children and copies share what is behind them.

use super::key;
use crate::backend::{BaseImage, Layer, LayerId};
use crate::event::StepInfo;
use crate::read_set::ReadSet;
use crate::secrets::StoredValue;
use crate::store::index::View;
use crate::store::record::{MachineState, Snapshot, StrongKey, TextKey, WeakKey};
use crate::store::runs::RunId;
use layerc_planner::plan::Step;
use std::sync::{Arc, OnceLock};

/// A step of a chain that touched the machine.
#[derive(Debug)]
pub struct Link {
    /// The question that its record answers.
    pub weak: WeakKey,
    /// The state behind it.
    pub strong: StrongKey,
    /// The instruction.
    pub step: Arc<Step>,
    /// Its name in events.
    pub info: StepInfo,
    /// What was set before it: it runs again with this.
    pub before: Arc<MachineState>,
    /// The files behind it.
    pub snapshot: Snapshot,
    reads: OnceLock<Arc<ReadSet>>,
}

impl Link {
    /// A link whose step ran just now.
    pub fn of_run(
        weak: WeakKey,
        strong: StrongKey,
        step: Arc<Step>,
        info: StepInfo,
        before: Arc<MachineState>,
        snapshot: Snapshot,
        reads: ReadSet,
    ) -> Self {
        Self { weak, strong, step, info, before, snapshot, reads: OnceLock::from(Arc::new(reads)) }
    }

    /// A link that a record answers for; its read set is fetched when someone wants it.
    pub const fn of_record(
        weak: WeakKey,
        strong: StrongKey,
        step: Arc<Step>,
        info: StepInfo,
        before: Arc<MachineState>,
        snapshot: Snapshot,
    ) -> Self {
        Self { weak, strong, step, info, before, snapshot, reads: OnceLock::new() }
    }

    /// The same link with its state kept after all.
    #[must_use]
    pub fn kept(&self, snapshot: Snapshot) -> Self {
        Self {
            weak: self.weak,
            strong: self.strong,
            step: Arc::clone(&self.step),
            info: self.info.clone(),
            before: Arc::clone(&self.before),
            snapshot,
            reads: self.reads.clone(),
        }
    }

    /// What it asked that nothing before it had asked.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn reads(&self, view: &View<'_>) -> Result<Arc<ReadSet>, crate::store::StoreError> {
        if let Some(reads) = self.reads.get() {
            return Ok(Arc::clone(reads));
        }
        let reads = Arc::new(view.reads(self.strong)?.unwrap_or_default());
        Ok(Arc::clone(self.reads.get_or_init(|| reads)))
    }
}

/// A state and how it came about.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The image at its beginning.
    pub base: Arc<BaseImage>,
    /// The image's name.
    pub image: Arc<str>,
    /// The state.
    pub strong: StrongKey,
    /// The texts alone.
    pub text: TextKey,
    /// What is set.
    pub state: Arc<MachineState>,
    /// The steps that touched the machine.
    pub links: Vec<Arc<Link>>,
    /// Values that entered the key, by name.
    pub keyed: Vec<(String, [u8; 16])>,
    /// The first step of this run that ran and gave a new result.
    pub first_run: Option<StepInfo>,
    /// Set when a file changed while it was being read: nothing behind it may be recorded.
    pub is_unsure: Certainty,
    /// A run whose records don't count behind here: copies of an unordered split don't answer for each other.
    pub except: Option<RunId>,
    /// How many links were behind each state on the way that several start from, children or copies.
    pub branches: Vec<usize>,
}

/// Whether a state is what its key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// Yes.
    Sure,
    /// A file changed on the way.
    Unsure,
}

impl Chain {
    /// The beginning.
    pub fn new(image: &str, base: Arc<BaseImage>) -> Self {
        let variables = base.environment.iter();
        let variables = variables.map(|(name, value)| (name.clone(), StoredValue::literal(value)));
        let state = MachineState { environment: variables.collect(), ..MachineState::default() };
        Self {
            strong: key::base(&base.identity),
            text: key::base_text(image),
            keyed: vec![(format!("the base image `{image}`"), key::value_mark(&base.identity))],
            image: Arc::from(image),
            base,
            state: Arc::new(state),
            links: Vec::new(),
            first_run: None,
            is_unsure: Certainty::Sure,
            except: None,
            branches: Vec::new(),
        }
    }

    /// The beginning in a machine whose memory is part of what it is.
    pub fn beginning(image: &str, base: Arc<BaseImage>, memory_bytes: Option<u64>) -> Self {
        let mut chain = Self::new(image, base);
        if let Some(bytes) = memory_bytes {
            chain.keyed.push(("MEMORY".to_owned(), key::value_mark(&bytes.to_le_bytes())));
            chain.set(b"memory of the machine", &bytes.to_le_bytes(), |_| {});
        }
        chain
    }

    /// An instruction that touches no machine: only what is set, and what is keyed, changes.
    pub fn set(
        &mut self,
        instruction: &[u8],
        values: &[u8],
        change: impl FnOnce(&mut MachineState),
    ) {
        self.strong = key::plain(self.strong, instruction, values);
        self.text = key::text(self.text, instruction);
        change(Arc::make_mut(&mut self.state));
    }

    /// How many links are behind the last state that can be restored, and the layers of that state. A frozen layer
    /// that isn't `there` any more makes its states as good as not kept.
    pub fn restorable(&self, there: impl Fn(&LayerId) -> bool) -> (usize, &[Layer]) {
        let is_there = |layer: &Layer| match layer {
            Layer::Frozen(id) => there(id),
            Layer::Copied(_) => true,
        };
        for (index, link) in self.links.iter().enumerate().rev() {
            if let Snapshot::Taken(layers) = &link.snapshot
                && layers.iter().all(is_there)
            {
                return (index + 1, layers);
            }
        }
        (0, &[])
    }
}
