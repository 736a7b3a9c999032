//! A plan cut into stretches: the pieces of a runner between the points where it may have to wait or divide.
//!
//! A stretch runs from the start of a Layerfile, a WAIT, a BUTTON or a SPLIT to the next of them or the end. What
//! stands before a SPLIT is one stretch for all copies, so it runs once; a Layerfile that a child starts FROM ends in
//! one stretch, so the parent runs once. Knows nothing of time, threads, machines or caches.

use layerc_planner::plan::{LayerfileId, Node, Plan, Step};
use std::sync::Arc;

/// Most stretches one run may have. A split of 10,000 copies is far beyond what one machine can serve; without a
/// limit a small plan could ask for 2³² of them.
pub const MOST_STRETCHES: usize = 100_000;

/// Index into [`StretchGraph::stretches`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StretchId(pub u32);

impl StretchId {
    /// As an index of a list.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which of the copies of a Layerfile's path a stretch stands for: `first`, and `count - 1` more behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CopyRange {
    /// The first copy, counted from 0.
    pub first: u32,
    /// How many, at least 1.
    pub count: u32,
}

impl CopyRange {
    /// Whether `copy` is one of them.
    pub const fn contains(self, copy: u32) -> bool {
        self.first <= copy && copy - self.first < self.count
    }
}

/// What a stretch's machine starts as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// A base image, by name.
    Base(String),
    /// The state at the end of another stretch, of the same Layerfile or of its parent.
    After(StretchId),
}

/// The copy of a SPLIT that a stretch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ForkChoice {
    /// Which copy, from 0.
    pub index: u32,
    /// Of how many.
    pub copies: u32,
    /// Whether it knows its index.
    pub ordered: bool,
}

/// A step of a stretch, shared by all copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StretchStep {
    /// Which node of the plan it is.
    pub node: u32,
    /// One-based, within its Layerfile.
    pub number: u32,
    /// What it says.
    pub step: Arc<Step>,
}

/// A piece of a runner that runs without waiting for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Its own id.
    pub id: StretchId,
    /// Whose path it is a piece of.
    pub layerfile: LayerfileId,
    /// The copies it stands for.
    pub copies: CopyRange,
    /// What it starts as.
    pub start: Start,
    /// Set when it begins with a SPLIT.
    pub fork: Option<ForkChoice>,
    /// Layerfiles that must have ended well first.
    pub waits_for: Vec<LayerfileId>,
    /// What a person must agree to first.
    pub gate: Option<String>,
    /// Its steps, in order; may be empty.
    pub steps: Vec<StretchStep>,
    /// Whether the Layerfile ends with it.
    pub is_last: bool,
}

/// All stretches of a plan. A stretch comes after the one it starts from.
#[derive(Debug, Clone, Default)]
pub struct StretchGraph {
    /// In order of their ids.
    pub stretches: Vec<Stretch>,
    /// For every Layerfile, the stretches it ends with, one per copy.
    pub ends: Vec<Vec<StretchId>>,
}

/// Why a plan can't be cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StretchError {
    /// See [`MOST_STRETCHES`].
    #[error("the plan splits into more than {MOST_STRETCHES} pieces")]
    TooMany,
    /// Two Layerfiles name each other, or a child starts from copies.
    #[error("`{0}` can't be ordered behind what it starts from; the plan is damaged")]
    Disordered(String),
}

impl StretchGraph {
    /// Cuts a plan.
    ///
    /// # Errors
    /// When the plan is too large or inconsistent.
    pub fn new(plan: &Plan) -> Result<Self, StretchError> {
        let mut graph =
            Self { stretches: Vec::new(), ends: vec![Vec::new(); plan.layerfiles.len()] };
        for layerfile in parents_first(plan)? {
            graph.cut(plan, layerfile)?;
        }
        Ok(graph)
    }

    /// The stretch of an id.
    pub fn get(&self, id: StretchId) -> Option<&Stretch> {
        self.stretches.get(id.index())
    }

