//! EXPOSE in a run: waits until a port answers, opens doors to the machines that stand behind it, and keeps those up
//! that are to be served.
//!
//! What is exposed is read off the chain, never remembered beside it, so a machine that was restored, made again or
//! handed on has the doors that its steps opened. Only a Layerfile's own EXPOSE counts: a child starts from the
//! processes of its parent, not from its addresses.

use super::context::Context;
use super::live::Live;
use super::perform::Whose;
use super::served::{AllServed, Caretaker};
use super::trouble::{Trouble, with_causes};
use super::waking_ports::WakingPorts;
use super::worker::Worker;
use super::{RunError, Setup};
use crate::backend::Ports;
use crate::cache::{Chain, Link};
use crate::doors::{Doors, HostLabels, OpenForward, OpenSite, Route};
use crate::doors::{expanded, uses_split};
use crate::engine::{RunnerId, RunnerState};
use crate::event::{Event, ExposedAddress};
use crate::store::record::MachineState;
use layerc_planner::plan::{Action, Node, Plan};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;
use std::time::{Duration, Instant};

/// How often a port is tried while it is waited for.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// Names of runners in one sentence.
const MOST_NAMES: usize = 8;

/// What becomes of exposed runners when the plan is through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// They end with it.
    End,
    /// They are kept up until the run is stopped; those whose steps were all skipped are started.
    Serve,
}

/// What a run opens and keeps open.
pub(super) struct RunDoors {
    doors: Doors,
    /// Labels by runner.
    labels: HashMap<String, String>,
    served: AllServed,
    /// Runners that had doors in this run.
    opened: Mutex<BTreeSet<String>>,
}

/// The doors to one machine; closed when dropped.
#[derive(Default)]
pub(super) struct OpenDoors {
    /// Whose addresses they have.
    runner: String,
    /// How many EXPOSE steps of the chain they are for.
    steps: usize,
    ports: Option<Arc<WakingPorts>>,
    /// Those that something listens at.
    ports_in_machine: Vec<u16>,
    sites: Vec<OpenSite>,
    forwards: Vec<OpenForward>,
}

impl RunDoors {
    /// `None` for a plan that exposes nothing.
    pub(super) fn open(
        setup: &Setup<'_>,
        runners: impl Iterator<Item = String>,
    ) -> Result<Option<Self>, RunError> {
        if !exposes(setup.plan) {
            return Ok(None);
        }
        let port = setup.options.expose_port;
        let doors = Doors::open(port).map_err(|source| RunError::Doors {
            place: port.map_or("any port".to_owned(), |port| format!("port {port}")),
            source,
        })?;
        let mut labels = HostLabels::new(setup.name.as_str());
        let labels = runners.map(|runner| (runner.clone(), labels.give(&runner))).collect();
        Ok(Some(Self { doors, labels, served: AllServed::default(), opened: Mutex::default() }))
    }

    fn label(&self, runner: &str) -> &str {
        self.labels.get(runner).map_or("", String::as_str)
    }

    /// `EXPOSE_WEBSITE_HOST` of a runner: known from its first step on.
    pub(super) fn host(&self, runner: &str) -> String {
        self.doors.authority(self.label(runner))
    }

    fn opened(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what is served up until the run is stopped; says what becomes of the rest.
    pub(super) fn see_out(
        &self,
        context: &Context<'_>,
        runners: &BTreeMap<RunnerId, RunnerState>,
        cancel: &crossbeam_channel::Receiver<()>,
    ) {
        let went_well = runners.values().all(|state| state.is_success());
        if context.options.afterwards == Afterwards::Serve && went_well {
            context.emit(Event::Serving {});
            // Nobody left to stop the run is a stop too: it would be up for ever.
            let _stopped = cancel.recv();
        } else {
            let names: Vec<String> = self.opened().iter().cloned().collect();
            if !names.is_empty() {
                context.emit(Event::Note { text: gone(&names) });
            }
        }
    }

    /// Looks after what is kept up until the result is dropped.
    pub(super) fn tend<'scope, 'run: 'scope>(
        &'run self,
        scope: &'scope Scope<'scope, 'run>,
        context: &'run Context<'run>,
    ) -> Caretaker {
        self.served.tend(scope, context)
    }

