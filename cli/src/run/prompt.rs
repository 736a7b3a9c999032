//! Answers of the person at the terminal when a run comes to a BUTTON: one thread reads them while there may be some.

use super::listeners::Listener;
use super::waiting::message;
use crate::terminal;
use layerc_executor::event::{Event, TimedEvent};
use layerc_executor::run::Presser;
use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// What the view says behind a button where answers are read.
pub(super) const INVITATION: &str = "Enter presses it, `n` ends the run waiting";

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Press(u32),
    NobodyPresses,
    Unclear,
}

/// Buttons that are asked for, by number.
type Open = Arc<Mutex<BTreeMap<u32, String>>>;

/// See the module.
#[derive(Debug)]
pub(super) struct Prompt {
    presser: Presser,
    open: Open,
    reader: Option<JoinHandle<()>>,
}

/// Whether there is a person at the terminal.
pub(super) fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

impl Prompt {
    pub(super) fn new(presser: Presser) -> Self {
        Self { presser, open: Open::default(), reader: None }
    }

    fn read_answers(&mut self) {
        if self.reader.is_some() {
            return;
        }
        let (open, presser) = (Arc::clone(&self.open), self.presser.clone());
        let read = move || {
            for answer in std::io::stdin().lock().lines() {
                let Ok(answer) = answer else { break };
                let meaning = meaning(&answer, &lock(&open));
                match meaning {
                    Meaning::Press(number) => presser.press(number),
                    Meaning::NobodyPresses => break,
                    Meaning::Unclear => terminal::tell(&question(&lock(&open))),
                }
            }
            presser.give_up();
        };
        // Without a thread nobody can answer here; `layerc press` still can.
        self.reader = std::thread::Builder::new().name("prompt".to_owned()).spawn(read).ok();
    }
}

impl Listener for Prompt {
    fn hear(&mut self, timed: &TimedEvent) {
        match &timed.event {
            Event::ButtonAsked { number, runner, message: text, .. } => {
                lock(&self.open).insert(*number, format!("{runner}: {}", message(text)));
                self.read_answers();
            }
            Event::ButtonPressed { number, .. } => drop(lock(&self.open).remove(number)),
            _ => {}
        }
    }
}

fn lock(open: &Open) -> MutexGuard<'_, BTreeMap<u32, String>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

fn question(open: &BTreeMap<u32, String>) -> String {
    match open.len() {
        0 => String::new(),
        1 => format!("{INVITATION}\n"),
        _ => {
            let lines: String =
                open.iter().map(|(number, text)| format!("  {number}  {text}\n")).collect();
            format!("{lines}a number presses that button, `n` ends the run waiting\n")
        }
    }
}

fn meaning(answer: &str, open: &BTreeMap<u32, String>) -> Meaning {
    let answer = answer.trim().to_ascii_lowercase();
    let only = match open.len() {
        1 => open.keys().next().copied(),
        _ => None,
    };
    match (answer.as_str(), only) {
        ("n" | "no", _) if !open.is_empty() => Meaning::NobodyPresses,
        ("" | "y" | "yes", Some(only)) => Meaning::Press(only),
        (number, _) => match number.parse() {
            Ok(number) if open.contains_key(&number) => Meaning::Press(number),
            Ok(_) | Err(_) => Meaning::Unclear,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_people_mean() {
        let open = |numbers: &[u32]| -> BTreeMap<u32, String> {
            numbers.iter().map(|number| (*number, String::new())).collect()
        };
        for (answer, numbers, expected) in [
            ("", &[3][..], Meaning::Press(3)),
            (" Yes ", &[3], Meaning::Press(3)),
            ("", &[1, 3], Meaning::Unclear),
            ("3", &[1, 3], Meaning::Press(3)),
            ("2", &[1, 3], Meaning::Unclear),
            ("n", &[1, 3], Meaning::NobodyPresses),
            ("n", &[], Meaning::Unclear),
            ("what?", &[3], Meaning::Unclear),
        ] {
            assert_eq!(meaning(answer, &open(numbers)), expected, "`{answer}` of {numbers:?}");
        }
    }
}
