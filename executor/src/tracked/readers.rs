//! Which command asks: process ids of requests, turned into command names while the process still lives.
//!
//! Knows `/proc` and nothing of questions.

use crate::read_set::Reader;
use std::collections::HashMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a name is believed. A process keeps its id when it becomes another program, so not for long.
const BELIEVED: Duration = Duration::from_millis(10);

/// Names kept at once; when full, all are forgotten.
const MOST_NAMES: usize = 4_096;

/// Whose processes ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Whose {
    /// This kernel's.
    #[default]
    Ours,
    /// Another kernel's: their numbers are other processes' here.
    Guests,
}

/// Recently seen processes.
#[derive(Debug, Default)]
pub(super) struct Readers {
    whose: Whose,
    names: Mutex<HashMap<u32, (Instant, String)>>,
}

impl Readers {
    /// Processes of a virtual machine, whose names can't be seen from here.
    pub(super) fn of_guest() -> Self {
        Self { whose: Whose::Guests, names: Mutex::default() }
    }

    /// The process of a request. Id 0 is a process that can't be seen from here.
    pub(super) fn of(&self, pid: u32) -> Reader {
        if pid == 0 || self.whose == Whose::Guests {
            return Reader { command: String::new(), pid };
        }
        let now = Instant::now();
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, command)) = names.get(&pid)
            && now.duration_since(*asked) < BELIEVED
        {
            return Reader { command: command.clone(), pid };
        }
        let command = command_name(pid);
        if names.len() >= MOST_NAMES {
            names.clear();
        }
        names.insert(pid, (now, command.clone()));
        Reader { command, pid }
    }
}

/// As the kernel reports it; empty when the process is gone.
fn command_name(pid: u32) -> String {
    fs::read(format!("/proc/{pid}/comm"))
        .map(|name| String::from_utf8_lossy(name.trim_ascii_end()).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Readers;

    #[test]
    fn names_the_living_and_leaves_the_gone_nameless() {
        let readers = Readers::default();
        let own = readers.of(std::process::id());
        assert!(!own.command.is_empty());
        assert_eq!(readers.of(std::process::id()), own);
        assert_eq!(readers.of(u32::MAX).command, "");
        assert_eq!(readers.of(0).command, "");
    }
}