    /// Ends what was kept up.
    pub(super) fn end(&self, context: &Context<'_>) {
        self.served.end(context);
    }
}

impl OpenDoors {
    /// The way that they lead, once there is one.
    pub(super) fn ports(&self) -> Option<Arc<WakingPorts>> {
        self.ports.clone()
    }

    /// Where they lead in the machine.
    pub(super) fn ports_in_machine(&self) -> &[u16] {
        &self.ports_in_machine
    }
}

fn gone(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    let more = if names.len() > MOST_NAMES { ", …" } else { "" };
    format!("nothing of {shown}{more} is exposed any more; `layerc run --serve` keeps it up")
}

fn exposes(plan: &Plan) -> bool {
    plan.graph.node_weights().any(is_expose)
}

fn is_expose(node: &Node) -> bool {
    matches!(node, Node::Step(step) if exposed_port(&step.action).is_some())
}

/// The port in the machine that an instruction exposes.
pub(super) const fn exposed_port(action: &Action) -> Option<u16> {
    match action {
        Action::ExposeWebsite { port, .. } => Some(*port),
        Action::ExposeTcp { destination, .. } => Some(*destination),
        _ => None,
    }
}

/// Waits until something answers at a port.
pub(super) fn wait(whose: Whose<'_>, live: &mut Live, port: u16) -> Result<(), Trouble> {
    let limit = whose.context.options.expose_wait;
    wait_for_port(&*live.machine.ports()?, port, limit).map_err(|error| match error.kind() {
        io::ErrorKind::NotConnected => {
            Trouble::Broken(format!("cannot reach port {port}: {error}"))
        }
        _ => Trouble::Failed(format!(
            "nothing answered at port {port} within {} s ({error}): start the server before, with RUN \
             BACKGROUND, or wait longer with `--expose-wait SECONDS`",
            limit.as_secs()
        )),
    })
}

/// The same for as long as this, and what was said last if nothing does: `NotConnected`, at once, if the machine is gone.
pub(super) fn wait_for_port(ports: &dyn Ports, port: u16, limit: Duration) -> io::Result<()> {
    let began = Instant::now();
    loop {
        match ports.connect(port) {
            Ok(_answers) => return Ok(()),
            Err(error)
                if error.kind() == io::ErrorKind::NotConnected || began.elapsed() >= limit =>
            {
                return Err(error);
            }
            Err(_) => std::thread::sleep(TRY_EVERY),
        }
    }
}

/// The path of an EXPOSE WEBSITE in this state.
pub(super) fn path_in(path: &str, state: &MachineState) -> Result<String, Trouble> {
    use crate::secrets::ValuePart;
    let split = state.environment.get("SPLIT").map(|value| match value.0.as_slice() {
        [ValuePart::Text(text)] => text.as_str(),
        _ => "",
    });
    expanded(path, split).ok_or_else(|| {
        Trouble::Failed(format!(
            "`{path}` names the index of a copy, but no SPLIT before it gives one"
        ))
    })
}

