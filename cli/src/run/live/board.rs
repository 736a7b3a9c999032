//! What the board knows: where every runner is, what its step printed last, how much is done and how much is ahead.
//! Made from events; knows no terminal.

use crate::run::estimates::Estimates;
use layerc_executor::engine::RunnerState;
use layerc_executor::event::{Event, RunnerInfo, StepInfo, TimedEvent};
use layerc_planner::plan::{LayerfileId, Plan};
use std::collections::{HashMap, VecDeque};

/// Lines of a step's output that are kept, to be shown again when it fails.
const TAIL_LINES: usize = 40;

/// See the module.
pub(super) struct Board {
    /// By path of its Layerfile: where it stands among the others, and how many it stands on.
    places: HashMap<String, (usize, usize)>,
    estimates: Estimates,
    /// In the order they are shown.
    pub(super) rows: Vec<Row>,
}

/// A runner.
pub(super) struct Row {
    pub(super) name: String,
    /// How many Layerfiles it stands on.
    pub(super) depth: usize,
    pub(super) state: RunnerState,
    /// Its own steps.
    pub(super) steps: u32,
    /// Those that are over, whatever became of them.
    pub(super) done: u32,
    /// Those of them that were skipped.
    pub(super) cached: u32,
    /// When its first step began.
    pub(super) began_ms: Option<u64>,
    /// When it ended.
    pub(super) ended_ms: Option<u64>,
    pub(super) current: Option<Current>,
    layerfile: String,
    place: usize,
}

/// A step that runs.
pub(super) struct Current {
    pub(super) step: StepInfo,
    pub(super) began_ms: u64,
    /// How long it took before.
    pub(super) expected_ms: Option<u64>,
    /// What it printed last, whole lines.
    pub(super) tail: VecDeque<String>,
    partial: String,
}

impl Board {
    pub(super) fn new(plan: &Plan, estimates: Estimates) -> Self {
        Self { places: places(plan), estimates, rows: Vec::new() }
    }

    /// Takes an event.
    pub(super) fn hear(&mut self, timed: &TimedEvent) {
        let now_ms = timed.elapsed_ms;
        match &timed.event {
            Event::RunStarted { runners, .. } => self.begin(runners),
            Event::RunnerChanged { runner, state } => {
                if let Some(row) = self.row(runner) {
                    row.state = *state;
                    if state.is_success() {
                        // What copies share is told of the first of them alone.
                        row.done = row.steps;
                    }
                    if state.is_final() {
                        row.ended_ms = Some(now_ms);
                        row.current = None;
                    }
                }
            }
            Event::StepCached { runner, step, .. } => self.count(runner, step, 1),
            Event::StepSet { runner, step } => self.count(runner, step, 0),
            Event::StepStarted { runner, step, .. } => {
                let expected_ms = self.estimates.step(runner, step);
                if let Some(row) = self.row(runner) {
                    row.began_ms.get_or_insert(now_ms);
                    if row.layerfile == step.layerfile {
                        row.done = row.done.max(step.number.saturating_sub(1)).min(row.steps);
                    }
                    let (tail, partial) = (VecDeque::new(), String::new());
                    row.current = Some(Current {
                        step: step.clone(),
                        began_ms: now_ms,
                        expected_ms,
                        tail,
                        partial,
                    });
                }
            }
            Event::Output { runner, text, .. } => {
                if let Some(current) = self.row(runner).and_then(|row| row.current.as_mut()) {
                    current.say(text);
                }
            }
            Event::StepFinished { runner, step, .. } => {
                self.count(runner, step, 0);
                if let Some(row) = self.row(runner) {
                    row.current = None;
                }
            }
            _ => {}
        }
    }

    /// The last lines of the step that an event ends.
    pub(super) fn tail_of(&mut self, event: &Event) -> Vec<String> {
        let Event::StepFinished { runner, .. } = event else { return Vec::new() };
        let current = self.row(runner).and_then(|row| row.current.as_ref());
        current.map_or_else(Vec::new, |current| {
            let rest = Some(&current.partial).filter(|rest| !rest.is_empty());
            current.tail.iter().chain(rest).cloned().collect()
        })
    }

