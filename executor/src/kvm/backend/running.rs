//! A machine that may end at any moment: by its own wish, by a crash, by somebody else's. Whoever waits for its agent then
//! hears so at once, because all its devices go with it.

use crate::backend::BackendError;
use crate::kvm::vcpu::Control;
use crate::kvm::{End, VirtualMachine};
use crate::overlay::failure::Doing;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long is waited for an end at a time.
const LONG: Duration = Duration::from_hours(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Running {
    /// Gone when it has ended.
    machine: Arc<Mutex<Option<VirtualMachine>>>,
    control: Arc<Control>,
}

impl Running {
    /// Watches over it.
    pub(super) fn new(machine: VirtualMachine) -> Result<Self, BackendError> {
        let control = Arc::clone(&machine.control);
        let machine = Arc::new(Mutex::new(Some(machine)));
        let (watched, its_control) = (Arc::clone(&machine), Arc::clone(&control));
        let watch = move || {
            while its_control.wait_for_end(LONG).is_none() {}
            drop(lock(&watched).take());
        };
        let thread = thread::Builder::new().name("machine's end".to_owned()).spawn(watch);
        thread.doing(|| "watch over a virtual machine".to_owned())?;
        Ok(Self { machine, control })
    }

    /// Does something with it.
    pub(super) fn with<T>(
        &self,
        act: impl FnOnce(&mut VirtualMachine) -> Result<T, BackendError>,
    ) -> Result<T, BackendError> {
        match lock(&self.machine).as_mut() {
            Some(machine) => act(machine),
            None => Err(BackendError::Stopped(self.how_it_ended())),
        }
    }

    /// In words, if it has.
    pub(super) fn how_it_ended(&self) -> String {
        match self.control.ended() {
            None => "it does not answer".to_owned(),
            Some(End::Off) => "it turned itself off".to_owned(),
            Some(End::Restarted) => "it restarted itself, or its kernel panicked".to_owned(),
            Some(End::Stopped) => "it was ended from outside".to_owned(),
            Some(End::Failed(reason)) => reason,
        }
    }

    /// Ends it from any thread.
    pub(super) fn stopper(&self) -> Box<dyn Fn() + Send + Sync> {
        let control = Arc::clone(&self.control);
        Box::new(move || control.end(End::Stopped))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(lock(&self.machine).take());
    }
}

fn lock(machine: &Mutex<Option<VirtualMachine>>) -> MutexGuard<'_, Option<VirtualMachine>> {
    machine.lock().unwrap_or_else(PoisonError::into_inner)
}
