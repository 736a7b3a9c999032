//! The loop of process 1 in a machine of namespaces: takes requests, and has a root ready for each of them.
//!
//! When the executor hangs up, process 1 ends, and the kernel ends everything else in the machine.

use super::caches::Caches;
use super::commands::{Commands, Helper};
use super::destination;
use super::disk::DiskWatch;
use super::doorman;
use super::epoch::{Epoch, Ground};
use super::failure::{Doing, Failure};
use super::filter::CallFilter;
use super::inner::InnerNamespaces;
use super::inside::in_machine;
use super::launch::{Place, limit_powers};
use super::layers::Layers;
use super::live_copy::copy_into;
use super::merge::{Below, merge};
use super::outbound::Connecting;
use super::overlays::{Overlays, Written};
use super::protocol::{
    self, CommandNumber, Destination, LiveEntry, MachineSetup, ProtocolError, Reply, Request,
    RunCommand,
};
use super::stage::Stage;
use super::transfer::receive_descriptor;
use crate::backend::{CommandEnd, Stream};
use crate::sys::{ChildSignals, SingleThreaded};
use rustix::process::Signal;
use std::cell::RefCell;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long processes that a step left may take to end before they count as alive: helpers that a shell started last
/// are often still ending when it has ended.
const SETTLE_TIME: Duration = Duration::from_millis(30);

/// Names of live processes that are told.
const NAMES_LIMIT: usize = 32;

/// Everything that process 1 starts with.
#[derive(Debug)]
pub(crate) struct Guest<'a> {
    pub(crate) proof: &'a SingleThreaded,
    pub(crate) socket: &'a mut UnixStream,
    pub(crate) inner: InnerNamespaces,
    pub(crate) stage: Stage,
    pub(crate) filter: CallFilter,
    pub(crate) machine: &'a MachineSetup,
    /// The machine's way out, while it is being made.
    pub(crate) outbound: Option<Connecting>,
}

impl Guest<'_> {
    /// What a root of these layers is mounted with.
    fn ground<'a>(&'a self, layers: &'a Layers) -> Ground<'a> {
        Ground {
            proof: self.proof,
            stage: &self.stage,
            inner: &self.inner,
            layers,
            store: Path::new(&self.machine.store_directory),
        }
    }
}

/// Where commands run: behind the inner namespaces, with less power than the agent.
struct InnerPlace<'a> {
    proof: &'a SingleThreaded,
    inner: &'a InnerNamespaces,
    stage: &'a Stage,
    epoch: &'a Epoch,
    filter: &'a CallFilter,
    disk: &'a RefCell<DiskWatch>,
}

impl Place for InnerPlace<'_> {
    fn proof(&self) -> &SingleThreaded {
        self.proof
    }

    fn open_setup_file(&self, path: &str) -> io::Result<File> {
        File::open(self.stage.path("tracked").join(path))
    }

    fn enter(&self) -> Result<(), Failure> {
        self.inner.enter(self.epoch.mounts())
    }

    fn excess(&self) -> Option<String> {
        self.disk.borrow_mut().excess()
    }

    fn confine(&self) -> Result<(), Failure> {
        self.filter.install().doing(|| "filter the system calls of the step".to_owned())?;
        limit_powers();
        Ok(())
    }
}

struct Server<'a> {
    guest: Guest<'a>,
    layers: Layers,
    epoch: Option<Epoch>,
    overlays: Overlays,
    disk: RefCell<DiskWatch>,
    caches: Caches,
    /// With the doorman, who connects to the machine's ports, as their helper.
    commands: Commands,
    /// The terminal of the next command.
    terminal: Option<OwnedFd>,
}

