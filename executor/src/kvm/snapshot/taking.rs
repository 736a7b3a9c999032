//! A snapshot of a running machine is made. The guest stands still only while its state and the pages that it wrote
//! during the first pass are copied.

use super::changes;
use super::map::{MemoryFile, MemoryMap, page_ranges};
use super::pages::PageSet;
use super::sink::{Pace, Sink, Written};
use super::stamp::Stamp;
use super::state::{MachineState, SharedState};
use super::unfinished::Unfinished;
use crate::kvm::Secrecy;
use crate::kvm::error::MachineError;
use crate::kvm::layout::PAGE_BYTES;
use crate::kvm::machine::VirtualMachine;
use crate::kvm::vcpu;
use crate::sys::virtual_machine::DirtyLog;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs of written pages with fewer pages than this between them are written as one.
const LEAST_GAP_PAGES: u64 = 8;

/// Up to how many pages are copied before they are written, and left for when the guest stands still if they were written
/// during a pass: 32 MiB, which takes milliseconds.
const FEW_PAGES: u64 = 8192;

/// Most passes while the guest runs. A guest that writes faster than the disk takes it only makes the file longer.
const MOST_PASSES: usize = 4;

/// Where a machine's memory comes from, and what was written since.
#[derive(Debug, Default)]
pub(crate) struct Lineage {
    /// The last snapshot, if there is one: since then KVM keeps its log.
    pub(super) map: Option<MemoryMap>,
    /// Written since then, and gone from the log because a snapshot was begun.
    pub(super) owed: PageSet,
}

/// A snapshot whose first part is written.
#[derive(Debug)]
pub(in crate::kvm) struct Begun {
    sink: Sink,
    /// Written during the last pass, and not in the file yet.
    rest: PageSet,
    /// What it is a difference to.
    parent: MemoryMap,
}

/// A snapshot that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// How long the guest stood still.
    pub paused: Duration,
    /// Bytes of memory that were written to disk.
    pub memory_bytes: u64,
    /// Snapshots whose files it needs, itself included.
    pub files: usize,
}

impl VirtualMachine {
    /// Makes a snapshot: a new directory `name` in `directory`, where the snapshots are that this machine comes from.
    /// The machine runs on. Nothing is there, or all of it; that it is safely on the disk is the caller's business.
    ///
    /// # Errors
    /// When the machine has ended or the disk is full. The machine can go on, and be tried again.
    pub fn snapshot(&mut self, directory: &Path, name: &str) -> Result<Taken, MachineError> {
        let unfinished = Unfinished::begin(directory, name)?;
        let begun = self.begin_keeping(unfinished.memory_file()?, &Secrecy::Open)?;
        let (taken, state) = self.finish_keeping(begun, name)?;
        unfinished.finish(&state, &Secrecy::Open)?;
        self.goes_on_from(state);
        Ok(taken)
    }

    /// Writes what was written of its memory so far into a new file, encrypted or as it is, while the machine runs.
    ///
    /// # Errors
    /// As for [`Self::snapshot`].
    pub(in crate::kvm) fn begin_keeping(
        &mut self,
        memory: File,
        secrecy: &Secrecy,
    ) -> Result<Begun, MachineError> {
        let mut sink = Sink::new(memory, secrecy)?;
        let (parent, first) = self.first_pass()?;
        let mut before = first.count();
        sink.expect(before.min(FEW_PAGES));
        self.add(&mut sink, &first, pace_of(before))?;
        let mut rest = self.take_changes()?;
        for _ in 1..MOST_PASSES {
            let count = rest.count();
            if pace_of(count) == Pace::Hold {
                break;
            }
            self.add(&mut sink, &rest, Pace::Write)?;
            rest = self.take_changes()?;
            if count > before / 2 {
                break;
            }
            before = count;
        }
        sink.expect(rest.count());
        Ok(Begun { sink, rest, parent })
    }

