//! Which instruction on the way to a step is another one than in an earlier run: compares the plans they were run from.

use anyhow::Result;
use layerc_executor::event::StepInfo;
use layerc_executor::store::history::PastRun;
use layerc_planner::codec;
use layerc_planner::plan::{Action, LayerfileId, Node, Plan};

/// What came of comparing.
pub(super) enum Compared {
    /// The same instructions lead to the step.
    Same,
    /// This is the first that differs.
    Different {
        /// `LAYERFILE:LINE`.
        place: String,
        /// What it says.
        now: String,
        /// What stood there.
        before: String,
    },
}

/// An instruction on the way.
struct Passed {
    place: String,
    text: String,
    key: Key,
}

/// What counts of an instruction.
#[derive(PartialEq)]
enum Key {
    Image(String),
    Step(Action),
    Split(u32, bool),
}

/// The first difference on the way to `step`; `None` if the earlier plan has no such Layerfile.
pub(super) fn first_change(
    run: &PastRun,
    earlier: &PastRun,
    step: &StepInfo,
) -> Result<Option<Compared>> {
    let now = codec::decode(&run.plan()?)?;
    let Ok(before) = codec::decode(&earlier.plan()?) else { return Ok(None) };
    let (Some(now), Some(before)) = (way(&now, step), way(&before, step)) else {
        return Ok(None);
    };
    for (place, passed) in now.iter().enumerate() {
        let before = before.get(place);
        if before.is_none_or(|before| before.key != passed.key) {
            return Ok(Some(Compared::Different {
                place: passed.place.clone(),
                now: passed.text.clone(),
                before: before.map_or_else(|| "nothing".to_owned(), |before| before.text.clone()),
            }));
        }
        if passed.place == format!("{}:{}", step.layerfile, step.line) {
            break;
        }
    }
    Ok(Some(Compared::Same))
}

/// The instructions from the base image to the end of a step's Layerfile.
fn way(plan: &Plan, step: &StepInfo) -> Option<Vec<Passed>> {
    let own = plan.layerfiles.iter().position(|file| file.path.to_string() == step.layerfile)?;
    let mut files = vec![LayerfileId(u32::try_from(own).ok()?)];
    while let Some(parent) =
        files.last().and_then(|id| plan.layerfile(*id)).and_then(|file| file.parent)
    {
        if files.contains(&parent) {
            return None;
        }
        files.push(parent);
    }
    let nodes =
        files.into_iter().rev().flat_map(|file| plan.path(file).map(move |(_, node)| (file, node)));
    Some(nodes.filter_map(|(file, node)| passed(plan, file, node)).collect())
}

fn passed(plan: &Plan, file: LayerfileId, node: &Node) -> Option<Passed> {
    let path = plan.layerfile(file).map(|file| file.path.to_string()).unwrap_or_default();
    Some(match node {
        Node::Base { image } => Passed {
            place: format!("{path}:1"),
            text: format!("FROM {image}"),
            key: Key::Image(image.clone()),
        },
        Node::Step(step) => Passed {
            place: format!("{path}:{}", step.line),
            text: step.text.clone(),
            key: Key::Step(step.action.clone()),
        },
        Node::Fork { copies, ordered, line, .. } => Passed {
            place: format!("{path}:{line}"),
            text: format!("SPLIT {copies}"),
            key: Key::Split(*copies, *ordered),
        },
        Node::Join { .. } | Node::Gate { .. } | Node::End { .. } => return None,
    })
}
