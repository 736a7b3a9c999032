//! Requests in a virtual machine, from one connection after the other. The machine outlives them all.

use super::super::commands::Commands;
use super::super::destination;
use super::super::failure::{Doing, Failure};
use super::super::launch::Place;
use super::super::protocol::{
    self, GuestSetup, PROTOCOL_VERSION, Reply, Request, Task, TrackedFiles, Waking,
};
use super::super::stage::settings_files;
use super::REPOSITORY_TAG;
use super::caches::GuestCaches;
use super::copy::Copies;
use super::later::{self, Later};
use super::network::{name_servers, set_up};
use super::root::REPOSITORY;
use crate::sys::{ChildSignals, SingleThreaded, add_randomness};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, mount};
use rustix::net::{SocketFlags, accept_with};
use rustix::process::{Pid, Signal};
use rustix::time::{ClockId, Timespec, clock_settime};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long processes may take to end when the machine does.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// The machine is the place: a step is root, or whoever it likes, in all of it.
#[derive(Debug)]
struct WholeMachine<'a> {
    proof: &'a SingleThreaded,
}

impl Place for WholeMachine<'_> {
    fn proof(&self) -> &SingleThreaded {
        self.proof
    }

    fn open_setup_file(&self, path: &str) -> io::Result<File> {
        File::open(Path::new(REPOSITORY).join(path))
    }

    fn enter(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn excess(&self) -> Option<String> {
        // Its disk is its own, as large as it was made.
        None
    }

    fn confine(&self) -> Result<(), Failure> {
        Ok(())
    }
}

struct Server<'a> {
    proof: &'a SingleThreaded,
    commands: Commands,
    copies: Copies,
    caches: GuestCaches,
    /// That of the next command.
    terminal: Option<OwnedFd>,
    /// What was told last, and is true.
    setup: Option<GuestSetup>,
    /// What went wrong before anybody could be told.
    complaint: Option<String>,
}

/// Serves until the machine is asked to end. `complaint` is told to whoever comes first.
pub(super) fn serve(
    proof: &SingleThreaded,
    listener: &OwnedFd,
    signals: ChildSignals,
    complaint: Option<String>,
) -> Result<(), Failure> {
    let commands = Commands::new(signals);
    let (copies, caches) = (Copies::default(), GuestCaches::default());
    let terminal = None;
    let mut server = Server { proof, commands, copies, caches, terminal, setup: None, complaint };
    loop {
        server.commands.wait_for(listener.as_fd())?;
        let Ok(socket) = accept_with(listener, SocketFlags::CLOEXEC) else { continue };
        // A stream socket of another family; its reads and writes are the same.
        let mut socket = UnixStream::from(socket);
        // However else it ends, somebody will connect again.
        if server.converse(&mut socket).is_ok() {
            return Ok(());
        }
    }
}

