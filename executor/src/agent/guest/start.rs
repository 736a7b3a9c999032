//! From the kernel's first program to a machine that listens.

use super::super::failure::{Doing, Failure};
use super::{AGENT_PORT, IMAGE_INIT_WORD, NO_DISK_WORD, modules, ports, root, serve};
use crate::sys::{
    ChildSignals, Fork, SingleThreaded, bring_loopback_up, fork, leave, listen_at_vsock,
};
use rustix::net::{AddressFamily, SocketType, socket};
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// What the kernel starts this program as.
const FIRST_PROGRAM: &str = "/init";

/// The image's own first program.
const IMAGE_INIT: &str = "/sbin/init";

/// Whether this process is the first one of a kernel.
pub(crate) fn is_first_program() -> bool {
    std::process::id() == 1 && std::env::args_os().next().is_some_and(|name| name == FIRST_PROGRAM)
}

/// Becomes the agent of this machine. Returns only when it can't be.
pub(crate) fn run_first() -> ExitCode {
    let Err(failure) = live();
    // The kernel's log is the only place where anybody looks; then the kernel ends the machine, since process 1 ended.
    let _unheard = fs::write("/dev/kmsg", format!("layerc: the agent ended: {failure:?}\n"));
    ExitCode::FAILURE
}

/// What never comes: a machine lives until it is ended.
enum Never {}

fn live() -> Result<Never, Failure> {
    root::mount_kernel_interfaces()?;
    let words = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let says = |word: &str| words.split_ascii_whitespace().any(|other| other == word);
    modules::load()?;
    if !says(NO_DISK_WORD) {
        root::switch_to_disk()?;
    }
    root::furnish()?;
    let proof = SingleThreaded::prove().doing(|| "count threads".to_owned())?;
    if says(IMAGE_INIT_WORD) {
        become_companion(&proof)?;
    }
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None);
    let socket = socket.doing(|| "make a socket".to_owned())?;
    bring_loopback_up(socket.as_fd()).doing(|| "bring up the loopback interface".to_owned())?;
    let signals = ChildSignals::hold().doing(|| "watch children".to_owned())?;
    ports::start(&proof)?;
    let listener = listen_at_vsock(AGENT_PORT).doing(|| "listen for the executor".to_owned())?;
    serve::serve(&proof, &listener, signals)?;
    end()
}

/// Leaves process 1 to the image's own program and goes on as its child. What commands leave is still reaped here.
fn become_companion(proof: &SingleThreaded) -> Result<(), Failure> {
    match fork(proof).doing(|| "make a process".to_owned())? {
        Fork::Parent(_) => {
            let error = Command::new(IMAGE_INIT).env_clear().exec();
            let text = format!("layerc: cannot start {IMAGE_INIT}: {error}\n");
            let _unheard = fs::write("/dev/kmsg", text);
            leave(1)
        }
        Fork::Child => {
            rustix::process::setsid().doing(|| "start a session".to_owned())?;
            rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
                .doing(|| "take orphans in".to_owned())
        }
    }
}

/// Ends the machine. Everything is on disk by now.
fn end() -> Result<Never, Failure> {
    rustix::fs::sync();
    rustix::system::reboot(rustix::system::RebootCommand::Restart)
        .doing(|| "end the machine".to_owned())?;
    loop {
        std::thread::park();
    }
}
