//! Processes: fork without exec, namespaces of the calling process, news of ended children.

use super::place_descriptor;
use rustix::process::Pid;
use rustix::thread::UnshareFlags;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Proof that the process has one thread. A process with one may fork and go on to run any code, and may change its
/// own namespaces: there is no other thread that could hold a lock or be left behind.
#[derive(Debug)]
pub(crate) struct SingleThreaded {
    /// Not `Send`: the proof stays on the thread it is about.
    not_send: PhantomData<*const ()>,
}

impl SingleThreaded {
    /// Counts the threads of this process.
    ///
    /// # Errors
    /// When there are several, or `/proc` can't be read.
    pub(crate) fn prove() -> io::Result<Self> {
        match std::fs::read_dir("/proc/self/task")?.count() {
            1 => Ok(Self { not_send: PhantomData }),
            several => Err(io::Error::other(format!("expected one thread, found {several}"))),
        }
    }
}

/// Which side of a fork this is.
#[derive(Debug)]
pub(crate) enum Fork {
    /// The new process. It still has one thread.
    Child,
    /// The process that asked.
    Parent(Pid),
}

/// Makes a copy of this process.
pub(crate) fn fork(_proof: &SingleThreaded) -> io::Result<Fork> {
    // SAFETY: fork has no requirement of its own; what the child may do after it is restricted only in processes
    // with several threads, and `SingleThreaded` proves that this has one.
    let answer = unsafe { libc::fork() };
    match answer {
        0 => Ok(Fork::Child),
        child => Pid::from_raw(child)
            .filter(|_| child > 0)
            .map(Fork::Parent)
            .ok_or_else(io::Error::last_os_error),
    }
}

/// Moves this process into new namespaces.
pub(crate) fn unshare(_proof: &SingleThreaded, namespaces: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: unsharing is dangerous where threads rely on sharing file descriptors or a working directory;
    // `SingleThreaded` proves that there is no other thread.
    unsafe { rustix::thread::unshare_unsafe(namespaces) }
}

/// Closes every file descriptor from `first` on. Only for a process that is about to `exec` or has just been forked
/// to do so: values that own such descriptors must not be used any more.
pub(crate) fn close_descriptors_from(first: u32) {
    // SAFETY: close_range takes plain integers. With CLOEXEC nothing is closed before exec, so no owner is invalidated.
    let answer =
        unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    debug_assert!(answer == 0, "close_range exists since Linux 5.11");
}

/// Closes every file descriptor from `first` on, now. Only for the first moment of a program, before it has opened
/// anything: what is open then came through `exec`.
pub(crate) fn close_inherited_descriptors_from(first: u32) {
    // SAFETY: close_range takes plain integers. No value of this program owns a descriptor yet.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    debug_assert!(answer == 0, "close_range exists since Linux 5.9");
}

/// Closes every file descriptor but standard input, output and error, where nothing is read or written any more, and
/// `kept`, which becomes the only other. Only for a process that was just forked and does nothing but its one task
/// until it leaves: values that own other descriptors must not be used or dropped any more.
pub(crate) fn keep_one_descriptor(proof: &SingleThreaded, kept: OwnedFd) -> io::Result<OwnedFd> {
    let nothing = std::fs::File::open("/dev/null")?;
    for number in 0..FIRST_KEPT {
        place_descriptor(nothing.as_fd(), number)?;
    }
    std::mem::forget(nothing);
    let [kept] = keep_descriptors(proof, [kept])?;
    Ok(kept)
}

/// Where descriptors are that are kept: behind standard input, output and error.
const FIRST_KEPT: RawFd = 3;

/// Closes every file descriptor but standard input, output and error, and `kept`, which become the only others. Under the
/// same conditions as [`keep_one_descriptor`].
pub(crate) fn keep_descriptors<const COUNT: usize>(
    _proof: &SingleThreaded,
    kept: [OwnedFd; COUNT],
) -> io::Result<[OwnedFd; COUNT]> {
    let behind = RawFd::try_from(COUNT).map_or(RawFd::MAX, |count| FIRST_KEPT + count);
    // Out of each other's way first.
    let mut aside = Vec::new();
    for descriptor in &kept {
        aside.push(rustix::io::fcntl_dupfd_cloexec(descriptor, behind)?);
    }
    for (number, descriptor) in (FIRST_KEPT..).zip(&aside) {
        place_descriptor(descriptor.as_fd(), number)?;
    }
    std::mem::forget((kept, aside));
    // SAFETY: close_range takes plain integers. The owners of what it closes are never used again, which is what this
    // function asks of its caller; those of this function were forgotten above.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, behind, u32::MAX, 0) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut number = FIRST_KEPT - 1;
    Ok([(); COUNT].map(|()| {
        number += 1;
        // SAFETY: the descriptors at these numbers are copies of `kept`, made above, and nothing else owns them.
        unsafe { OwnedFd::from_raw_fd(number) }
    }))
}

/// Ends this process at once: no destructors, no output flushed. For forked children that are not to `exec`.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: _exit takes an integer and does not return.
    unsafe { libc::_exit(code) }
}

/// A file descriptor that becomes readable when a child ends.
#[derive(Debug)]
pub(crate) struct ChildSignals {
    descriptor: OwnedFd,
}

impl ChildSignals {
    /// Holds back SIGCHLD from now on and reports it through the descriptor.
    pub(crate) fn hold() -> io::Result<Self> {
        // SAFETY: sigset_t is plain data; sigemptyset initialises it before use.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a live sigset_t.
        unsafe { libc::sigemptyset(&raw mut set) };
        // SAFETY: the pointer is to an initialised sigset_t, and SIGCHLD is a signal.
        unsafe { libc::sigaddset(&raw mut set, libc::SIGCHLD) };
        // SAFETY: the set is initialised; the old mask is not asked for, which a null pointer says.
        if unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) } != 0
        {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: -1 asks for a new descriptor; the set is initialised.
        let raw =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: signalfd just gave this descriptor to us and nobody else has it.
        Ok(Self { descriptor: unsafe { OwnedFd::from_raw_fd(raw) } })
    }

    /// Forgets the signals that came, so that the descriptor waits for the next.
    pub(crate) fn clear(&self) {
        let mut buffer = [0_u8; 1024];
        while rustix::io::read(&self.descriptor, &mut buffer).is_ok_and(|count| count > 0) {}
    }
}

impl AsFd for ChildSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