    /// Adds what was written since, for which the machine stands still; the answer is everything else of the snapshot
    /// `name`.
    ///
    /// # Errors
    /// As for [`Self::snapshot`].
    pub(in crate::kvm) fn finish_keeping(
        &mut self,
        begun: Begun,
        name: &str,
    ) -> Result<(Taken, MachineState), MachineError> {
        let Begun { mut sink, rest, parent } = begun;
        let (standing, paused) = self.second_pass(&mut sink, rest)?;
        let written = sink.finish()?;
        let memory_bytes = written.pages * PAGE_BYTES;
        let memory = next_map(&parent, name, written)?;
        let taken = Taken { paused, memory_bytes, files: memory.files.len() };
        Ok((taken, MachineState { memory, ..standing }))
    }

    /// The snapshot is whole: the next one is a difference to it.
    pub(in crate::kvm) fn goes_on_from(&mut self, state: MachineState) {
        self.lineage = Lineage { map: Some(state.memory), owed: PageSet::default() };
    }

    /// What is to be written while the guest runs, and over what. From here on the log is kept.
    fn first_pass(&mut self) -> Result<(MemoryMap, PageSet), MachineError> {
        match self.lineage.map.clone() {
            Some(map) if !map.is_long() => {
                self.take_changes()?;
                Ok((map, self.lineage.owed.clone()))
            }
            long => {
                let log = MachineError::system("have KVM write down what is written");
                self.descriptor.set_dirty_log(DirtyLog::Kept).map_err(log)?;
                self.take_changes()?;
                let facts = self.hypervisor.page_facts.as_ref();
                let touched = || changes::touched(facts, &self.memory, self.size);
                let mut pages = long.map_or_else(touched, |map| map.pages());
                pages.add(&self.lineage.owed);
                Ok((MemoryMap::default(), pages))
            }
        }
    }

    /// Moves the log into what is owed, where it stays until a snapshot is complete; answers what came.
    fn take_changes(&mut self) -> Result<PageSet, MachineError> {
        let changes = changes::take(&self.descriptor, &self.memory)?;
        self.lineage.owed.add(&changes);
        Ok(changes)
    }

    fn add(&self, sink: &mut Sink, pages: &PageSet, pace: Pace) -> Result<(), MachineError> {
        page_ranges(self.size)
            .flat_map(|range| pages.joined_runs(range, LEAST_GAP_PAGES))
            .try_for_each(|run| sink.add(&self.memory, run, pace))
    }

    fn second_pass(
        &mut self,
        sink: &mut Sink,
        rest: PageSet,
    ) -> Result<(MachineState, Duration), MachineError> {
        let began = Instant::now();
        self.pause()?;
        let state = self.standing_state(sink, rest);
        self.resume();
        Ok((state?, began.elapsed()))
    }

    fn standing_state(
        &mut self,
        sink: &mut Sink,
        mut changes: PageSet,
    ) -> Result<MachineState, MachineError> {
        let save =
            |processor: &vcpu::Processor| vcpu::save(&self.hypervisor.kvm, &processor.descriptor());
        let processors = self.processors().iter().map(save).collect::<Result<_, _>>()?;
        // After the processors: saving their state may write to the guest's memory.
        changes.add(&self.take_changes()?);
        self.add(sink, &changes, Pace::Hold)?;
        Ok(MachineState {
            memory_bytes: self.size.bytes(),
            processors,
            shared: SharedState::save(&self.descriptor)?,
            console: self.console.state(),
            devices: self.devices.save(),
            memory: MemoryMap::default(),
        })
    }
}

/// Few pages are written once, at the end, though the guest writes to them again.
fn pace_of(pages: u64) -> Pace {
    if pages <= FEW_PAGES { Pace::Hold } else { Pace::Write }
}

fn next_map(parent: &MemoryMap, name: &str, written: Written) -> Result<MemoryMap, MachineError> {
    let metadata = written.file.metadata().map_err(MachineError::system("look at a snapshot"))?;
    let file = MemoryFile {
        snapshot: name.to_owned(),
        pages: written.pages,
        contents: written.contents,
        stamp: Stamp::of(&metadata),
    };
    Ok(parent.with(&written.seen, file, written.extents))
}
