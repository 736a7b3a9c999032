//! A running machine: the requests of the engine, put to its agent.

use super::caches::MachineCaches;
use super::copy;
use super::failure::{Doing, unexpected};
use super::folding;
use super::ports::OverlayPorts;
use super::start::Agent;
use super::store_layout::{RunDirectory, StoreLayout};
use crate::agent::protocol::{LayerPlace, Reply, Request, RunCommand};
use crate::asking::{self, Ask, tell};
use crate::backend::{
    BackendError, Command, CommandEnd, CopiedFiles, CopyRequest, Folded, Freeze, Heard, KeptCaches,
    Layer, LayerId, Machine, Ports,
};
use crate::caches::Caches;
use crate::read_set::ReadSet;
use crate::tracked::{Repository, TrackedServer};
use rustix::process::{Signal, pidfd_send_signal};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

/// A machine made of namespaces.
#[derive(Debug)]
pub(super) struct OverlayMachine {
    agent: Option<Agent>,
    layout: Arc<StoreLayout>,
    repository: Arc<Repository>,
    server: Option<TrackedServer>,
    ports: Option<Arc<OverlayPorts>>,
    /// Commands so far.
    commands: u32,
    /// What earlier commands left running had to say while nobody listened.
    unheard: Vec<Reply>,
    /// Whether something may have more to say.
    processes: Processes,
    grace: Duration,
    caches: MachineCaches,
    /// Dropped after the agent: first the processes and mounts go, then what they were made of.
    _run: RunDirectory,
}

/// Whether processes live on between commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Processes {
    None,
    Perhaps,
}

/// What a machine is made from.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) agent: Agent,
    pub(super) layout: Arc<StoreLayout>,
    pub(super) run: RunDirectory,
    pub(super) repository: Arc<Repository>,
    pub(super) grace: Duration,
    pub(super) caches: Caches,
}

impl OverlayMachine {
    /// A machine over these layers.
    pub(super) fn new(parts: Parts, layers: &[Layer]) -> Result<Self, BackendError> {
        let mut machine = Self {
            agent: Some(parts.agent),
            layout: parts.layout,
            repository: parts.repository,
            server: None,
            ports: None,
            commands: 0,
            unheard: Vec::new(),
            processes: Processes::Perhaps,
            grace: parts.grace,
            caches: MachineCaches::new(parts.caches),
            _run: parts.run,
        };
        if !layers.is_empty() {
            let places =
                layers.iter().map(|layer| machine.place(layer)).collect::<Result<_, _>>()?;
            machine.set_layers(places)?;
        }
        Ok(machine)
    }

    fn place(&mut self, layer: &Layer) -> Result<LayerPlace, BackendError> {
        match layer {
            Layer::Frozen(id) => self.stored(id),
            Layer::Copied(files) => self.tracked(files),
        }
    }

    fn stored(&self, id: &LayerId) -> Result<LayerPlace, BackendError> {
        let directory = self.layout.layer(id);
        if !directory.is_dir() {
            return Err(BackendError::Unavailable(format!(
                "the layer `{}` is not in the store any more",
                id.0
            )));
        }
        Ok(LayerPlace::Stored(directory.to_string_lossy().into_owned()))
    }

    fn tracked(&mut self, files: &CopiedFiles) -> Result<LayerPlace, BackendError> {
        let name = self.server()?.add_layer(files).doing(|| "show repository files".to_owned())?;
        Ok(LayerPlace::Tracked { name, passages: copy::passages(files) })
    }

    /// The repository's server, started when something of the repository is needed first.
    fn server(&mut self) -> Result<&TrackedServer, BackendError> {
        if self.server.is_none() {
            let taken = Err("its repository was lost".to_owned());
            let device = std::mem::replace(&mut self.agent()?.fuse_device, taken);
            let device = device.map_err(BackendError::Unavailable)?;
            let server = TrackedServer::start(device, Arc::clone(&self.repository));
            let mut server = server.doing(|| "serve the repository".to_owned())?;
            if let Some(device) = self.agent()?.large_files_device.take() {
                // Where it can't be, they are served with the others, only slower.
                let _ = server.serve_large_files(device);
            }
            self.server = Some(server);
        }
        self.server
            .as_ref()
            .ok_or_else(|| BackendError::Refused("the machine has no repository".to_owned()))
    }

    fn agent(&mut self) -> Result<&mut Agent, BackendError> {
        self.agent.as_mut().ok_or_else(|| BackendError::Stopped("it is gone".to_owned()))
    }

