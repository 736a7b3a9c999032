//! Which memory files the next snapshot of a machine may name: those that it was restored from, and its own. What comes
//! from the process of a machine is checked by this, for that process may have been taken over by its guest, and a
//! snapshot that named another machine's memory would hand it out.

use super::map::{MemoryFile, MemoryMap};
use super::state::MachineState;
use crate::kvm::memory::MemorySize;

/// See the module. A machine that was booted has none.
#[derive(Debug, Clone, Default)]
pub(in crate::kvm) struct Ancestry {
    files: Vec<MemoryFile>,
}

impl Ancestry {
    /// Of a machine that goes on from this memory.
    pub(super) fn of(map: &MemoryMap) -> Self {
        Self { files: map.files.clone() }
    }

    /// What is wrong with a state that claims to be the snapshot `name` of this machine.
    pub(super) fn fault(
        &self,
        state: &MachineState,
        name: &str,
        size: MemorySize,
    ) -> Option<&'static str> {
        match state.fault() {
            Err(fault) => return Some(fault),
            Ok(other) if other != size => return Some("it has another size than its machine"),
            Ok(_) => {}
        }
        let known = |file: &MemoryFile| file.snapshot == name || self.files.contains(file);
        let foreign = !state.memory.files.iter().all(known);
        foreign.then_some("it names memory of another machine")
    }
}
