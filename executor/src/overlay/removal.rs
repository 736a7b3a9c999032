//! Removing trees that steps wrote, whatever modes they gave their directories; beside the work where that can wait.
//!
//! With lent numbers the files belong to users this process is not; then an agent in a user namespace of the same
//! numbers removes them.

use super::failure::{Doing, unexpected};
use super::identities::Identities;
use super::start;
use crate::agent::protocol::{Reply, Task};
use crate::agent::remove_own_tree;
use crate::backend::BackendError;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How trees are removed here.
#[derive(Debug, Clone)]
pub(super) struct Removal {
    pub(super) agent_program: PathBuf,
    pub(super) identities: Identities,
}

impl Removal {
    /// Removes a directory and everything in it. One that is not there is removed already.
    pub(super) fn remove_tree(&self, directory: &Path) -> Result<(), BackendError> {
        match remove_own_tree(directory) {
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    && self.identities != Identities::Same =>
            {
                let task = Task::Remove { directory: directory.to_string_lossy().into_owned() };
                match start::have_done(task, &self.agent_program, &self.identities)? {
                    Reply::Done => Ok(()),
                    other => Err(unexpected(other)),
                }
            }
            other => other.doing(|| format!("remove {}", directory.display())),
        }
    }
}

/// How long the end of a process waits for what is being removed. The rest is swept by the next one.
const LAST_WAIT: Duration = Duration::from_millis(100);

/// Removes directories one after the other, while the work goes on.
#[derive(Debug)]
pub(super) struct Remover {
    state: Arc<Mutex<State>>,
}

/// Hands directories to a [`Remover`].
#[derive(Debug, Clone)]
pub(super) struct RemovalQueue {
    state: Arc<Mutex<State>>,
}

/// A thread is started when there is something to remove: a run in which everything is cached removes nothing.
#[derive(Debug)]
enum State {
    Idle(Removal),
    Working { queue: Sender<PathBuf>, ended: Receiver<()> },
    Ended,
}

impl Remover {
    /// Waits for directories.
    pub(super) fn new(removal: Removal) -> Self {
        Self { state: Arc::new(Mutex::new(State::Idle(removal))) }
    }

    /// For those who have directories to remove.
    pub(super) fn queue(&self) -> RemovalQueue {
        RemovalQueue { state: Arc::clone(&self.state) }
    }
}

impl RemovalQueue {
    /// Has a directory removed; nothing is, once the remover is gone.
    pub(super) fn remove(&self, directory: PathBuf) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Idle(removal) = &*state {
            *state = working(removal.clone());
        }
        if let State::Working { queue, .. } = &*state {
            let _ = queue.send(directory);
        }
    }
}

fn working(removal: Removal) -> State {
    let (queue, directories) = unbounded::<PathBuf>();
    let (ending, ended) = bounded(0);
    let work = move || {
        for directory in directories {
            // What can't be removed harms nobody; the next process that opens the store tries again.
            let _ = removal.remove_tree(&directory);
        }
        drop(ending);
    };
    // Without this thread nothing takes what is sent; then the next process sweeps.
    let _ = thread::Builder::new().name("remover".to_owned()).spawn(work);
    State::Working { queue, ended }
}

impl Drop for Remover {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let last = std::mem::replace(&mut *state, State::Ended);
        drop(state);
        if let State::Working { queue, ended } = last {
            drop(queue);
            let _ = ended.recv_timeout(LAST_WAIT);
        }
    }
}
