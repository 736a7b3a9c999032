//! Which system calls steps are refused: those that reach parts of the kernel that no namespace encloses.
//!
//! A list of what is refused, not of what is allowed: steps are whole systems (package managers, databases, compilers,
//! containers) and new calls appear every year. Everything refused here needs power over the host that a machine's
//! root has not got anyway; refusing it before the kernel looks keeps rarely walked code out of reach. What namespaces
//! do enclose (mounts, users, processes, network) stays allowed.
//!
//! Knows call numbers and seccomp (`Documentation/userspace-api/seccomp_filter.rst` of the kernel), nothing of machines.

use crate::call_rules::CallRules;
use crate::sys::{FilterInstruction, install_filter};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpOp, SeccompFilter, TargetArch,
};
use std::io;

/// Refused whatever their arguments.
const REFUSED: &[libc::c_long] = &[
    // Code and programs in the kernel.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_bpf,
    // The whole machine.
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_nfsservctl,
    // Key rings belong to numbers of users, which the host's users may have too.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // A file by its handle, past every directory that hides it.
    libc::SYS_open_by_handle_at,
    // Watching the kernel, and stopping it at page faults.
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_kcmp,
    libc::SYS_lookup_dcookie,
    // Does other calls' work without passing a filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// The same for calls of this architecture only.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] =
    &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_uselib, libc::SYS_ustat, libc::SYS_sysfs];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// Refused with this value as this argument (counted from 0).
const REFUSED_WITH: &[(libc::c_long, u8, u64)] = &[
    // The hypervisor's sockets have no namespace: a step could talk to the host of the host.
    (libc::SYS_socket, 0, libc::AF_VSOCK as u64),
    // Typing into somebody's terminal, and the console's own way of it.
    (libc::SYS_ioctl, 1, libc::TIOCSTI),
    (libc::SYS_ioctl, 1, libc::TIOCLINUX),
];

/// Refused with any of these bits in this argument.
///
/// A namespace of control groups shows what hierarchies have below the group that a process is in, which for hierarchies
/// that nobody uses is everything; and it lets its owner mount them. Their files belong to the host's root, which root in
/// a machine of the host's root is by number: it could freeze and end processes of the host.
const REFUSED_WITH_BITS: &[(libc::c_long, u8, u64)] = &[
    (libc::SYS_unshare, 0, libc::CLONE_NEWCGROUP as u64),
    (libc::SYS_clone, 0, libc::CLONE_NEWCGROUP as u64),
];

/// Its arguments lie in memory, where a filter can't see them. Everybody falls back to the call before it.
const NOT_THERE: libc::c_long = libc::SYS_clone3;

/// On x86-64 every call has a second number, above this bit (the x32 interface); a list that forgets it can be walked
/// around.
const SECOND_NUMBERS: u32 = 0x4000_0000;

/// A filter, ready to be installed.
#[derive(Debug, Clone)]
pub(crate) struct CallFilter {
    instructions: Vec<FilterInstruction>,
}

impl CallFilter {
    /// Compiles the list.
    ///
    /// # Errors
    /// On architectures that the compiler of filters doesn't know.
    pub(crate) fn compile() -> Result<Self, BackendError> {
        let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
        let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let filter =
            SeccompFilter::new(rules()?.into_map(), SeccompAction::Allow, refused, architecture)?;
        let compiled: BpfProgram = filter.try_into()?;
        let compiled = compiled.iter().map(|instruction| FilterInstruction {
            code: instruction.code,
            jump_if_true: instruction.jt,
            jump_if_false: instruction.jf,
            value: instruction.k,
        });
        Ok(Self { instructions: deny_existence().into_iter().chain(compiled).collect() })
    }

    /// Installs it in this process, for good, and for everything that it will start.
    pub(crate) fn install(&self) -> io::Result<()> {
        install_filter(&self.instructions)
    }
}

fn rules() -> Result<CallRules, BackendError> {
    let mut rules = CallRules::whatever_arguments(REFUSED.iter().chain(REFUSED_HERE));
    let values = REFUSED_WITH.iter().map(|refused| (refused, SeccompCmpOp::Eq));
    let bits = REFUSED_WITH_BITS.iter().map(|refused| (refused, SeccompCmpOp::MaskedEq(refused.2)));
    for (&(call, argument, value), comparison) in values.chain(bits) {
        rules.where_argument(call, argument, comparison, value)?;
    }
    Ok(rules)
}

/// Load the number; if it is one of the second numbers, or that of the call that can't be looked into, answer that there
/// is no such call.
fn deny_existence() -> [FilterInstruction; 5] {
    let load_word = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let jump_if_at_least = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    let jump_if_equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let no_such_call = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();
    let instruction = |code, jump_if_false, value| FilterInstruction {
        code,
        jump_if_true: 0,
        jump_if_false,
        value,
    };
    [
        instruction(load_word, 0, 0),
        instruction(jump_if_at_least, 1, SECOND_NUMBERS),
        instruction(answer, 0, no_such_call),
        instruction(jump_if_equal, 1, NOT_THERE as u32),
        instruction(answer, 0, no_such_call),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_compiles_to_a_program_the_kernel_takes() {
        let filter = CallFilter::compile().unwrap();
        // BPF_MAXINSNS of the kernel.
        assert!((10..4096).contains(&filter.instructions.len()), "{filter:?}");
    }
}
