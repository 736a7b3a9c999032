//! Other repositories of a run, each asked once however many steps name it.

use super::context::Context;
use super::trouble::{Trouble, with_causes};
use crate::clones::{Checkout, CloneRequest, check_out};
use crate::engine::stretch::StretchId;
use crate::event::Event;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

type Made = Arc<OnceLock<Result<Checkout, String>>>;

/// Those that were asked for so far.
#[derive(Default)]
pub(super) struct Clones {
    made: Mutex<HashMap<CloneRequest, Made>>,
}

impl Clones {
    /// Makes the files of a clone visible under its name, for steps and for lookups.
    pub(super) fn show(
        &self,
        request: &CloneRequest,
        context: &Context<'_>,
        stretch: StretchId,
        runner: &str,
    ) -> Result<(), Trouble> {
        let place = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(made.entry(request.clone()).or_default())
        };
        let shown = place.get_or_init(|| fetch(request, context, stretch, runner));
        shown.as_ref().map(|_| ()).map_err(|text| Trouble::Failed(text.clone()))
    }
}

fn fetch(
    request: &CloneRequest,
    context: &Context<'_>,
    stretch: StretchId,
    runner: &str,
) -> Result<Checkout, String> {
    let branch = context.built_ins.branch();
    let checkout = check_out(
        request,
        context.store.directory(),
        Path::new(context.repository_name),
        branch,
        &|stopper| context.stops.attach(stretch, stopper),
    )
    .map_err(|error| with_causes(&error))?;
    let CloneRequest { url, default_branch } = request;
    match &checkout.branch {
        Some(branch) => {
            let text = format!("CLONE {url}: branch `{branch}`, commit {}", checkout.commit);
            context.emit(Event::Note { text });
        }
        None => {
            let has = branch.map_or_else(
                || "there is no current branch".to_owned(),
                |branch| format!("it has no branch `{branch}`"),
            );
            let text = format!(
                "CLONE {url}: {has}, and without `DEFAULT=` commit {} is taken, the other repository's own choice",
                checkout.commit
            );
            context.warn(runner, text);
        }
    }
    debug_assert!(default_branch.is_none() || checkout.branch.is_some());
    context
        .repository
        .show(request.tracked_name().as_bytes(), &checkout.tree)
        .map_err(|error| format!("cannot show the files of `{url}`: {error}"))?;
    Ok(checkout)
}
