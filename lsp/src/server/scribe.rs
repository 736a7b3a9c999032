//! The one thread that changes the state: takes notes in their order and hands out snapshots between them.
//!
//! A note that panics leaves the state as it was before. Knows nothing of answers.

use super::publisher::Publisher;
use crate::workspace::{Snapshot, State};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

/// Changes the state.
type Change = Box<dyn FnOnce(&mut State) + Send>;

/// Looks at the state.
type Look = Box<dyn FnOnce(&State) + Send>;

/// One thing to do, in its turn.
enum Note {
    /// Change the state, then tell the publisher.
    Change(Change),
    /// Look at the state.
    Look(Look),
    /// Hand out the present moment.
    Snapshot(oneshot::Sender<Arc<Snapshot>>),
}

/// The way to the thread.
#[derive(Debug, Clone)]
pub(super) struct Scribe {
    notes: Sender<Note>,
}

impl std::fmt::Debug for Note {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Change(_) => "Change",
            Self::Look(_) => "Look",
            Self::Snapshot(_) => "Snapshot",
        })
    }
}

impl Scribe {
    /// Starts the thread; it ends when all ways to it are gone.
    pub(super) fn start(state: State, publisher: Publisher) -> Self {
        let (notes, received) = channel();
        let work = move || work(state, &received, &publisher);
        // Without a thread nothing is ever answered; the client sees requests that fail.
        let _thread = std::thread::Builder::new().name("scribe".to_owned()).spawn(work);
        Self { notes }
    }

    /// Changes the state after everything noted before. Returns at once.
    pub(super) fn change(&self, change: impl FnOnce(&mut State) + Send + 'static) {
        let _ended = self.notes.send(Note::Change(Box::new(change)));
    }

    /// Looks at the state after everything noted before. Returns at once.
    pub(super) fn look(&self, look: impl FnOnce(&State) + Send + 'static) {
        let _ended = self.notes.send(Note::Look(Box::new(look)));
    }

    /// The state after everything noted before; `None` if the thread is gone. The place in the order is taken by the
    /// call itself, not by the first wait for its result.
    pub(super) fn snapshot(&self) -> impl Future<Output = Option<Arc<Snapshot>>> + Send + use<> {
        let (answer, waiting) = oneshot::channel();
        let _ended = self.notes.send(Note::Snapshot(answer));
        async { waiting.await.ok() }
    }
}

fn work(mut state: State, notes: &Receiver<Note>, publisher: &Publisher) {
    let mut latest = state.snapshot();
    while let Ok(note) = notes.recv() {
        match note {
            Note::Change(change) => {
                if catch_unwind(AssertUnwindSafe(|| change(&mut state))).is_ok() {
                    latest = state.snapshot();
                    publisher.show(Arc::clone(&latest));
                }
            }
            Note::Look(look) => {
                let _failed = catch_unwind(AssertUnwindSafe(|| look(&state)));
            }
            Note::Snapshot(answer) => {
                let _cancelled = answer.send(Arc::clone(&latest));
            }
        }
    }
}
