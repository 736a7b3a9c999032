//! From the kernel's first program to a machine that listens.

use super::super::failure::{Doing, Failure};
use super::init::{self, First, Init};
use super::{AGENT_PORT, Later, NO_DISK_WORD, later, modules, ports, root, serve};
use crate::sys::{ChildSignals, SingleThreaded, bring_loopback_up, listen_at_vsock};
use rustix::net::{AddressFamily, SocketType, socket};
use std::fs;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

/// What the kernel starts this program as.
const FIRST_PROGRAM: &str = "/init";

/// How long systemd has to end the machine; its own patience with a service is a minute and a half.
const END_PATIENCE: Duration = Duration::from_secs(100);

/// Whether this process is the first one of a kernel.
pub(crate) fn is_first_program() -> bool {
    std::process::id() == 1 && std::env::args_os().next().is_some_and(|name| name == FIRST_PROGRAM)
}

/// Becomes the agent of this machine. Returns only when it can't be.
pub(crate) fn run_first() -> ExitCode {
    let Err(failure) = live();
    // The kernel's log is the only place where anybody looks; then the kernel ends the machine, since process 1 ended.
    init::say(&format!("the agent ended: {failure:?}"));
    ExitCode::FAILURE
}

/// What never comes: a machine lives until it is ended.
enum Never {}

fn live() -> Result<Never, Failure> {
    root::mount_kernel_interfaces()?;
    let words = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let says = |word: &str| words.split_ascii_whitespace().any(|other| other == word);
    modules::load()?;
    later::bring()?;
    if !says(NO_DISK_WORD) {
        root::switch_to_disk()?;
    }
    root::furnish()?;
    let proof = SingleThreaded::prove().doing(|| "count threads".to_owned())?;
    let first = First::of(Init::of(&words))?;
    let complaint = match first {
        First::Agent => None,
        First::Systemd => {
            later::load_usual();
            later::load(Later::Containers);
            init::become_companion(&proof)?;
            init::wait_until_up()
        }
    };
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None);
    let socket = socket.doing(|| "make a socket".to_owned())?;
    bring_loopback_up(socket.as_fd()).doing(|| "bring up the loopback interface".to_owned())?;
    let signals = ChildSignals::hold().doing(|| "watch children".to_owned())?;
    ports::start(&proof)?;
    let listener = listen_at_vsock(AGENT_PORT).doing(|| "listen for the executor".to_owned())?;
    serve::serve(&proof, &listener, signals, complaint)?;
    end(first)
}

/// Ends the machine.
fn end(first: First) -> Result<Never, Failure> {
    if first == First::Systemd && init::power_off() {
        std::thread::sleep(END_PATIENCE);
    }
    serve::end_processes();
    rustix::fs::sync();
    rustix::system::reboot(rustix::system::RebootCommand::Restart)
        .doing(|| "end the machine".to_owned())?;
    loop {
        std::thread::park();
    }
}
