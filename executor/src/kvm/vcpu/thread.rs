//! The thread of a processor, and how it is brought out of the guest.
//!
//! A signal brings a processor out. One that comes in the moment before it goes in is lost, so it is sent again until
//! the processor has said that it is out. One that never says so (a device of it waits for the host, or the host's
//! KVM has lost it) is given up after a while: its thread is left alone, and what it holds stays reserved.

use super::control::{Activity, Control};
use super::run::{Step, run_once, settle};
use super::{Bus, End};
use crate::kvm::error::MachineError;
use crate::kvm::jail::{Confinement, Role};
use kvm_ioctls::VcpuFd;
use std::os::raw::c_int;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};
use vmm_sys_util::signal::{Killable, SIGRTMIN, register_signal_handler};

/// How long to wait for a processor before it gets the signal again.
const PATIENCE: Duration = Duration::from_micros(500);

/// Longest of those waits: each lasts twice as long as the one before, for a busy host must not be kept busy by signals.
const MOST_PATIENCE: Duration = Duration::from_millis(50);

/// A processor and its thread, which must have been told to end before this is dropped. A thread that has not ended by
/// then is left alone.
#[derive(Debug)]
pub(crate) struct Processor {
    index: usize,
    control: Arc<Control>,
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
        let confining = MachineError::system("confine a processor's thread");
        let confinement = Confinement::of(Role::Processor).map_err(confining)?;
        let descriptor = Arc::new(Mutex::new(descriptor));
        let (its_own, its_control) = (Arc::clone(&descriptor), Arc::clone(&control));
        let thread = Builder::new()
            .name(format!("processor {index}"))
            .spawn(move || {
                let _ending = Ending(index, &its_control);
                match confinement.enter() {
                    Ok(()) => live(index, &its_own, &its_control, bus.as_ref()),
                    Err(error) => its_control
                        .end(End::Failed(format!("its thread can't be confined: {error}"))),
                }
            })
            .map_err(MachineError::system("start a processor's thread"))?;
        Ok(Self { index, control, descriptor, thread: Some(thread) })
    }

    /// Its descriptor, to read or set its state. Waits while it runs.
    pub(crate) fn descriptor(&self) -> MutexGuard<'_, VcpuFd> {
        self.descriptor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings all of them out; they then do what `control` wishes, which is not to run.
    ///
    /// # Errors
    /// When one of them is not out by then.
    pub(crate) fn bring_out(
        processors: &[Self],
        control: &Control,
        until: Instant,
    ) -> Result<(), MachineError> {
        let signal = wake_signal()?;
        let mut patience = Duration::ZERO;
        loop {
            let running = control.still_running(patience);
            let Some(first) = running.first() else { return Ok(()) };
            if Instant::now() >= until {
                return Err(MachineError::Stuck { what: format!("processor {first}") });
            }
            for processor in running.iter().filter_map(|index| processors.get(*index)) {
                if let Some(thread) = &processor.thread {
                    // A thread that has just ended can't be signalled, and needn't.
                    let _ = thread.kill(signal);
                }
            }
            patience = (patience * 2).clamp(PATIENCE, MOST_PATIENCE);
        }
    }

    /// Pauses all of them: no instruction of the guest runs, and nothing they did is half done.
    ///
    /// # Errors
    /// When the machine has ended, or one of them is not out by then: the others run on.
    pub(crate) fn pause_all(
        processors: &[Self],
        control: &Control,
        until: Instant,
    ) -> Result<(), MachineError> {
        control.ask_to_pause();
        Self::bring_out(processors, control, until).inspect_err(|_| control.run_all())?;
        control.ended().map_or(Ok(()), |_| Err(MachineError::Ended))
    }

    /// Waits for the thread, which was told to end.
    ///
    /// # Errors
    /// When it has not by then; it is left alone.
    pub(crate) fn end(mut self, until: Instant) -> Result<(), MachineError> {
        let left = until.saturating_duration_since(Instant::now());
        let what = format!("processor {}", self.index);
        if !self.control.has_ended(self.index, left) {
            return Err(MachineError::Stuck { what });
        }
        self.join();
        Ok(())
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic in there has ended the machine already.
            let _ = thread.join();
        }
    }
}

impl Drop for Processor {
    fn drop(&mut self) {
        if self.control.has_ended(self.index, Duration::ZERO) {
            self.join();
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