impl Server<'_> {
    /// Until the machine is asked to end. Fails when the other side hangs up or speaks nonsense.
    fn converse(&mut self, socket: &mut UnixStream) -> Result<(), Failure> {
        let Request::Hello { version: PROTOCOL_VERSION, task: Task::Guest(setup) } =
            protocol::receive(socket)?
        else {
            let text = "the executor speaks another version".to_owned();
            return Err(Failure::Refused(text));
        };
        match self.set_up(setup) {
            Ok(notes) => protocol::send(socket, &Reply::Ready { notes })?,
            Err(failure) => protocol::send(socket, &Reply::from(failure))?,
        }
        later::load_usual();
        loop {
            self.commands.wait_for(socket.as_fd())?;
            let request = protocol::receive(socket)?;
            for kept in self.commands.take_kept() {
                protocol::send(socket, &kept)?;
            }
            if request == Request::PowerOff {
                return Ok(());
            }
            let reply = match self.answer(request, socket) {
                Ok(reply) => reply,
                Err(Failure::Unheard(error)) => return Err(error.into()),
                Err(failure) => Reply::from(failure),
            };
            protocol::send(socket, &reply)?;
        }
    }

    fn answer(&mut self, request: Request, socket: &mut UnixStream) -> Result<Reply, Failure> {
        match request {
            Request::Run(command) => {
                later::load_before(&command.command.script);
                let place = WholeMachine { proof: self.proof };
                self.commands.run(&place, &command, self.terminal.take(), socket).map(Reply::Ended)
            }
            Request::TerminalAt(path) => {
                let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
                let opened = rustix::fs::open(&path, flags, Mode::empty());
                self.terminal = Some(opened.doing(|| format!("open the terminal {path}"))?);
                Ok(Reply::Done)
            }
            Request::Copy { layer, entries, .. } => {
                self.copies.add(&layer, &entries)?;
                Ok(Reply::Done)
            }
            Request::ShownLayers => {
                let layers = self.copies.shown().iter().map(|shown| shown.layer.clone());
                Ok(Reply::ShownLayers(layers.collect()))
            }
            Request::Renew(renewal) => {
                self.copies.renew(&renewal)?;
                Ok(Reply::Done)
            }
            Request::ResolveDestination(destination) => destination::resolve(&destination),
            Request::Cache(request) => self.caches.answer(request),
            Request::Hear => {
                for news in self.commands.take_news()? {
                    protocol::send(socket, &news)?;
                }
                Ok(Reply::Done)
            }
            Request::Wake(waking) => {
                wake(&waking)?;
                Ok(Reply::Done)
            }
            Request::SetLayers(_)
            | Request::Terminal
            | Request::KeepCaches { .. }
            | Request::OpenPorts
            | Request::Freeze { .. }
            | Request::Fold { .. } => {
                Err(Failure::Refused("a virtual machine has no layers or descriptors".to_owned()))
            }
            Request::Hello { .. }
            | Request::IdentitiesMapped
            | Request::Begin
            | Request::PowerOff => Err(Failure::Refused("the machine is already made".to_owned())),
        }
    }

    /// Makes true what is told; returns what can't be.
    fn set_up(&mut self, setup: GuestSetup) -> Result<Vec<String>, Failure> {
        if self.setup.as_ref() == Some(&setup) {
            return Ok(Vec::new());
        }
        rustix::system::sethostname(setup.hostname.as_bytes())
            .doing(|| "set the host name".to_owned())?;
        for (path, text) in settings_files(&setup.hostname, name_servers(setup.network.as_ref())) {
            write_setting(&Path::new("/").join(path), &text)?;
        }
        if setup.tracked != TrackedFiles::Absent {
            later::load(Later::Files);
            mount_repository()?;
        }
        if setup.network.is_some() {
            later::load(Later::Network);
        }
        let in_the_way = setup.network.as_ref().and_then(|network| set_up(network).err());
        self.setup = Some(setup);
        Ok(self.complaint.take().into_iter().chain(in_the_way).collect())
    }
}

fn write_setting(path: &Path, text: &str) -> Result<(), Failure> {
    let action = || format!("write {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).doing(action)?;
    }
    // An image may have a link there that leads nowhere (resolv.conf of systemd): the file takes its place.
    if path.is_symlink() {
        fs::remove_file(path).doing(action)?;
    }
    fs::write(path, text).doing(action)
}

fn mount_repository() -> Result<(), Failure> {
    if fs::read_to_string("/proc/self/mounts").is_ok_and(|mounts| mounts.contains(REPOSITORY)) {
        return Ok(());
    }
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
    mount(REPOSITORY_TAG, REPOSITORY, "virtiofs", flags, None)
        .doing(|| "mount the repository".to_owned())
}

fn wake(waking: &Waking) -> Result<(), Failure> {
    add_randomness(&waking.randomness).doing(|| "take in randomness".to_owned())?;
    let time = Duration::from_nanos(waking.wall_clock_nanoseconds.try_into().unwrap_or(0));
    let time = Timespec::try_from(time)
        .map_err(|_| Failure::Refused("a time that no clock can show".to_owned()))?;
    clock_settime(ClockId::Realtime, time).doing(|| "set the clock".to_owned())
}

/// Asks every process to end, and ends those that don't.
pub(super) fn end_processes() {
    let everybody = |signal| {
        for pid in other_processes() {
            let _gone = rustix::process::kill_process(pid, signal);
        }
    };
    everybody(Signal::TERM);
    let deadline = Instant::now() + END_PATIENCE;
    while !other_processes().is_empty() && Instant::now() < deadline {
        while rustix::process::wait(rustix::process::WaitOptions::NOHANG)
            .is_ok_and(|ended| ended.is_some())
        {}
        std::thread::sleep(Duration::from_millis(5));
    }
    everybody(Signal::KILL);
}

/// Processes with memory of their own, which threads of the kernel don't have.
fn other_processes() -> Vec<Pid> {
    let own = rustix::process::getpid();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pids = numbers.filter_map(Pid::from_raw).filter(|pid| *pid != own && *pid != Pid::INIT);
    pids.filter(|pid| {
        let program = format!("/proc/{}/exe", pid.as_raw_pid());
        fs::read_link(program).is_ok()
    })
    .collect()
}