/// Serves until the executor hangs up.
pub(crate) fn serve(
    guest: Guest<'_>,
    signals: ChildSignals,
    notes: Vec<String>,
) -> Result<(), Failure> {
    rustix::process::chdir(&guest.machine.store_directory)
        .doing(|| "enter the store".to_owned())?;
    let layers = Layers::of_base(guest.machine, guest.stage.path("settings"));
    let overlays = Overlays::new(PathBuf::from(&guest.machine.run_directory), &layers);
    let disk = DiskWatch::new(
        guest.machine.disk,
        PathBuf::from(&guest.machine.run_directory),
        guest.stage.path("proc"),
    );
    let mut server = Server {
        guest,
        layers,
        epoch: None,
        overlays,
        disk: RefCell::new(disk),
        caches: Caches::default(),
        commands: Commands::new(signals),
        terminal: None,
    };
    // Both processes write to the socket until the keeper has passed the handle; this request says that it has.
    let Request::Begin = protocol::receive(server.guest.socket)? else {
        return Err(Failure::Refused("expected the beginning".to_owned()));
    };
    protocol::send(server.guest.socket, &Reply::Ready { notes })?;
    loop {
        server.commands.wait_for(server.guest.socket.as_fd())?;
        let request = match protocol::receive(server.guest.socket) {
            Ok(request) => request,
            Err(ProtocolError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for kept in server.commands.take_kept() {
            protocol::send(server.guest.socket, &kept)?;
        }
        let reply = match server.answer(request) {
            Ok(reply) => reply,
            Err(Failure::Unheard(error)) => return Err(error.into()),
            Err(failure) => Reply::from(failure),
        };
        protocol::send(server.guest.socket, &reply)?;
    }
}

impl Server<'_> {
    fn answer(&mut self, request: Request) -> Result<Reply, Failure> {
        match request {
            Request::SetLayers(layers) => {
                self.leave_root()?;
                self.layers.set(&self.guest.stage, &layers)?;
                Ok(Reply::Done)
            }
            Request::Terminal => {
                let terminal = receive_descriptor(&*self.guest.socket)
                    .doing(|| "receive a terminal".to_owned())?;
                self.terminal = Some(terminal);
                Ok(Reply::Done)
            }
            Request::Run(command) => self.run(&command).map(Reply::Ended),
            Request::Copy { layer, entries, passages } => self.copy(&layer, &entries, &passages),
            Request::ResolveDestination(destination) => self.resolve(&destination),
            Request::KeepCaches { targets } => {
                self.keep_caches(&targets.into_iter().map(PathBuf::from).collect::<Vec<_>>())
            }
            Request::OpenPorts => self.open_ports(),
            Request::Freeze { target } => self.freeze(Path::new(&target)),
            Request::Fold { which, target } => self.fold(which, Path::new(&target)),
            Request::Hear => {
                for news in self.commands.take_news()? {
                    protocol::send(self.guest.socket, &news)?;
                }
                Ok(Reply::Done)
            }
            Request::Hello { .. } | Request::IdentitiesMapped | Request::Begin => {
                Err(Failure::Refused("the machine is already made".to_owned()))
            }
            Request::Wake(_)
            | Request::Cache(_)
            | Request::TerminalAt(_)
            | Request::ShownLayers
            | Request::Renew(_)
            | Request::PowerOff => Err(Failure::Refused("this machine has no hardware".to_owned())),
        }
    }

    /// The root, mounted if it isn't.
    fn ensure_epoch(&mut self) -> Result<&Epoch, Failure> {
        if self.epoch.is_none() {
            let ground = self.guest.ground(&self.layers);
            self.overlays.ensure(&ground)?;
            self.epoch = Some(Epoch::assemble(&ground)?);
        }
        self.epoch.as_ref().ok_or_else(|| Failure::Refused("the machine has no root".to_owned()))
    }

    /// Leaves a root that nothing was written to. What it was made of stays mounted as far as its layers stay.
    fn leave_root(&mut self) -> Result<(), Failure> {
        if self.overlays.written()? == Written::Something {
            return Err(Failure::Refused("what was written is not frozen yet".to_owned()));
        }
        self.drop_epoch()
    }

    fn run(&mut self, wanted: &RunCommand) -> Result<CommandEnd, Failure> {
        self.ensure_epoch()?;
        self.caches.know(&wanted.caches);
        if let Some(epoch) = &self.epoch {
            self.caches.ensure(&self.guest.ground(&self.layers), epoch, &self.overlays)?;
        }
        self.ensure_network(wanted.number)?;
        let terminal = self.terminal.take();
        let Some(epoch) = &self.epoch else {
            return Err(Failure::Refused("the machine has no root".to_owned()));
        };
        let Guest { proof, inner, stage, filter, socket, .. } = &mut self.guest;
        let place = InnerPlace { proof, inner, stage, epoch, filter, disk: &self.disk };
        self.commands.run(&place, wanted, terminal, socket)
    }

    /// Waits for the way out. Without it the machine goes on, and says so.
    fn ensure_network(&mut self, command: CommandNumber) -> Result<(), Failure> {
        let Some(connecting) = self.guest.outbound.take() else { return Ok(()) };
        let Err(reason) = connecting.wait() else { return Ok(()) };
        let text = format!("layerc: steps of this machine reach no other machine: {reason}\n");
        let reply = Reply::Output { command, stream: Stream::Stderr, bytes: text.into_bytes() };
        Ok(protocol::send(self.guest.socket, &reply)?)
    }

    /// Sets a doorman to the socket that is passed now; an earlier one goes.
    fn open_ports(&mut self) -> Result<Reply, Failure> {
        let socket = receive_descriptor(&*self.guest.socket)
            .doing(|| "receive the socket for ports".to_owned())?;
        if let Some(Helper(earlier)) = self.commands.helper() {
            let _gone = rustix::process::kill_process(earlier, Signal::KILL);
        }
        self.commands.set_helper(None);
        let doorman = doorman::start(self.guest.proof, &self.guest.inner, socket)?;
        self.commands.set_helper(Some(Helper(doorman)));
        Ok(Reply::Done)
    }

    fn resolve(&mut self, wanted: &Destination) -> Result<Reply, Failure> {
        self.ensure_epoch()?;
        let Some(epoch) = &self.epoch else {
            return Err(Failure::Refused("the machine has no root".to_owned()));
        };
        in_machine(self.guest.proof, &self.guest.inner, epoch.mounts(), || {
            destination::resolve(wanted)
        })
    }

    /// Lays repository files over the root: as a layer if nobody lives in it, else into it.
    fn copy(
        &mut self,
        layer: &str,
        entries: &[LiveEntry],
        passages: &[String],
    ) -> Result<Reply, Failure> {
        if self.epoch.is_some() && !self.settle()?.is_empty() {
            self.copy_into_live_root(layer, entries)?;
        } else {
            self.leave_root()?;
            self.layers.push_tracked(&self.guest.stage, layer, passages)?;
        }
        Ok(Reply::Done)
    }

    fn copy_into_live_root(&mut self, layer: &str, entries: &[LiveEntry]) -> Result<(), Failure> {
        let ground = self.guest.ground(&self.layers);
        let Some(epoch) = &mut self.epoch else {
            return Err(Failure::Refused("the machine has no root".to_owned()));
        };
        copy_into(&ground, epoch, &self.overlays, layer, entries)
    }

    /// Lets the root's mounts go; no process lives in it.
    fn drop_epoch(&mut self) -> Result<(), Failure> {
        self.epoch = None;
        self.caches.unmounted()
    }

    fn keep_caches(&mut self, targets: &[PathBuf]) -> Result<Reply, Failure> {
        if self.caches.are_written()? {
            let alive = self.holding()?;
            if !alive.is_empty() {
                return Ok(Reply::Alive(alive));
            }
            self.drop_epoch()?;
        }
        Ok(Reply::CachesKept(self.caches.keep(targets)?))
    }

    /// What forbids to take the root apart.
    fn holding(&mut self) -> Result<Vec<String>, Failure> {
        let Some(has_live) = self.epoch.as_ref().map(|epoch| !epoch.live().is_empty()) else {
            return Ok(Vec::new());
        };
        let mut alive = self.settle()?;
        if alive.is_empty() && has_live {
            alive.push("(files were copied while processes ran)".to_owned());
        }
        Ok(alive)
    }

    fn freeze(&mut self, target: &Path) -> Result<Reply, Failure> {
        let alive = self.holding()?;
        if !alive.is_empty() {
            return Ok(Reply::Alive(alive));
        }
        if self.overlays.written()? == Written::Nothing {
            return Ok(Reply::Unchanged);
        }
        self.drop_epoch()?;
        self.overlays.freeze(&self.guest.stage, &self.layers, target)?;
        self.layers.push(target.to_owned());
        Ok(Reply::Frozen)
    }

    /// Nothing was written since the last freeze: the root is put together anew for the next command.
    fn fold(&mut self, which: Range<usize>, target: &Path) -> Result<Reply, Failure> {
        self.leave_root()?;
        let stack = self.layers.frozen(which.clone()).ok_or_else(|| {
            Failure::Refused("files of the repository lie between these layers".to_owned())
        })?;
        merge(&stack, Below::Others, target)
            .doing(|| format!("make one layer of {}, {}", stack.len(), target.display()))?;
        self.layers.replace(which, target.to_owned());
        Ok(Reply::Done)
    }

    /// Names of the processes that live on after a moment.
    fn settle(&mut self) -> Result<Vec<String>, Failure> {
        let deadline = Instant::now() + SETTLE_TIME;
        loop {
            self.commands.reap();
            let alive = self.alive()?;
            if alive.is_empty() || Instant::now() >= deadline {
                return Ok(alive);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Every process of the machine but this one, by its command name.
    fn alive(&self) -> Result<Vec<String>, Failure> {
        let processes = self.guest.stage.path("proc");
        let entries =
            fs::read_dir(&processes).doing(|| "list the machine's processes".to_owned())?;
        let numbers =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let doorman = self.commands.helper().map(|helper| helper.0.as_raw_pid().cast_unsigned());
        let others = numbers.filter(|number| *number != 1 && Some(*number) != doorman);
        let name = |number: u32| {
            let name = fs::read(processes.join(number.to_string()).join("comm")).ok()?;
            // A process calls itself what it likes; terminals will be shown it.
            let name = String::from_utf8_lossy(name.trim_ascii_end()).into_owned();
            Some(name.replace(|character: char| character.is_control(), "?"))
        };
        Ok(others.filter_map(name).take(NAMES_LIMIT).collect())
    }
}