impl Worker<'_> {
    /// The EXPOSE steps of this Layerfile among the first links of a chain.
    fn exposed<'chain>(&self, chain: &'chain Chain, links: usize) -> Vec<&'chain Arc<Link>> {
        let own = |link: &&Arc<Link>| {
            link.step.layerfile == self.stretch.layerfile
                && exposed_port(&link.step.action).is_some()
        };
        chain.links.iter().take(links).filter(own).collect()
    }

    /// Gives the machine the doors that the steps behind its state opened, and no others.
    pub(super) fn publish(&mut self, chain: &Chain) -> Result<(), Trouble> {
        let Some(doors) = &self.context.doors else { return Ok(()) };
        let at = self.live()?.at;
        let exposed = self.exposed(chain, at);
        let runner = self.runner.clone();
        let live = self.live()?;
        if live.doors.runner != runner || live.doors.steps > exposed.len() {
            live.doors = OpenDoors { runner, ..OpenDoors::default() };
        }
        for link in exposed.get(live.doors.steps..).unwrap_or_default() {
            let live = self.live()?;
            let ports = match &live.doors.ports {
                Some(ports) => Arc::clone(ports),
                None => {
                    Arc::clone(live.doors.ports.insert(doors.served.waking(live.machine.ports()?)))
                }
            };
            self.open(doors, link, ports)?;
        }
        Ok(())
    }

    fn open(
        &mut self,
        doors: &RunDoors,
        link: &Link,
        ports: Arc<dyn Ports>,
    ) -> Result<(), Trouble> {
        let address = match &link.step.action {
            Action::ExposeWebsite { tls, port, path, rewrite } => {
                let prefix = path_in(path, &link.before)?;
                let route = Route { prefix, rewrite: rewrite.clone(), port: *port, tls: *tls };
                self.open_site(doors, &route, &self.at_home(path), &ports)?
            }
            Action::ExposeTcp { source, destination } => {
                self.open_forward(doors, *source, *destination, ports)?
            }
            _ => return Ok(()),
        };
        let open = &mut self.live()?.doors;
        open.steps += 1;
        open.ports_in_machine.extend(exposed_port(&link.step.action));
        doors.opened().insert(self.runner.clone());
        self.context.emit(Event::Exposed { runner: self.runner.clone(), address });
        Ok(())
    }

    /// The runners whose website a path is on. One that tells copies apart is on the first copy's too, so that one
    /// site has them all.
    fn at_home(&self, written_path: &str) -> Vec<String> {
        let first = RunnerId { layerfile: self.stretch.layerfile, copy: 0 };
        let first = self.context.runner_name(first);
        let shared = uses_split(written_path) && first != self.runner;
        std::iter::once(self.runner.clone()).chain(shared.then_some(first)).collect()
    }

    fn open_site(
        &mut self,
        doors: &RunDoors,
        route: &Route,
        runners: &[String],
        ports: &Arc<dyn Ports>,
    ) -> Result<ExposedAddress, Trouble> {
        for runner in runners {
            let routes = vec![route.clone()];
            let site = doors.doors.add_site(doors.label(runner), routes, Arc::clone(ports));
            self.live()?.doors.sites.push(site);
        }
        let url = format!("http://{}{}", doors.host(&self.runner), route.prefix);
        Ok(ExposedAddress::Website { url, port: route.port })
    }

    fn open_forward(
        &mut self,
        doors: &RunDoors,
        source: u16,
        destination: u16,
        ports: Arc<dyn Ports>,
    ) -> Result<ExposedAddress, Trouble> {
        let forward = doors.doors.forward(source, destination, ports).map_err(|error| {
            Trouble::Broken(format!("cannot forward a port: {}", with_causes(&error)))
        })?;
        let address = forward.address;
        if address.port() != source {
            let text =
                format!("port {source} of this computer is taken: {address} stands in for it");
            self.context.warn(&self.runner, text);
        }
        self.live()?.doors.forwards.push(forward);
        Ok(ExposedAddress::Tcp { address: address.to_string(), port: destination })
    }

    /// Keeps the machine of a runner that has come to its end, if it exposes something that is to be served. Steps
    /// that were skipped, and whose state was not kept, run again for that.
    pub(super) fn keep_up(&mut self, chain: &mut Chain) -> Result<(), Trouble> {
        let Some(doors) = &self.context.doors else { return Ok(()) };
        let is_served = self.context.options.afterwards == Afterwards::Serve
            && !self.exposed(chain, chain.links.len()).is_empty();
        if is_served {
            self.materialise(chain)?;
            self.publish(chain)?;
            if let Some(live) = self.live.take() {
                doors.served.keep_up(live, Arc::clone(&chain.base));
            }
        }
        Ok(())
    }
}
