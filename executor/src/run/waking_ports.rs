//! The way to the ports of a machine that may be put to sleep: whoever wants to connect keeps it awake first, which wakes
//! it if it sleeps.
//!
//! Knows no machines and no plans: how one is put to sleep and woken is its caretaker's affair, who is told here when
//! somebody wants it awake. However many want that at once, it is woken once.

use crate::backend::{KeptAwake, Ports};
use crossbeam_channel::Sender;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where a machine is between up and asleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Awake,
    /// On its way to one of the other two.
    Between,
    Asleep,
    /// The same, and somebody waits for it.
    Wanted,
    /// It will not come back.
    Gone,
}

struct State {
    /// To the machine that was up last.
    ports: Arc<dyn Ports>,
    phase: Phase,
    /// Who keeps it awake.
    held: usize,
    /// Since when nobody does.
    free_since: Instant,
    /// Wakings that failed, and why the last one did.
    failures: u64,
    reason: String,
}

/// See the module.
pub(super) struct WakingPorts {
    state: Mutex<State>,
    changed: Condvar,
    caretaker: Sender<()>,
}

/// As long as this lives, the machine is not put to sleep.
struct Hold(Arc<WakingPorts>);

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.held -= 1;
        state.free_since = Instant::now();
    }
}

impl WakingPorts {
    /// To a machine that is up. `caretaker` is told when it is wanted and sleeps.
    pub(super) fn new(ports: Arc<dyn Ports>, caretaker: Sender<()>) -> Self {
        let state = State {
            ports,
            phase: Phase::Awake,
            held: 0,
            free_since: Instant::now(),
            failures: 0,
            reason: String::new(),
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), caretaker }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn becomes(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Whether nobody has kept it awake for so long. From then on everybody waits, until it is said what became of it.
    pub(super) fn begin_sleep(&self, idle: Duration) -> bool {
        let mut state = self.lock();
        let is_idle = state.held == 0 && state.free_since.elapsed() >= idle;
        let falls = state.phase == Phase::Awake && is_idle;
        if falls {
            state.phase = Phase::Between;
        }
        falls
    }

    /// Whether it sleeps and somebody waits for it. From then on it is being woken.
    pub(super) fn begin_waking(&self) -> bool {
        let mut state = self.lock();
        let is_wanted = state.phase == Phase::Wanted;
        if is_wanted {
            state.phase = Phase::Between;
        }
        is_wanted
    }

    /// It sleeps.
    pub(super) fn sleeps(&self) {
        self.becomes(|state| state.phase = Phase::Asleep);
    }

    /// It did not fall asleep.
    pub(super) fn stays_awake(&self) {
        self.becomes(|state| state.phase = Phase::Awake);
    }

    /// It is up again, and this is the way to it.
    pub(super) fn is_awake(&self, ports: Arc<dyn Ports>) {
        self.becomes(|state| {
            (state.ports, state.phase, state.free_since) = (ports, Phase::Awake, Instant::now());
        });
    }

    /// It could not be woken. Whoever comes next has it tried again.
    pub(super) fn does_not_wake(&self, reason: String) {
        self.becomes(|state| {
            (state.phase, state.reason) = (Phase::Asleep, reason);
            state.failures += 1;
        });
    }

    /// Nobody takes care of it any more.
    pub(super) fn is_gone(&self) {
        self.becomes(|state| state.phase = Phase::Gone);
    }
}

impl Ports for WakingPorts {
    fn connect(&self, port: u16) -> io::Result<OwnedFd> {
        let ports = Arc::clone(&self.lock().ports);
        ports.connect(port)
    }

    fn keep_awake(self: Arc<Self>) -> io::Result<KeptAwake> {
        let mut state = self.lock();
        let failures = state.failures;
        loop {
            match state.phase {
                Phase::Awake => break,
                Phase::Gone => return Err(io::ErrorKind::NotConnected.into()),
                Phase::Asleep if state.failures > failures => {
                    return Err(io::Error::other(state.reason.clone()));
                }
                Phase::Asleep => {
                    state.phase = Phase::Wanted;
                    // Without a caretaker it is said that the machine is gone.
                    let _ = self.caretaker.send(());
                }
                Phase::Wanted | Phase::Between => {}
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.held += 1;
        drop(state);
        Ok(Box::new(Hold(self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::{Receiver, unbounded};
    use std::os::unix::net::UnixStream;
    use std::thread;

    struct Port;

    impl Ports for Port {
        fn connect(&self, _: u16) -> io::Result<OwnedFd> {
            UnixStream::pair().map(|(one, _)| one.into())
        }
    }

    fn ports() -> (Arc<WakingPorts>, Receiver<()>) {
        let (caretaker, wishes) = unbounded();
        (Arc::new(WakingPorts::new(Arc::new(Port), caretaker)), wishes)
    }

    fn asleep() -> (Arc<WakingPorts>, Receiver<()>) {
        let (ports, wishes) = ports();
        assert!(ports.begin_sleep(Duration::ZERO));
        ports.sleeps();
        (ports, wishes)
    }

    #[test]
    fn who_keeps_it_awake_keeps_it_from_falling_asleep() {
        let (ports, _wishes) = ports();
        let hold = Arc::clone(&ports).keep_awake().unwrap();
        assert!(!ports.begin_sleep(Duration::ZERO));
        drop(hold);
        assert!(!ports.begin_sleep(Duration::from_hours(1)));
        assert!(ports.begin_sleep(Duration::ZERO));
        assert!(!ports.begin_waking(), "nobody wants it");
    }

    #[test]
    fn many_who_want_it_at_once_wake_it_once() {
        let (ports, wishes) = asleep();
        thread::scope(|scope| {
            let ask = || Arc::clone(&ports).keep_awake().map(drop).is_ok();
            let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            wishes.recv().unwrap();
            assert!(ports.begin_waking());
            assert!(!ports.begin_waking(), "it is being woken already");
            ports.is_awake(Arc::new(Port));
            assert!(asking.into_iter().all(|asked| asked.join().unwrap()));
        });
        assert!(wishes.try_recv().is_err());
    }

    #[test]
    fn a_failure_is_told_to_who_waited_and_the_next_one_has_it_tried_again() {
        let (ports, wishes) = asleep();
        let ask = || Arc::clone(&ports).keep_awake().map(drop).map_err(|error| error.to_string());
        thread::scope(|scope| {
            for (reason, answer) in
                [("the disk is full", Err("the disk is full".to_owned())), ("", Ok(()))]
            {
                let asked = scope.spawn(ask);
                wishes.recv().unwrap();
                assert!(ports.begin_waking());
                match reason {
                    "" => ports.is_awake(Arc::new(Port)),
                    reason => ports.does_not_wake(reason.to_owned()),
                }
                assert_eq!(asked.join().unwrap(), answer);
            }
        });
        ports.is_gone();
        assert!(ask().is_err());
    }
}
