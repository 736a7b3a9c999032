//! Keeps the record of the run in the store, for `layerc runs` and its kin. Begins with the first event, because a run
//! that lacks something never was one.

use super::listeners::Listener;
use crate::terminal;
use layerc_executor::event::TimedEvent;
use layerc_executor::store::history::{Header, RunRecording};
use layerc_executor::store::{Store, StoreError};
use std::sync::Arc;

/// See the module.
pub(super) struct Diary {
    store: Arc<Store>,
    header: Header,
    plan: Vec<u8>,
    recording: Option<Result<RunRecording, StoreError>>,
}

impl Diary {
    pub(super) const fn new(store: Arc<Store>, header: Header, plan: Vec<u8>) -> Self {
        Self { store, header, plan, recording: None }
    }
}

impl Listener for Diary {
    fn hear(&mut self, timed: &TimedEvent) {
        let begin = || RunRecording::begin(&self.store, &self.header, &self.plan);
        if let Ok(recording) = self.recording.get_or_insert_with(begin) {
            recording.hear(timed);
        }
    }
}

impl Drop for Diary {
    fn drop(&mut self) {
        let trouble = match self.recording.take() {
            None => None,
            Some(Ok(recording)) => recording.finish(),
            Some(Err(error)) => Some(error),
        };
        if let Some(error) = trouble {
            terminal::warn(&format!("`layerc logs` will lack something of this run: {error}"));
        }
    }
}
