//! The thread of a processor, and how it is brought out of the guest.
//!
//! A signal brings a processor out. One that comes in the moment before it goes in is lost, so it is sent again until
//! the processor has said that it is out.

use super::control::{Activity, Control};
use super::run::{Step, run_once, settle};
use super::{Bus, End};
use crate::kvm::error::MachineError;
use kvm_ioctls::VcpuFd;
use std::os::raw::c_int;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use vmm_sys_util::signal::{Killable, SIGRTMIN, register_signal_handler};

/// How long to wait for a processor before it gets the signal again.
const PATIENCE: Duration = Duration::from_micros(500);

/// A processor and its thread. Dropping it waits for the thread, which must have been told to end.
#[derive(Debug)]
pub(crate) struct Processor {
    descriptor: Arc<Mutex<VcpuFd>>,
    thread: Option<JoinHandle<()>>,
}

extern "C" fn nothing(_: c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}

/// The signal, whose handler does nothing: what counts is that it interrupts.
fn wake_signal() -> Result<c_int, MachineError> {
    static REGISTERED: OnceLock<Result<(), c_int>> = OnceLock::new();
    let number = SIGRTMIN();
    let registered =
        REGISTERED.get_or_init(|| register_signal_handler(number, nothing).map_err(|e| e.errno()));
    match registered {
        Ok(()) => Ok(number),
        Err(errno) => Err(MachineError::System {
            action: "handle the signal that stops processors".to_owned(),
            source: std::io::Error::from_raw_os_error(*errno),
        }),
    }
}

impl Processor {
    /// Starts the thread of a processor, paused.
    ///
    /// # Errors
    /// When there are no threads left.
    pub(crate) fn start(
        index: usize,
        descriptor: VcpuFd,
        control: Arc<Control>,
        bus: Arc<dyn Bus>,
    ) -> Result<Self, MachineError> {
        wake_signal()?;
        let descriptor = Arc::new(Mutex::new(descriptor));
        let its_own = Arc::clone(&descriptor);
        let thread = Builder::new()
            .name(format!("processor {index}"))
            .spawn(move || live(index, &its_own, &control, bus.as_ref()))
            .map_err(MachineError::system("start a processor's thread"))?;
        Ok(Self { descriptor, thread: Some(thread) })
    }

    /// Its descriptor, to read or set its state. Waits while it runs.
    pub(crate) fn descriptor(&self) -> MutexGuard<'_, VcpuFd> {
        self.descriptor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings all of them out; they then do what `control` wishes, which is not to run.
    pub(crate) fn bring_out(processors: &[Self], control: &Control) -> Result<(), MachineError> {
        let signal = wake_signal()?;
        let mut patience = Duration::ZERO;
        loop {
            let running = control.still_running(patience);
            if running.is_empty() {
                return Ok(());
            }
            for processor in running.iter().filter_map(|index| processors.get(*index)) {
                if let Some(thread) = &processor.thread {
                    // A thread that has just ended can't be signalled, and needn't.
                    let _ = thread.kill(signal);
                }
            }
            patience = PATIENCE;
        }
    }

    /// Pauses all of them: no instruction of the guest runs, and nothing they did is half done.
    ///
    /// # Errors
    /// When the machine has ended.
    pub(crate) fn pause_all(processors: &[Self], control: &Control) -> Result<(), MachineError> {
        control.ask_to_pause();
        Self::bring_out(processors, control)?;
        control.ended().map_or(Ok(()), |_| Err(MachineError::Ended))
    }
}

impl Drop for Processor {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic in there has ended the machine already.
            let _ = thread.join();
        }
    }
}

/// Reports the end of the thread, however it comes.
struct Ending<'a>(usize, &'a Control);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.1.end(End::Failed("its thread panicked".to_owned()));
        }
        self.1.report(self.0, Activity::Ended);
    }
}

fn live(index: usize, descriptor: &Mutex<VcpuFd>, control: &Control, bus: &dyn Bus) {
    let _ending = Ending(index, control);
    while control.wait_for_wish(index) {
        let mut processor = descriptor.lock().unwrap_or_else(PoisonError::into_inner);
        // A guest that was paused must not take the pause for a hang. One without KVM's clock has nothing to tell.
        let _ = processor.kvmclock_ctrl();
        while control.runs() {
            match run_once(&mut processor, bus) {
                Ok(Step::On) => {}
                Ok(Step::End(end)) => control.end(end),
                Err(error) => control.end(End::Failed(error.to_string())),
            }
        }
        settle(&mut processor, bus);
        drop(processor);
        control.report(index, Activity::Paused);
    }
}
