//! Base images of a run, each made ready once however many runners start from it.

use super::trouble::with_causes;
use crate::backend::{Backend, BaseImage, ImageSource};
use crate::event::{Event, EventSink};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

type Made = Arc<OnceLock<Result<Arc<BaseImage>, String>>>;

/// The images that were asked for so far.
#[derive(Default)]
pub(super) struct Bases {
    made: Mutex<HashMap<String, Made>>,
    noted: Mutex<HashSet<String>>,
}

impl Bases {
    /// The image of a name.
    pub(super) fn get(
        &self,
        image: &str,
        images: &BTreeMap<String, ImageSource>,
        backend: &dyn Backend,
        events: &dyn EventSink,
    ) -> Result<Arc<BaseImage>, String> {
        let place = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(made.entry(image.to_owned()).or_default())
        };
        let result = place.get_or_init(|| {
            let source = images
                .get(image)
                .ok_or_else(|| format!("the base image `{image}` is not mapped"))?;
            let progress = |text: &str| {
                events
                    .emit(Event::BasePreparing { image: image.to_owned(), text: text.to_owned() });
            };
            match backend.prepare_base(source, &progress) {
                Ok(base) => Ok(Arc::new(base)),
                Err(error) => Err(format!(
                    "cannot make the base image `{image}` ready: {}",
                    with_causes(&error)
                )),
            }
        });
        result.clone()
    }

    /// Says what the user should know of an image or a host, when the first machine shows it.
    pub(super) fn say_once(&self, notes: &[String], events: &dyn EventSink) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        for note in notes {
            if noted.insert(note.clone()) {
                events.emit(Event::Note { text: note.clone() });
            }
        }
    }
}
