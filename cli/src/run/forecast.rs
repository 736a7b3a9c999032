//! What a run would do with each step of a plan, as far as a store on this machine can tell; for `layerc plan`.

use super::opened::Opened;
use super::{place, secret_values};
use crate::configuration::{Configuration, SecretSource};
use anyhow::Result;
use layerc_executor::backend::{Backend, BaseImage, ImageSource};
use layerc_executor::cache::annotate::{Forecast, Known, annotate};
use layerc_executor::event::Reason;
use layerc_executor::run::{image_names, secret_names};
use layerc_executor::variables::BuiltIns;
use layerc_planner::plan::Plan;
use layerc_planner::render::{StepAnnotation, StepAnnotations};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Annotations of a plan's steps; none when there is no store or it knows nothing of this plan. Nothing is made and
/// no command is run for it.
pub(crate) fn forecast(
    plan: &Plan,
    root: &Path,
    configuration: &Configuration,
    store: Option<&Path>,
) -> Result<StepAnnotations> {
    let Ok(directory) = place::store_directory(store, configuration.run.store.as_deref()) else {
        return Ok(StepAnnotations::new());
    };
    if !directory.join("index").is_dir() {
        return Ok(StepAnnotations::new());
    }
    let opened = Opened::new(&directory, root)?;
    let is_quiet = |source: &SecretSource| !matches!(source, SecretSource::Command(_));
    let quiet = configuration.secrets.iter().filter(|(_, source)| is_quiet(source));
    let configured = quiet.map(|(name, source)| (name.clone(), source.clone())).collect();
    let secrets = secret_values::look_up(&secret_names(plan), &[], &configured)?;
    let known = Known {
        plan,
        store: &opened.store,
        repository: opened.repository.as_ref(),
        secrets: &secrets,
        built_ins: &BuiltIns::new(root, "", BTreeMap::new()),
        bases: &ready_bases(plan, configuration, &opened),
    };
    let forecasts = annotate(&known)?;
    let is_known = forecasts.values().any(|forecast| match forecast {
        Forecast::Cached => true,
        Forecast::WillRun(reason) => !matches!(reason, Reason::New | Reason::Follows { .. }),
    });
    Ok(if is_known {
        forecasts.into_iter().map(annotated).collect()
    } else {
        StepAnnotations::new()
    })
}

fn annotated((node, forecast): (u32, Forecast)) -> (u32, StepAnnotation) {
    let annotation = match forecast {
        Forecast::Cached => StepAnnotation::Cached,
        Forecast::WillRun(reason) => StepAnnotation::WillRun { reason: reason.to_string() },
    };
    (node, annotation)
}

/// The images whose identity can be told without making anything.
fn ready_bases(
    plan: &Plan,
    configuration: &Configuration,
    opened: &Opened,
) -> BTreeMap<String, Arc<BaseImage>> {
    let mut bases = BTreeMap::new();
    for name in image_names(plan) {
        if configuration.images.source(&name) == Some(&ImageSource::Host)
            && let Ok(base) = opened.backend.prepare_base(&ImageSource::Host, &|_| {})
        {
            bases.insert(name, Arc::new(base));
        }
    }
    bases
}
