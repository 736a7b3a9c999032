//! Installing a filter of system calls without giving up set-user programs, which every library's way does.

use std::io;

/// One instruction of a filter, as the kernel takes it (`struct sock_filter` of `linux/filter.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct FilterInstruction {
    /// What to do.
    pub(crate) code: u16,
    /// How many instructions to skip if a comparison holds.
    pub(crate) jump_if_true: u8,
    /// How many if it doesn't.
    pub(crate) jump_if_false: u8,
    /// Operand.
    pub(crate) value: u32,
}

/// `struct sock_fprog` of `linux/filter.h`.
#[repr(C)]
struct FilterProgram {
    length: u16,
    instructions: *const FilterInstruction,
}

/// Filters the calls of this process from now on, and those of all processes it will start. Needs power over this
/// process's user namespace (`CAP_SYS_ADMIN`), which makes `no_new_privs` unnecessary (seccomp(2)).
pub(crate) fn install_filter(instructions: &[FilterInstruction]) -> io::Result<()> {
    let length = u16::try_from(instructions.len())
        .map_err(|_| io::Error::other("the filter is too long"))?;
    let program = FilterProgram { length, instructions: instructions.as_ptr() };
    // SAFETY: the kernel reads one FilterProgram and `length` instructions behind its pointer, during the call only;
    // both have the layout of its headers (repr(C)) and live until it returns.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            std::ptr::from_ref(&program),
        )
    };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
