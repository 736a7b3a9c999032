//! Machines that are kept up because something of them is exposed, and the thread that looks after them: it hears what
//! they say, puts those to sleep that nobody has connected to for a while, and wakes them when somebody does.
//!
//! A sleeping machine is a kept state of the store like any other and no process; waking it is restoring that. The state
//! belongs to this run alone: no record names it, it has whatever CHECKPOINT forbids, and it goes when the run ends.
//! Machines that can't be kept stay up: those of a backend that keeps no processes, and those with a secret and no key.
//! Nobody is connected while a machine falls asleep. What its programs do by themselves between the moment that is kept
//! and the end of its process is undone.

use super::context::Context;
use super::exposing::{OpenDoors, wait_for_port};
use super::live::Live;
use super::trouble::Trouble;
use super::waking_ports::WakingPorts;
use crate::backend::{BaseImage, Layer, LayerId, MachineStart, Ports};
use crate::event::Event;
use crossbeam_channel::{Receiver, Sender, TryRecvError, never, select, unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;
use std::time::{Duration, Instant};

/// How often machines are asked what came and who ended, and looked at for sleep.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A machine that is kept up, or asleep.
pub(super) struct Served {
    runner: String,
    base: Arc<BaseImage>,
    /// Open while it sleeps.
    doors: OpenDoors,
    body: Body,
    /// Whether it can be kept as a whole.
    can_sleep: bool,
    /// States that were kept for it to sleep.
    own: Vec<LayerId>,
}

/// What there is of it.
enum Body {
    Up(Box<Live>),
    /// It goes on from these.
    Asleep {
        layers: Vec<Layer>,
        memory_bytes: Option<u64>,
    },
}

/// All of them.
pub(super) struct AllServed {
    served: Mutex<Vec<Served>>,
    /// Told when a sleeping one is wanted.
    wishes: Sender<()>,
    wanted: Receiver<()>,
}

/// The thread ends when this is dropped.
pub(super) struct Caretaker(#[expect(dead_code, reason = "its end is the message")] Sender<()>);

impl Default for AllServed {
    fn default() -> Self {
        let (wishes, wanted) = unbounded();
        Self { served: Mutex::default(), wishes, wanted }
    }
}

impl AllServed {
    /// Ports that wake their machine.
    pub(super) fn waking(&self, ports: Arc<dyn Ports>) -> Arc<WakingPorts> {
        Arc::new(WakingPorts::new(ports, self.wishes.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Served>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a machine up.
    pub(super) fn keep_up(&self, mut live: Live, base: Arc<BaseImage>) {
        let (doors, runner) = (std::mem::take(&mut live.doors), live.owner.clone());
        let can_sleep = live.can_sleep();
        let body = Body::Up(Box::new(live));
        self.lock().push(Served { runner, base, doors, body, can_sleep, own: Vec::new() });
    }

    /// Looks after them until the result is dropped.
    pub(super) fn tend<'scope, 'run: 'scope>(
        &'run self,
        scope: &'scope Scope<'scope, 'run>,
        context: &'run Context<'run>,
    ) -> Caretaker {
        let (caretaker, is_over) = unbounded();
        scope.spawn(move || {
            let mut wanted = self.wanted.clone();
            while is_over.try_recv() != Err(TryRecvError::Disconnected) {
                // Nobody is to wait for the lock while one is woken: runners come to their end beside that.
                let mut served = std::mem::take(&mut *self.lock());
                served.iter_mut().for_each(|served| served.look_after(context));
                let mut all = self.lock();
                served.append(&mut all);
                *all = served;
                drop(all);
                select! {
                    recv(wanted) -> wish => if wish.is_err() { wanted = never() },
                    recv(is_over) -> _ => {}
                    default(LOOK_EVERY) => {}
                }
            }
        });
        Caretaker(caretaker)
    }

    /// Ends them all.
    pub(super) fn end(&self, context: &Context<'_>) {
        for served in std::mem::take(&mut *self.lock()) {
            served.end(context);
        }
    }
}

impl Served {
    fn look_after(&mut self, context: &Context<'_>) {
        if let Body::Up(live) = &mut self.body {
            live.hear(context);
        }
        let Some(ports) = self.doors.ports() else { return };
        if let Some(idle) = context.options.expose_idle
            && self.can_sleep
            && ports.begin_sleep(idle)
        {
            self.put_to_sleep(context, &ports);
        }
        if ports.begin_waking() {
            self.wake(context, &ports);
        }
    }

    fn put_to_sleep(&mut self, context: &Context<'_>, ports: &WakingPorts) {
        let Body::Up(live) = &mut self.body else { return };
        match live.keep_for_sleep() {
            Ok(layers) => {
                if let Some(Layer::Frozen(own)) = layers.last() {
                    self.own.push(own.clone());
                }
                // Its process is gone when this has been dropped.
                self.body = Body::Asleep { memory_bytes: live.memory_bytes, layers };
                ports.sleeps();
                context.emit(Event::MachineAsleep { runner: self.runner.clone() });
            }
            Err(trouble) => {
                let text = format!("its machine stays up: {}", words(trouble));
                context.warn(&self.runner, text);
                self.can_sleep = false;
                ports.stays_awake();
            }
        }
    }

    fn wake(&mut self, context: &Context<'_>, ports: &WakingPorts) {
        let Body::Asleep { layers, memory_bytes } = &self.body else { return ports.stays_awake() };
        let began = Instant::now();
        match self.restored(context, layers, *memory_bytes) {
            Ok((live, way)) => {
                self.body = Body::Up(Box::new(live));
                let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                context.emit(Event::MachineAwake { runner: self.runner.clone(), duration_ms });
                ports.is_awake(way);
            }
            Err(trouble) => {
                let reason = words(trouble);
                context.warn(&self.runner, format!("its machine does not wake: {reason}"));
                ports.does_not_wake(reason);
            }
        }
    }

    fn restored(
        &self,
        context: &Context<'_>,
        layers: &[Layer],
        memory_bytes: Option<u64>,
    ) -> Result<(Live, Arc<dyn Ports>), Trouble> {
        let mut machine = context.backend.start(&MachineStart {
            base: Arc::clone(&self.base),
            layers: layers.to_vec(),
            name: self.runner.clone(),
            memory_bytes,
            followers: 0,
        })?;
        let ports = machine.ports()?;
        for port in self.doors.ports_in_machine() {
            wait_for_port(&*ports, *port, context.options.expose_wait).map_err(|error| {
                Trouble::Broken(format!("nothing answers at its port {port}: {error}"))
            })?;
        }
        let (owner, keeps) = (self.runner.clone(), context.backend.keeps());
        Ok((Live::new(machine, owner, layers.to_vec(), memory_bytes, keeps), ports))
    }

    fn end(self, context: &Context<'_>) {
        if let Some(ports) = self.doors.ports() {
            ports.is_gone();
        }
        drop((self.doors, self.body));
        for layer in &self.own {
            // What can't be removed now goes with the next collection: no record names it.
            let _ = context.backend.remove_layer(layer);
        }
    }
}

fn words(trouble: Trouble) -> String {
    match trouble {
        Trouble::Failed(text) | Trouble::Broken(text) => text,
        Trouble::Stopped => "it was stopped".to_owned(),
    }
}
