//! What is said to the process of a machine, and what it answers: one answer for each order. Open files go along.
//!
//! Answers are said by somebody who may be the guest: texts are cut and cleaned before anybody reads them.

use crate::kvm::Secrecy;
use crate::kvm::error::MachineError;
use crate::kvm::machine::Shape;
use crate::kvm::vcpu::End;
use serde::{Deserialize, Serialize};
use std::io;

use super::devices::DeviceOrder;

/// Most characters of a text of the other end that are told.
const MOST_CHARACTERS: usize = 2000;

/// What the nursery is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Request {
    /// A process for a machine. Along: where its orders come from, where its machine's end is told, what it prints to, where
    /// its own end is told.
    Process,
}

/// What became of a process that the nursery was asked for: said once, by the nursery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fate {
    /// There never was one, for this reason.
    Unborn(String),
    /// It ended with this exit status.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
}

/// What the process is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Boot a machine. Along: KVM, the kernel, the initial file system if there is one, what is behind the devices.
    Boot {
        /// What it has.
        shape: Shape,
        /// What the kernel is told.
        command_line: String,
        /// What the files are called in messages: the kernel, and the initial file system if there is one.
        names: Vec<String>,
        /// Its devices.
        devices: Vec<DeviceOrder>,
    },
    /// Make all that KVM has of a machine, for one that is to be restored. Along: KVM.
    Prepare(Shape),
    /// Restore a machine in what was prepared, and let it run. Along: the state, the memory files, what is behind the devices.
    Restore {
        /// How many memory files.
        memory_files: u32,
        /// Its devices.
        devices: Vec<DeviceOrder>,
    },
    /// Have the machine stand still.
    Pause,
    /// Let it run.
    Resume,
    /// Freeze the disk. Along: the file that is written from now on, which was begun.
    FreezeDisk(Secrecy),
    /// Write the disk to another file, with all that was written to it since it was frozen. Along: that file, which was begun.
    MoveDisk(Secrecy),
    /// Begin a snapshot while the machine runs. Along: a new file for its memory.
    BeginKeeping(Secrecy),
    /// Make it whole, and let the machine run on. Along: an empty file for everything but memory.
    FinishKeeping {
        /// Its name.
        name: String,
    },
    /// Do what no machine may. The process doesn't live to answer.
    Trespass,
}

/// What the process says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The walls are up. Along: a handle of the process.
    Ready {
        /// Walls that this host doesn't permit.
        lacking: Vec<String>,
    },
    /// Done.
    Done,
    /// Not done.
    Failed(Fault),
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fault {
    /// The machine has ended.
    Ended,
    /// The operating system said no.
    System {
        /// What was tried.
        action: String,
        /// Its number for that; 0 if it has none.
        errno: i32,
        /// The same in words.
        text: String,
    },
    /// Anything else.
    Other(String),
}

/// How the machine ended, told without being asked, and the last that is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum News {
    /// It turned itself off.
    Off,
    /// It restarted itself.
    Restarted,
    /// Something else.
    Failed(String),
}

/// A text of the other end, for people: of bounded length and without characters that move a cursor.
fn clean(text: &str) -> String {
    let printable = text.chars().map(|one| if one.is_control() { ' ' } else { one });
    printable.take(MOST_CHARACTERS).collect()
}

impl From<MachineError> for Fault {
    fn from(error: MachineError) -> Self {
        match error {
            MachineError::Ended => Self::Ended,
            MachineError::System { action, source } => Self::System {
                action,
                errno: source.raw_os_error().unwrap_or(0),
                text: source.to_string(),
            },
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<Fault> for MachineError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Ended => Self::Ended,
            Fault::System { action, errno, text } => {
                let source = match errno {
                    0 => io::Error::other(clean(&text)),
                    errno => io::Error::from_raw_os_error(errno),
                };
                Self::System { action: clean(&action), source }
            }
            Fault::Other(text) => Self::Process(clean(&text)),
        }
    }
}

impl From<End> for News {
    fn from(end: End) -> Self {
        match end {
            End::Off => Self::Off,
            End::Restarted => Self::Restarted,
            End::Stopped => Self::Failed("it was told to end".to_owned()),
            End::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<News> for End {
    fn from(news: News) -> Self {
        match news {
            News::Off => Self::Off,
            News::Restarted => Self::Restarted,
            News::Failed(reason) => Self::Failed(clean(&reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_other_end_says_moves_no_cursor_and_has_an_end() {
        let told = MachineError::from(Fault::Other("\u{1b}[2J\nx".repeat(10_000))).to_string();
        assert!(told.starts_with(" [2J x [2J") && told.chars().count() == MOST_CHARACTERS);
        let action = "write\na file".to_owned();
        let fault = Fault::System { action, errno: 28, text: String::new() };
        let told = MachineError::from(fault);
        assert_eq!(told.to_string(), "cannot write a file");
    }
}