    /// Forgets all runners: nothing is left to show.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
    }

    /// How much of the expected work is done, in thousandths, and how long the rest will take if earlier runs tell.
    pub(super) fn progress(&self, now_ms: u64) -> (u64, Option<u64>) {
        let mut done = 0;
        let mut ahead = 0;
        let mut longest_ms = 0;
        let mut is_known = !self.rows.is_empty();
        for row in &self.rows {
            let left = self.left(row, now_ms);
            let over = u64::from(row.done) * self.estimates.typical_ms();
            done += over;
            ahead += left.milliseconds;
            is_known &= left.is_known;
            longest_ms = longest_ms.max(left.milliseconds);
        }
        let share = (done * 1_000).checked_div(done + ahead).unwrap_or(0);
        let running = self.rows.iter().filter(|row| row.current.is_some()).count().max(1);
        let shared_ms = ahead / u64::try_from(running).unwrap_or(1);
        (share, is_known.then_some(longest_ms.max(shared_ms)))
    }

    fn left(&self, row: &Row, now_ms: u64) -> Left {
        if row.state.is_final() {
            return Left { milliseconds: 0, is_known: true };
        }
        let current = row.current.as_ref();
        let current_ms = current.and_then(|current| {
            Some(current.expected_ms?.saturating_sub(now_ms.saturating_sub(current.began_ms)))
        });
        let open = row.steps.saturating_sub(row.done).saturating_sub(u32::from(current.is_some()));
        let later = self.estimates.behind(&row.name, row.done + u32::from(current.is_some()));
        let typical_ms = self.estimates.typical_ms();
        Left {
            milliseconds: current_ms.unwrap_or(if current.is_some() { typical_ms } else { 0 })
                + later.unwrap_or(u64::from(open) * typical_ms),
            is_known: (open == 0 || later.is_some()) && (current.is_none() || current_ms.is_some()),
        }
    }

    fn begin(&mut self, runners: &[RunnerInfo]) {
        let row = |info: &RunnerInfo| {
            let (place, depth) =
                self.places.get(&info.layerfile).copied().unwrap_or((usize::MAX, 0));
            Row {
                name: info.name.clone(),
                depth,
                state: RunnerState::New,
                steps: info.steps,
                done: 0,
                cached: 0,
                began_ms: None,
                ended_ms: None,
                current: None,
                layerfile: info.layerfile.clone(),
                place,
            }
        };
        self.rows = runners.iter().map(row).collect();
        self.rows.sort_unstable_by_key(|row| row.place);
    }

    fn row(&mut self, runner: &str) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.name == runner)
    }

    /// Counts a step of the runner's own Layerfile; a parent's that runs again for its state is none.
    fn count(&mut self, runner: &str, step: &StepInfo, cached: u32) {
        if let Some(row) = self.row(runner)
            && row.layerfile == step.layerfile
        {
            row.done = row.done.max(step.number).min(row.steps);
            row.cached += cached;
        }
    }
}

/// The work ahead of a runner.
struct Left {
    milliseconds: u64,
    is_known: bool,
}

impl Current {
    fn say(&mut self, text: &str) {
        self.partial.push_str(text);
        while let Some(end) = self.partial.find(['\n', '\r']) {
            let rest = self.partial.split_off(end + 1);
            let line = std::mem::replace(&mut self.partial, rest);
            if !line.trim_end().is_empty() {
                self.tail.push_back(line.trim_end().to_owned());
            }
            if self.tail.len() > TAIL_LINES {
                self.tail.pop_front();
            }
        }
    }
}

/// The Layerfiles as a tree: place from the top, and depth.
fn places(plan: &Plan) -> HashMap<String, (usize, usize)> {
    let ids = || (0..).map(LayerfileId).zip(&plan.layerfiles);
    let mut places = HashMap::new();
    let roots = ids().filter(|(_, file)| file.parent.is_none());
    let mut open: Vec<(LayerfileId, usize)> = roots.map(|(id, _)| (id, 0)).collect();
    open.reverse();
    while let Some((id, depth)) = open.pop() {
        if let Some(file) = plan.layerfile(id) {
            places.insert(file.path.to_string(), (places.len(), depth));
        }
        let children = ids().filter(|(_, file)| file.parent == Some(id));
        let mut children: Vec<_> = children.map(|(child, _)| (child, depth + 1)).collect();
        children.reverse();
        open.extend(children);
    }
    places
}
