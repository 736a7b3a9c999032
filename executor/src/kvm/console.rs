//! The serial line of a guest: what it prints, and what is typed to it.

use super::error::MachineError;
use kvm_bindings::kvm_pit_config;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt::{self, Debug, Formatter};
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use vm_superio::Trigger;
use vm_superio::serial::{NoEvents, Serial, SerialState};
use vmm_sys_util::eventfd::EventFd;

/// Most bytes that wait for a guest that doesn't read.
const MOST_WAITING_BYTES: usize = 1 << 20;

/// The interrupt of the line.
#[derive(Debug)]
pub(crate) struct LineInterrupt(EventFd);

impl Trigger for LineInterrupt {
    type E = io::Error;

    fn trigger(&self) -> io::Result<()> {
        self.0.write(1)
    }
}

/// Where a guest's output goes.
pub type Output = Box<dyn Write + Send>;

/// The line.
pub(crate) struct Console {
    line: Mutex<Line>,
    interrupt: EventFd,
}

impl Debug for Console {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Console").finish_non_exhaustive()
    }
}

struct Line {
    serial: Serial<LineInterrupt, NoEvents, Output>,
    waiting: VecDeque<u8>,
}

/// The line in a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConsoleState {
    registers: [u8; 9],
    received: Vec<u8>,
    waiting: Vec<u8>,
}

impl Console {
    /// A line at rest, or as it was.
    ///
    /// # Errors
    /// When the host has no events left, or the state is of no line.
    pub(crate) fn new(output: Output, state: &ConsoleState) -> Result<Self, MachineError> {
        Self::make(output, state).map_err(MachineError::system("make a serial line"))
    }

    fn make(output: Output, state: &ConsoleState) -> io::Result<Self> {
        let interrupt = EventFd::new(libc::EFD_NONBLOCK)?;
        let trigger = LineInterrupt(interrupt.try_clone()?);
        let serial = Serial::from_state(&registers_of(state), trigger, NoEvents, output)
            .map_err(|error| io::Error::other(format!("{error:?}")))?;
        let waiting = state.waiting.iter().copied().collect();
        Ok(Self { line: Mutex::new(Line { serial, waiting }), interrupt })
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be made its interrupt.
    pub(crate) fn interrupt(&self) -> &EventFd {
        &self.interrupt
    }

    /// The guest reads a register.
    pub(crate) fn read(&self, register: u8) -> u8 {
        let mut line = self.lock();
        let value = line.serial.read(register);
        line.refill();
        value
    }

    /// The guest writes a register. Output that can't be written is lost.
    pub(crate) fn write(&self, register: u8, value: u8) {
        let _ = self.lock().serial.write(register, value);
    }

    /// Types to the guest. What it doesn't read in time is kept up to a limit, then lost.
    pub(crate) fn type_in(&self, bytes: &[u8]) {
        let mut line = self.lock();
        let room = MOST_WAITING_BYTES.saturating_sub(line.waiting.len());
        line.waiting.extend(bytes.iter().take(room));
        line.refill();
    }

    /// For a snapshot.
    pub(crate) fn state(&self) -> ConsoleState {
        let line = self.lock();
        let state = line.serial.state();
        ConsoleState {
            registers: [
                state.baud_divisor_low,
                state.baud_divisor_high,
                state.interrupt_enable,
                state.interrupt_identification,
                state.line_control,
                state.line_status,
                state.modem_control,
                state.modem_status,
                state.scratch,
            ],
            received: state.in_buffer,
            waiting: line.waiting.iter().copied().collect(),
        }
    }
}

impl Line {
    /// Hands on what waits, as far as the line takes it.
    fn refill(&mut self) {
        while self.serial.fifo_capacity() > 0 {
            let Some(byte) = self.waiting.pop_front() else { return };
            if !matches!(self.serial.enqueue_raw_bytes(&[byte]), Ok(1)) {
                // The guest tests the line's own loop: not now.
                self.waiting.push_front(byte);
                return;
            }
        }
    }
}

fn registers_of(state: &ConsoleState) -> SerialState {
    if *state == ConsoleState::default() {
        return SerialState::default();
    }
    let [low, high, enable, identification, control, status, modem, modem_status, scratch] =
        state.registers;
    SerialState {
        baud_divisor_low: low,
        baud_divisor_high: high,
        interrupt_enable: enable,
        interrupt_identification: identification,
        line_control: control,
        line_status: status,
        modem_control: modem,
        modem_status,
        scratch,
        in_buffer: state.received.clone(),
    }
}

/// The old timer without its speaker.
pub(crate) fn timer_without_speaker() -> kvm_pit_config {
    kvm_pit_config { flags: kvm_bindings::KVM_PIT_SPEAKER_DUMMY, ..kvm_pit_config::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn typed(console: &Console, count: usize) -> Vec<u8> {
        (0..count).map(|_| console.read(0)).collect()
    }

    #[test]
    fn the_line_prints_and_takes_more_than_it_holds_at_once() {
        let paper = Paper::default();
        let console = Console::new(Box::new(paper.clone()), &ConsoleState::default()).unwrap();
        for byte in *b"hello" {
            console.write(0, byte);
        }
        assert_eq!(*paper.0.lock().unwrap(), b"hello");
        let text: Vec<u8> = (0..200).collect();
        console.type_in(&text);
        assert_eq!(typed(&console, 200), text);
    }

    #[test]
    fn a_restored_line_has_what_was_typed_before() {
        let console = Console::new(Box::new(io::sink()), &ConsoleState::default()).unwrap();
        let text: Vec<u8> = (0..100).collect();
        console.type_in(&text);
        let read = typed(&console, 10);
        let restored = Console::new(Box::new(io::sink()), &console.state()).unwrap();
        assert_eq!([read, typed(&restored, 90)].concat(), text);
    }
}
