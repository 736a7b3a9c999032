//! What a machine needs of the host besides its own files: KVM, and what the kernel tells of this process's pages. Opened
//! once, for a process that has given up opening files can't.

use super::error::MachineError;
use crate::sys::virtual_machine::hypervisor_of;
use kvm_ioctls::Kvm;
use rustix::fs::{Mode, OFlags, openat};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

/// KVM.
const KVM: &str = "/dev/kvm";

/// What the kernel says of each page of this process: 8 bytes a page (proc(5)).
const PAGE_FACTS: &str = "self/pagemap";

/// See the module.
#[derive(Debug)]
pub(crate) struct Hypervisor {
    /// KVM.
    pub(crate) kvm: Kvm,
    /// Only a short cut for snapshots: absent where the host doesn't let it be read.
    pub(crate) page_facts: Option<File>,
}

impl Hypervisor {
    /// Opens both.
    ///
    /// # Errors
    /// When there is no KVM for this user.
    pub(crate) fn open() -> Result<Self, MachineError> {
        Ok(Self::of(open()?, own_page_facts()))
    }

    /// KVM as somebody else opened it.
    pub(crate) fn of(kvm: OwnedFd, page_facts: Option<File>) -> Self {
        Self { kvm: hypervisor_of(kvm), page_facts }
    }
}

/// KVM, for somebody who can't open it.
///
/// # Errors
/// When there is none for this user.
pub(crate) fn open() -> Result<OwnedFd, MachineError> {
    let opened = File::options().read(true).write(true).open(KVM);
    opened.map(OwnedFd::from).map_err(MachineError::system("open /dev/kvm"))
}

fn own_page_facts() -> Option<File> {
    let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    page_facts(rustix::fs::open("/proc", directory, Mode::empty()).ok()?)
}

/// What the kernel tells of this process's pages, by its directory of processes.
pub(crate) fn page_facts(processes: impl AsFd) -> Option<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    openat(processes, PAGE_FACTS, flags, Mode::empty()).ok().map(File::from)
}
