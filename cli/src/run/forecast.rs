//! What a run would do with each step of a plan, as far as a store on this machine can tell; for `layerc plan`. No
//! command is run for it and no image is made.

use super::opened::Opened;
use super::{Conditions, secret_values};
use crate::configuration::Configuration;
use anyhow::Result;
use layerc_executor::backend::{BaseImage, ImageSource};
use layerc_executor::cache::forecast::{Expected, Forecast, Known, forecast as foresee};
use layerc_executor::event::Reason;
use layerc_executor::run::secret_names;
use layerc_executor::variables::BuiltIns;
use layerc_planner::plan::Plan;
use layerc_planner::render::{StepAnnotation, StepAnnotations};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What `layerc run` under the same conditions would do. Makes the store if it isn't there.
pub(crate) fn forecast(
    plan: &Plan,
    root: &Path,
    configuration: &Configuration,
    conditions: &Conditions,
) -> Result<Forecast> {
    let images = conditions.images(plan, configuration.images.clone())?;
    let directory = conditions.store_directory(configuration)?;
    let chosen = conditions.executor.choose(configuration, None, plan, &images, &directory)?;
    let opened = Opened::to_look(&directory, root, &chosen)?;
    let names = secret_names(plan);
    let secrets =
        secret_values::look_up_quietly(&names, &conditions.secrets, &configuration.secrets)?;
    let known = Known {
        plan,
        store: &opened.store,
        repository: opened.repository.as_ref(),
        secrets: &secrets,
        built_ins: &BuiltIns::new(root, "", conditions.variables()?),
        bases: &ready_bases(&images, &opened),
        keeps: opened.machines.backend().keeps(),
        has_layer: &|layer| opened.machines.backend().has_layer(layer),
    };
    Ok(foresee(&known)?)
}

/// The same as annotations of the plan's nodes; none when there is no store or it knows nothing of this plan.
pub(crate) fn annotations(
    plan: &Plan,
    root: &Path,
    configuration: &Configuration,
    conditions: &Conditions,
) -> Result<StepAnnotations> {
    let Ok(directory) = conditions.store_directory(configuration) else {
        return Ok(StepAnnotations::new());
    };
    if !directory.join("index").is_dir() {
        return Ok(StepAnnotations::new());
    }
    let forecast = forecast(plan, root, configuration, conditions)?;
    let tells = |expected: &Expected| match expected {
        Expected::Cached { .. } => true,
        Expected::WillRun { reason } => !matches!(reason, Reason::New | Reason::Follows { .. }),
        Expected::Unknown { .. } | Expected::LeftOut => false,
    };
    if !forecast.steps.iter().any(|step| tells(&step.expected)) {
        return Ok(StepAnnotations::new());
    }
    let mut annotations = StepAnnotations::new();
    for (node, expected) in forecast.by_node() {
        annotations.insert(node, annotated(expected));
    }
    Ok(annotations)
}

fn annotated(expected: &Expected) -> StepAnnotation {
    match expected {
        Expected::Cached { again: None, .. } => StepAnnotation::Cached,
        Expected::Cached { again: Some(cause), .. } => StepAnnotation::WillRun {
            reason: format!("known, but its state is needed and wasn't kept: {cause}"),
        },
        Expected::WillRun { reason } => StepAnnotation::WillRun { reason: reason.to_string() },
        Expected::Unknown { cause } => StepAnnotation::Unknown { cause: cause.clone() },
        Expected::LeftOut => StepAnnotation::LeftOut,
    }
}

/// The images whose identity can be told without making anything.
fn ready_bases(
    images: &BTreeMap<String, ImageSource>,
    opened: &Opened,
) -> BTreeMap<String, Arc<BaseImage>> {
    let mut ready = BTreeMap::new();
    for (name, source) in images {
        if let Ok(Some(base)) = opened.machines.backend().ready_base(source) {
            ready.insert(name.clone(), Arc::new(base));
        }
    }
    ready
}