    /// The stretches a Layerfile ends with.
    pub fn ends_of(&self, layerfile: LayerfileId) -> &[StretchId] {
        self.ends.get(layerfile.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The stretches that start from the state of `id`.
    pub fn successors(&self, id: StretchId) -> impl Iterator<Item = &Stretch> {
        self.stretches.iter().filter(move |stretch| stretch.start == Start::After(id))
    }

    /// Whether others than the same runner start from the end of a stretch, or a person is waited for there.
    pub fn is_branch(&self, id: StretchId) -> bool {
        let goes_on = |next: &Stretch| next.gate.is_none() && next.fork.is_none();
        let layerfile = self.get(id).map(|stretch| stretch.layerfile);
        let mut successors = self.successors(id);
        successors.any(|next| Some(next.layerfile) != layerfile || !goes_on(next))
    }

    fn cut(&mut self, plan: &Plan, layerfile: LayerfileId) -> Result<(), StretchError> {
        let Some(file) = plan.layerfile(layerfile) else { return Ok(()) };
        let start = match file.parent {
            Some(parent) => Start::After(self.only_end(parent, plan, layerfile)?),
            None => Start::Base(base_image(plan, layerfile)),
        };
        let total = fork_product(plan, layerfile)?;
        let mut open = vec![Stretch {
            id: StretchId(0),
            layerfile,
            copies: CopyRange { first: 0, count: total },
            start,
            fork: None,
            waits_for: Vec::new(),
            gate: None,
            steps: Vec::new(),
            is_last: false,
        }];
        let mut number = 0;
        for (index, node) in plan.path(layerfile) {
            match node {
                Node::Base { .. } | Node::End { .. } => {}
                Node::Step(step) => {
                    number += 1;
                    let node = u32::try_from(index.index()).map_err(|_| StretchError::TooMany)?;
                    let step = StretchStep { node, number, step: Arc::new(step.clone()) };
                    open.iter_mut().for_each(|stretch| stretch.steps.push(step.clone()));
                }
                Node::Join { targets, .. } => {
                    open = self.continued(open)?;
                    open.iter_mut().for_each(|stretch| stretch.waits_for.clone_from(targets));
                }
                Node::Gate { message, .. } => {
                    open = self.continued(open)?;
                    open.iter_mut().for_each(|stretch| stretch.gate = Some(message.clone()));
                }
                Node::Fork { copies, ordered, .. } => {
                    open = self.forked(open, *copies, *ordered)?;
                }
            }
        }
        self.close(open, layerfile)
    }

    fn only_end(
        &self,
        parent: LayerfileId,
        plan: &Plan,
        child: LayerfileId,
    ) -> Result<StretchId, StretchError> {
        match self.ends_of(parent) {
            [end] => Ok(*end),
            _ => Err(StretchError::Disordered(name_of(plan, child))),
        }
    }

    fn push(&mut self, mut stretch: Stretch) -> Result<Stretch, StretchError> {
        if self.stretches.len() >= MOST_STRETCHES {
            return Err(StretchError::TooMany);
        }
        stretch.id =
            StretchId(u32::try_from(self.stretches.len()).map_err(|_| StretchError::TooMany)?);
        self.stretches.push(stretch.clone());
        Ok(stretch)
    }

    /// Ends each open stretch and begins one behind it.
    fn continued(&mut self, open: Vec<Stretch>) -> Result<Vec<Stretch>, StretchError> {
        open.into_iter()
            .map(|stretch| self.push(stretch).map(|done| successor(&done, done.copies, None)))
            .collect()
    }

    /// Ends each open stretch and begins `copies` behind it.
    fn forked(
        &mut self,
        open: Vec<Stretch>,
        copies: u32,
        ordered: bool,
    ) -> Result<Vec<Stretch>, StretchError> {
        let mut next = Vec::new();
        for stretch in open {
            let done = self.push(stretch)?;
            let count = done.copies.count / copies.max(1);
            for index in 0..copies {
                let range = CopyRange { first: done.copies.first + index * count, count };
                next.push(successor(&done, range, Some(ForkChoice { index, copies, ordered })));
            }
        }
        Ok(next)
    }

    fn close(&mut self, open: Vec<Stretch>, layerfile: LayerfileId) -> Result<(), StretchError> {
        for mut stretch in open {
            stretch.is_last = true;
            let id = self.push(stretch)?.id;
            if let Some(ends) = self.ends.get_mut(layerfile.0 as usize) {
                ends.push(id);
            }
        }
        Ok(())
    }
}

fn successor(done: &Stretch, copies: CopyRange, fork: Option<ForkChoice>) -> Stretch {
    Stretch {
        id: done.id,
        layerfile: done.layerfile,
        copies,
        start: Start::After(done.id),
        fork,
        waits_for: Vec::new(),
        gate: None,
        steps: Vec::new(),
        is_last: false,
    }
}

fn name_of(plan: &Plan, layerfile: LayerfileId) -> String {
    plan.layerfile(layerfile).map(|file| file.path.to_string()).unwrap_or_default()
}

fn base_image(plan: &Plan, layerfile: LayerfileId) -> String {
    let image = plan.path(layerfile).find_map(|(_, node)| match node {
        Node::Base { image } => Some(image.clone()),
        _ => None,
    });
    image.unwrap_or_default()
}

/// How many copies reach the end of a path.
fn fork_product(plan: &Plan, layerfile: LayerfileId) -> Result<u32, StretchError> {
    let mut product: u32 = 1;
    for (_, node) in plan.path(layerfile) {
        if let Node::Fork { copies, .. } = node {
            product = product.checked_mul((*copies).max(1)).ok_or(StretchError::TooMany)?;
        }
    }
    if product as usize > MOST_STRETCHES { Err(StretchError::TooMany) } else { Ok(product) }
}

fn parents_first(plan: &Plan) -> Result<Vec<LayerfileId>, StretchError> {
    let mut placed = vec![false; plan.layerfiles.len()];
    let mut order = Vec::new();
    for (index, _) in plan.layerfiles.iter().enumerate() {
        let mut chain = Vec::new();
        let mut next = Some(index);
        while let Some(current) =
            next.filter(|&current| !placed.get(current).copied().unwrap_or(true))
        {
            if chain.len() > plan.layerfiles.len() {
                return Err(StretchError::Disordered(name_of(plan, layerfile_id(index))));
            }
            chain.push(current);
            next =
                plan.layerfiles.get(current).and_then(|file| file.parent).map(|id| id.0 as usize);
        }
        for current in chain.into_iter().rev() {
            if let Some(flag) = placed.get_mut(current) {
                *flag = true;
            }
            order.push(layerfile_id(current));
        }
    }
    Ok(order)
}

fn layerfile_id(index: usize) -> LayerfileId {
    LayerfileId(u32::try_from(index).unwrap_or(u32::MAX))
}
