//! The life of a machine's process as the run sees it: what its serial line prints, how the machine ended or what ended
//! the process, and ending it.

use super::channel;
use super::newborn::Ends;
use super::protocol::{Fate, News};
use crate::kvm::console::Output;
use crate::kvm::vcpu::End;
use rustix::process::{Signal, pidfd_send_signal};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes of the serial line that are taken at once.
const PIECE_BYTES: usize = 4096;

/// How a machine and its process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ended {
    /// The machine did, and its process with it.
    Machine(End),
    /// Its process was ended from this side.
    Told,
    /// Its process did without saying why.
    Process(Cause),
}

/// Why a process is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Signal(i32),
    Code(i32),
    /// The process that it came from, and with it all that came from there.
    Nursery,
}

impl Cause {
    fn of(fate: Option<&Fate>) -> Self {
        match fate {
            Some(Fate::Signalled(signal)) => Self::Signal(*signal),
            Some(Fate::Exited(code)) => Self::Code(*code),
            // It told so only of one that nobody follows.
            Some(Fate::Unborn(_)) | None => Self::Nursery,
        }
    }

    fn wording(self) -> String {
        match self {
            Self::Signal(libc::SIGSYS) => {
                "its process asked this host for something that machines must not ask for \
                 (a forbidden system call), and was ended by the kernel"
                    .to_owned()
            }
            Self::Signal(signal) => {
                format!("its process was ended from outside, by signal {signal}")
            }
            Self::Code(code) => format!("its process ended with exit status {code}"),
            Self::Nursery => {
                "the process that all machines of this run come from was ended from outside"
                    .to_owned()
            }
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Life {
    handle: OwnedFd,
    /// Whether this side has ended it, and how it ended.
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    told: bool,
    ended: Option<Ended>,
}

impl Life {
    /// Follows it to its end, which these ends tell. `handle` is of the machine's process.
    ///
    /// # Errors
    /// When there are no threads left.
    pub(super) fn follow(ends: Ends, output: Output, handle: OwnedFd) -> io::Result<Arc<Self>> {
        let life = Arc::new(Self { handle, state: Mutex::default(), changed: Condvar::new() });
        let followed = Arc::clone(&life);
        let follow = move || followed.finish(listen(ends, output));
        thread::Builder::new().name("machine's life".to_owned()).spawn(follow)?;
        Ok(life)
    }

    fn finish(&self, ended: Ended) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let told = state.told && matches!(ended, Ended::Process(_));
        state.ended = Some(if told { Ended::Told } else { ended });
        self.changed.notify_all();
    }

    /// Ends it at once, from any thread.
    pub fn end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).told = true;
        // Of one that has ended nothing is left to end.
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
    }

    /// Whether it has ended within this time: nothing of it is left then.
    pub fn has_ended(&self, patience: Duration) -> bool {
        self.ended(patience).is_some()
    }

    fn ended(&self, patience: Duration) -> Option<Ended> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = |state: &mut State| state.ended.is_none();
        let waited = self.changed.wait_timeout_while(state, patience, goes_on);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended.clone()
    }

    /// How it ended, in words, once it has within this time.
    pub fn how_it_ended(&self, patience: Duration) -> String {
        match self.ended(patience) {
            None => "it does not answer".to_owned(),
            Some(Ended::Machine(End::Off)) => "it turned itself off".to_owned(),
            Some(Ended::Machine(End::Restarted)) => {
                "it restarted itself, or its kernel panicked".to_owned()
            }
            Some(Ended::Told | Ended::Machine(End::Stopped)) => {
                "it was ended from outside".to_owned()
            }
            Some(Ended::Machine(End::Failed(reason))) => reason,
            Some(Ended::Process(cause)) => cause.wording(),
        }
    }
}

/// Passes on what is printed, to the last byte, and hears how it ended.
fn listen(ends: Ends, mut output: Output) -> Ended {
    let Ends { fate, news, mut printed } = ends;
    let mut piece = [0; PIECE_BYTES];
    loop {
        match printed.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => {
                let _ = output.write_all(piece.get(..length).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    // Whoever has the other end of one has that of the other too: no word by now means none.
    let told = channel::receive::<News>(&news).ok().flatten();
    // The process is gone when this comes.
    let fate = channel::receive::<Fate>(&fate).ok().flatten().map(|(fate, _)| fate);
    match told {
        Some((news, _)) => Ended::Machine(news.into()),
        None => Ended::Process(Cause::of(fate.as_ref())),
    }
}
