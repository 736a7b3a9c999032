//! Which memory files the next snapshot of a machine may name: those that it was restored from, and its own. What comes
//! from the process of a machine is checked by this, for that process may have been taken over by its guest, and a
//! snapshot that named another machine's memory would hand it out.

use super::map::{Contents, MemoryFile, MemoryMap};
use super::state::MachineState;
use crate::kvm::Secrecy;
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
        secrecy: &Secrecy,
    ) -> Option<&'static str> {
        match state.fault() {
            Err(fault) => return Some(fault),
            Ok(other) if other != size => return Some("it has another size than its machine"),
            Ok(_) => {}
        }
        self.map_fault(&state.memory, name, secrecy)
    }

    fn map_fault(&self, map: &MemoryMap, name: &str, secrecy: &Secrecy) -> Option<&'static str> {
        let known = |file: &MemoryFile| file.snapshot == name || self.files.contains(file);
        if !map.files.iter().all(known) {
            return Some("it names memory of another machine");
        }
        let is_right = |file: &MemoryFile| {
            matches!(
                (file.contents, secrecy),
                (Contents::Open(_), Secrecy::Open) | (Contents::Sealed(_), Secrecy::Sealed(_))
            )
        };
        let own = map.files.iter().find(|file| file.snapshot == name);
        let wrong = own.is_some_and(|file| !is_right(file));
        wrong.then_some("its memory was not written as it was told to be")
    }
}

#[cfg(test)]
mod tests {
    use super::super::stamp::Stamp;
    use super::*;

    fn map(files: &[(&str, u64)]) -> MemoryMap {
        let file = |(name, pages): &(&str, u64)| MemoryFile {
            snapshot: (*name).to_owned(),
            pages: *pages,
            contents: Contents::Open(0),
            stamp: Stamp::default(),
        };
        MemoryMap { files: files.iter().map(file).collect(), extents: Vec::new() }
    }

    #[test]
    fn a_machine_names_its_own_memory_and_that_of_its_ancestors() {
        let ancestry = Ancestry::of(&map(&[("booted", 10), ("one", 2)]));
        for own in [&[("two", 1), ("booted", 10)][..], &[("two", 1)], &[("one", 2)]] {
            assert_eq!(ancestry.map_fault(&map(own), "two", &Secrecy::Open), None);
        }
        // Another's, and an ancestor's that is said to be something else.
        for foreign in [("other", 1), ("booted", 11)] {
            let fault = ancestry.map_fault(&map(&[("two", 1), foreign]), "two", &Secrecy::Open);
            assert_eq!(fault, Some("it names memory of another machine"));
        }
    }
}
