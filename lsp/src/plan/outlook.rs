//! What past runs tell about the lines of a file: cached or not and why, and how long each took.

use crate::workspace::FileView;
use layerc_planner::plan::{LayerfileId, Node, Step};
use layerc_planner::render::StepAnnotation;

/// What is known of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineOutlook {
    /// One-based line of the instruction.
    pub line: u32,
    /// What the next run would do, if past runs tell.
    pub outlook: Option<StepAnnotation>,
    /// The middle of its past durations, in milliseconds.
    pub usual_milliseconds: Option<u64>,
}

impl LineOutlook {
    /// Why the next run would do it, or why nobody knows; in full.
    pub const fn reason(&self) -> Option<&String> {
        match &self.outlook {
            Some(StepAnnotation::WillRun { reason }) => Some(reason),
            Some(StepAnnotation::Unknown { cause }) => Some(cause),
            Some(StepAnnotation::Cached | StepAnnotation::LeftOut) | None => None,
        }
    }

    /// What the next run would do and how long that takes, the reason as `shown` has it; `None` if nothing is known.
    pub fn words(&self, shown: impl Fn(&str) -> String) -> Option<String> {
        let usual = self.usual_milliseconds.map(duration_text);
        Some(match (self.outlook.as_ref(), usual) {
            (Some(StepAnnotation::Cached), Some(usual)) => format!("cached, else {usual}"),
            (Some(StepAnnotation::Cached), None) => "cached".to_owned(),
            (Some(StepAnnotation::WillRun { reason }), usual) => {
                let usual = usual.map(|usual| format!(", about {usual}")).unwrap_or_default();
                format!("will run{usual}: {}", shown(reason))
            }
            (Some(StepAnnotation::Unknown { cause }), _) => format!("unknown: {}", shown(cause)),
            (Some(StepAnnotation::LeftOut), _) => "left out".to_owned(),
            (None, Some(usual)) => format!("about {usual}"),
            (None, None) => return None,
        })
    }
}

/// The outlook of every step of a file, in order; empty where nothing is known of runs.
pub fn of_file(view: FileView<'_>) -> Vec<LineOutlook> {
    known(view, |_| true)
}

/// The outlook of the step whose instruction is on this line, one-based.
pub fn of_line(view: FileView<'_>, line: u32) -> Option<LineOutlook> {
    known(view, |step| step.line == line).pop()
}

/// The outlook of those steps of a file.
fn known(view: FileView<'_>, wanted: impl Fn(&Step) -> bool) -> Vec<LineOutlook> {
    let lines = || {
        let forecast = view.snapshot.host().forecast()?;
        let directory = view.repository.directory()?;
        let plan = view.repository.plan().ok()?;
        let index = plan.layerfiles.iter().position(|file| file.path == *view.document.path())?;
        let facts = forecast.forecast(directory, plan);
        let path = plan.path(LayerfileId(u32::try_from(index).ok()?));
        let lines = path.filter_map(|(node, weight)| {
            let Node::Step(step) = weight else { return None };
            let step = Some(step).filter(|step| wanted(step))?;
            let node = u32::try_from(node.index()).ok()?;
            let place = facts.binary_search_by_key(&node, |facts| facts.node).ok()?;
            let facts = facts.get(place)?;
            Some(LineOutlook {
                line: step.line,
                outlook: facts.outlook.clone(),
                usual_milliseconds: median(&facts.past_milliseconds),
            })
        });
        Some(lines.collect())
    };
    lines().unwrap_or_default()
}

fn median(durations: &[u64]) -> Option<u64> {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// `12 s`, `350 ms`, `3 min`.
pub fn duration_text(milliseconds: u64) -> String {
    match milliseconds {
        0..=999 => format!("{milliseconds} ms"),
        1000..=9_999 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        10_000..=119_999 => format!("{} s", milliseconds / 1000),
        _ => format!("{} min", milliseconds / 60_000),
    }
}