    fn set_layers(&mut self, places: Vec<LayerPlace>) -> Result<(), BackendError> {
        match self.ask(&Request::SetLayers(places))? {
            Reply::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Asks something, and keeps what is heard meanwhile.
    fn ask(&mut self, request: &Request) -> Result<Reply, BackendError> {
        let mut unheard = Vec::new();
        let reply = self.agent()?.ask(request, &mut |reply| unheard.push(reply));
        self.unheard.append(&mut unheard);
        reply
    }

    /// What came since. No command runs: all of it is of earlier ones.
    fn tell_unheard(&mut self, hear: &mut dyn FnMut(Heard<'_>)) {
        std::mem::take(&mut self.unheard).iter().for_each(|reply| tell(0, reply, hear));
    }

    fn show_setup_files(&mut self, paths: &[String]) -> Result<Vec<String>, BackendError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        asking::show_setup_files(self.server()?, paths)
    }
}

impl Machine for OverlayMachine {
    fn execute_and_hear(
        &mut self,
        command: &Command,
        hear: &mut dyn FnMut(Heard<'_>),
    ) -> Result<CommandEnd, BackendError> {
        let setup_files = self.show_setup_files(&command.setup_files)?;
        let caches = self.caches.places(&command.caches)?;
        self.processes = Processes::Perhaps;
        self.tell_unheard(hear);
        self.commands += 1;
        let wanted = RunCommand {
            number: self.commands,
            command: Command { setup_files, ..command.clone() },
            caches,
            grace_milliseconds: u32::try_from(self.grace.as_millis()).unwrap_or(u32::MAX),
        };
        asking::run(self.agent()?, wanted, hear)
    }

    fn hear(&mut self, hear: &mut dyn FnMut(Heard<'_>)) -> Result<(), BackendError> {
        if self.processes == Processes::Perhaps
            && let other @ (Reply::Refused(_) | Reply::Failed { .. }) = self.ask(&Request::Hear)?
        {
            return Err(unexpected(other));
        }
        self.tell_unheard(hear);
        Ok(())
    }

    fn last_command(&self) -> u32 {
        self.commands
    }

    fn give_terminal(&mut self, terminal: BorrowedFd<'_>) -> Result<(), BackendError> {
        match self.agent()?.pass(&Request::Terminal, terminal)? {
            Reply::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    fn copy(&mut self, request: &CopyRequest) -> Result<CopiedFiles, BackendError> {
        let place = asking::resolve(&mut |asked| self.ask(asked), request)?;
        let planned = asking::plan_copy(&self.repository, request, &place)?;
        let layer = self.server()?.add_layer(&planned.files);
        let layer = layer.doing(|| "show repository files".to_owned())?;
        asking::lay_over(&mut |asked| self.ask(asked), layer, planned)
    }

    fn keep_caches(&mut self) -> Result<KeptCaches, BackendError> {
        if self.caches.is_empty() {
            return Ok(KeptCaches::default());
        }
        let targets = self.caches.targets()?;
        match self.ask(&Request::KeepCaches { targets })? {
            Reply::CachesKept(kept) => {
                Ok(KeptCaches { publications: self.caches.take(&kept), alive: Vec::new() })
            }
            Reply::Alive(alive) => Ok(KeptCaches { alive, ..KeptCaches::default() }),
            other => Err(unexpected(other)),
        }
    }

    fn freeze(&mut self) -> Result<Freeze, BackendError> {
        let id = StoreLayout::new_layer();
        let target = self.layout.layer(&id).to_string_lossy().into_owned();
        let reply = self.ask(&Request::Freeze { target })?;
        self.processes = match reply {
            Reply::Frozen | Reply::Unchanged => Processes::None,
            _ => Processes::Perhaps,
        };
        match reply {
            Reply::Frozen => Ok(Freeze::Frozen(id)),
            Reply::Unchanged => Ok(Freeze::Unchanged),
            Reply::Alive(names) => Ok(Freeze::ProcessesAlive(names)),
            other => Err(unexpected(other)),
        }
    }

    fn fold(&mut self, layers: &[Layer]) -> Result<Option<Folded>, BackendError> {
        let Some(which) = folding::due(layers) else { return Ok(None) };
        let layer = folding::folded_layer(layers.get(which.clone()).unwrap_or_default());
        let target = self.layout.layer(&layer).to_string_lossy().into_owned();
        match self.ask(&Request::Fold { which: which.clone(), target })? {
            Reply::Done => Ok(Some(Folded { which, layer })),
            other => Err(unexpected(other)),
        }
    }

    fn take_reads(&mut self) -> ReadSet {
        self.server.as_ref().map(TrackedServer::take_reads).unwrap_or_default()
    }

    fn ports(&mut self) -> Result<Arc<dyn Ports>, BackendError> {
        if let Some(ports) = self.ports.as_ref().filter(|ports| ports.are_open()) {
            return Ok(Arc::clone(ports) as Arc<dyn Ports>);
        }
        let ports = Arc::new(OverlayPorts::open(self.agent()?)?);
        self.ports = Some(Arc::clone(&ports));
        Ok(ports)
    }

    fn notes(&self) -> &[String] {
        self.agent.as_ref().map(|agent| agent.notes.as_slice()).unwrap_or_default()
    }

    fn stopper(&self) -> Box<dyn Fn() + Send + Sync> {
        let init = self.agent.as_ref().map(|agent| Arc::clone(&agent.init));
        Box::new(move || {
            if let Some(init) = &init {
                let _ = pidfd_send_signal(&**init, Signal::KILL);
            }
        })
    }
}
