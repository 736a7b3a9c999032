//! What the threads of a machine may still ask of the host's kernel once the guest runs: a list for each kind of thread.
//!
//! A guest that takes over such a thread by a fault of a device finds no way to open a file, start a program or reach a
//! network: whatever a device works with was opened before. Threads share one memory, so each list is a wall against
//! what its own thread is made to do; against one that makes another thread do it there is one more around all threads of
//! a machine's process (`process`), in which nothing else is.
//!
//! Knows call numbers; nothing of guests.

use crate::call_rules::CallRules;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpOp, SeccompFilter, TargetArch, apply_filter,
};
use std::io;
use std::sync::{Arc, OnceLock};

/// What a thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Any thread of a machine's process. What none of them needs ends the process: no accident asks for that.
    Anybody,
    /// Makes the machine and its threads.
    Maker,
    /// Pauses it, keeps it, lets it run on.
    Steering,
    /// Runs a processor of the guest.
    Processor,
    /// Works for a device.
    Device,
}

impl Role {
    /// Each of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Anybody, Self::Maker, Self::Steering, Self::Processor, Self::Device];
}

/// What any thread of this program needs: memory, locks, clocks, signals, its own end.
const EVERYBODY: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    // The same by another C library, and what that does when it begins its second thread.
    libc::SYS_tkill,
    libc::SYS_membarrier,
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_getrandom,
    // Events, and what an output is written to.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
];

/// What devices do with the files and sockets they were given.
const DEVICES: &[libc::c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fallocate,
    libc::SYS_ftruncate,
    libc::SYS_fcntl,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
];

/// What makes threads, and what the kernel tells them by; and what confines them further.
const MAKING: &[libc::c_long] =
    &[libc::SYS_clone, libc::SYS_clone3, libc::SYS_eventfd2, libc::SYS_seccomp];

/// What libraries try by themselves and do without: refused, and no reason to end anybody.
const TRIED: &[libc::c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    libc::SYS_openat,
    libc::SYS_readlinkat,
    libc::SYS_newfstatat,
];

/// Of `prctl`: naming a thread, naming its memory, giving up new privileges.
const OF_THREADS: [u64; 3] =
    [libc::PR_SET_NAME as u64, libc::PR_SET_VMA as u64, libc::PR_SET_NO_NEW_PRIVS as u64];

/// The byte of a control call's number that says that it is KVM's, and its value.
const OWNER: u64 = 0xff00;
const KVM: u64 = 0xae00;

/// `KVM_RUN` and `KVM_KVMCLOCK_CTRL` of `linux/kvm.h`: all that a processor's thread asks of KVM.
const RUNNING: [u64; 2] = [0xae80, 0xaead];

/// `FIONREAD` and `FIONBIO`: how much a socket holds, and that it doesn't wait.
const SOCKETS: [u64; 2] = [0x541b, 0x5421];

/// A list, ready for a thread.
#[derive(Debug, Clone)]
pub(crate) struct Confinement(Arc<BpfProgram>);

impl Confinement {
    /// Made once for each role, for it takes longer than a thread does to begin.
    ///
    /// # Errors
    /// When filters can't be made for this architecture.
    pub(crate) fn of(role: Role) -> io::Result<Self> {
        static MADE: [OnceLock<Result<Confinement, String>>; 5] = [const { OnceLock::new() }; 5];
        let [anybody, maker, steering, processor, device] = &MADE;
        let made = match role {
            Role::Anybody => anybody,
            Role::Maker => maker,
            Role::Steering => steering,
            Role::Processor => processor,
            Role::Device => device,
        };
        let make = || compile(role).map(Arc::new).map(Self).map_err(|error| error.to_string());
        made.get_or_init(make).clone().map_err(io::Error::other)
    }

    /// Confines the calling thread for good. What isn't in its list is refused as not permitted.
    ///
    /// # Errors
    /// When the kernel has no such filters: the thread must not go on then.
    pub(crate) fn enter(&self) -> io::Result<()> {
        apply_filter(&self.0).map_err(io::Error::other)
    }
}

fn compile(role: Role) -> Result<BpfProgram, BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let refused = match role {
        Role::Anybody => SeccompAction::KillProcess,
        Role::Maker | Role::Steering | Role::Processor | Role::Device => {
            SeccompAction::Errno(libc::EPERM.unsigned_abs())
        }
    };
    SeccompFilter::new(rules(role)?.into_map(), refused, SeccompAction::Allow, architecture)?
        .try_into()
}

fn rules(role: Role) -> Result<CallRules, BackendError> {
    let more: &[&[libc::c_long]] = match role {
        Role::Anybody => &[DEVICES, MAKING, TRIED],
        Role::Maker => &[DEVICES, MAKING],
        Role::Steering | Role::Device => &[DEVICES],
        Role::Processor => &[],
    };
    let calls = EVERYBODY.iter().chain(more.iter().copied().flatten());
    let mut rules = CallRules::whatever_arguments(calls);
    for option in OF_THREADS {
        rules.where_argument(libc::SYS_prctl, 0, SeccompCmpOp::Eq, option)?;
    }
    let controls: &[u64] = if role == Role::Processor { &RUNNING } else { &SOCKETS };
    for control in controls {
        rules.where_argument(libc::SYS_ioctl, 1, SeccompCmpOp::Eq, *control)?;
    }
    if matches!(role, Role::Anybody | Role::Maker | Role::Steering) {
        rules.where_argument(libc::SYS_ioctl, 1, SeccompCmpOp::MaskedEq(OWNER), KVM)?;
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{ErrorKind, Write};
    use std::net::TcpListener;
    use std::os::unix::fs::FileExt;
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    /// What a thread is told when it tries, after it was confined.
    fn tried<T: Send + 'static>(
        role: Role,
        what: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, ErrorKind> {
        let thread = std::thread::spawn(move || {
            Confinement::of(role).unwrap().enter().unwrap();
            what().map_err(|error| error.kind())
        });
        thread.join().unwrap()
    }

    #[test]
    fn confined_threads_open_nothing_start_nothing_and_reach_nobody() {
        let refused = ErrorKind::PermissionDenied;
        for role in [Role::Processor, Role::Device] {
            assert_eq!(tried(role, || File::open("/dev/null").map(drop)), Err(refused));
            assert_eq!(tried(role, || File::create("/tmp/never").map(drop)), Err(refused));
            assert_eq!(tried(role, || Command::new("true").status().map(drop)), Err(refused));
            assert_eq!(tried(role, || TcpListener::bind("127.0.0.1:0").map(drop)), Err(refused));
            assert_eq!(tried(role, || UnixStream::connect("/run/none").map(drop)), Err(refused));
            assert_eq!(tried(role, || std::fs::remove_file("/tmp/never")), Err(refused));
            assert_eq!(tried(role, || std::fs::read_dir("/proc").map(drop)), Err(refused));
        }
    }

    #[test]
    fn they_work_with_what_they_were_given_and_this_thread_stays_free() {
        let file = tempfile::tempfile().unwrap();
        let (mut socket, other) = UnixStream::pair().unwrap();
        let done = tried(Role::Device, move || {
            file.write_all_at(&[7; 4096], 4096)?;
            let mut bytes = vec![0; 1 << 20];
            let read = file.read_at(&mut bytes, 4096)?;
            socket.write_all(&bytes[..1])?;
            file.sync_data()?;
            Ok(read)
        });
        assert_eq!(done, Ok(4096));
        drop(other);
        File::open("/dev/null").unwrap();
    }
}
