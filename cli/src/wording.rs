//! How the parts of a run are said, the same in every view.

use anstyle::{AnsiColor, Effects, Style};
use layerc_executor::engine::RunnerState;
use layerc_executor::event::{
    ExposedAddress, RunOutcome, RunnerSummary, SnapshotInfo, StepInfo, StepResult,
};

/// Styles of the run's words.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const NOTICE: Style = AnsiColor::Yellow.on_default();

/// `340 ms`, `2.1 s`, `3 min 4 s`.
pub(crate) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1_000),
    }
}

/// `3 min ago`.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// `RUN npm ci`, shortened to fit.
pub(crate) fn shortened(text: &str, most_characters: usize) -> String {
    if text.chars().count() <= most_characters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most_characters.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// `main 3 RUN npm ci`.
pub(crate) fn step(runner: &str, step: &StepInfo) -> String {
    format!("{STRONG}{runner}{STRONG:#} {} {}", step.number, step.text)
}

/// How a step ended, styled.
pub(crate) fn result(result: &StepResult, milliseconds: u64) -> String {
    let time = duration(milliseconds);
    match result {
        StepResult::Success => format!("{GOOD}done{GOOD:#} in {time}"),
        StepResult::ExitCode { code } => format!("{BAD}exit code {code}{BAD:#} after {time}"),
        StepResult::Signal { signal } => format!("{BAD}signal {signal}{BAD:#} after {time}"),
        StepResult::Cancelled => format!("{NOTICE}stopped{NOTICE:#} after {time}"),
        StepResult::Error { .. } => format!("{BAD}error{BAD:#} after {time}"),
    }
}

/// What is worth saying about a snapshot; usually nothing.
pub(crate) fn snapshot(snapshot: &SnapshotInfo) -> Option<String> {
    match snapshot {
        SnapshotInfo::ProcessesAlive { names } => Some(format!(
            "the state is not kept, because processes live on ({}); where it is needed the steps run again",
            names.join(", ")
        )),
        SnapshotInfo::Taken
        | SnapshotInfo::Forbidden
        | SnapshotInfo::Cheap
        | SnapshotInfo::Secret
        | SnapshotInfo::Failed => None,
    }
}

/// What became of something that a step had left in the background.
pub(crate) fn background_ended(step: &StepInfo, result: &StepResult, log: &str) -> String {
    let how = match result {
        StepResult::ExitCode { code } => format!("ended with exit code {code}"),
        StepResult::Signal { signal } => format!("was ended by signal {signal}"),
        StepResult::Success | StepResult::Cancelled | StepResult::Error { .. } => {
            "ended".to_owned()
        }
    };
    let StepInfo { layerfile, line, text, .. } = step;
    let mut said = format!("{layerfile}:{line}: `{text}` {how} in the background");
    said.push_str(if log.is_empty() { "; it had printed nothing" } else { "; its last lines:" });
    log.lines().for_each(|line| said.push_str(&format!("\n  | {line}")));
    said
}

/// Where something of a runner can be reached.
pub(super) fn exposed(runner: &str, address: &ExposedAddress) -> String {
    match address {
        ExposedAddress::Website { url, port } => {
            format!("{STRONG}{runner}{STRONG:#}: {GOOD}{url}{GOOD:#} leads to its port {port}")
        }
        ExposedAddress::Tcp { address, port } => {
            format!("{STRONG}{runner}{STRONG:#}: {GOOD}{address}{GOOD:#} leads to its port {port}")
        }
    }
}

/// The word for a state, styled and of one width.
fn state(state: RunnerState) -> String {
    let (style, word) = match state {
        RunnerState::Success => (GOOD, "success"),
        RunnerState::Skipped => (GOOD, "skipped"),
        RunnerState::Failure => (BAD, "failure"),
        RunnerState::Error => (BAD, "error"),
        RunnerState::Cancelled => (NOTICE, "cancelled"),
        RunnerState::Postponed => (NOTICE, "waiting"),
        RunnerState::New
        | RunnerState::WaitingParents
        | RunnerState::WaitingButton
        | RunnerState::Running => (NOTICE, "unfinished"),
    };
    format!("{style}{word:<10}{style:#}")
}

/// One line for every runner, the reason of its first miss below it.
pub(crate) fn summary(runners: &[RunnerSummary]) -> String {
    let width = runners.iter().map(|runner| runner.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for runner in runners {
        let RunnerSummary { name, steps_run, steps_cached, duration_ms, .. } = runner;
        text.push_str(&format!(
            "{STRONG}{name:<width$}{STRONG:#}  {}  {steps_run} run, {steps_cached} cached  {}\n",
            state(runner.state),
            duration(*duration_ms)
        ));
        if let Some(miss) = &runner.first_miss {
            let step = shortened(&miss.step.text, 60);
            text.push_str(&format!(
                "{DIM}{:width$}  first: step {} `{step}`: {}{DIM:#}\n",
                "", miss.step.number, miss.reason
            ));
        }
    }
    text
}

/// The last line.
pub(crate) fn outcome(outcome: RunOutcome, run: u32, cached: u32, milliseconds: u64) -> String {
    let (style, word) = match outcome {
        RunOutcome::Success => (GOOD, "success"),
        RunOutcome::Failure => (BAD, "failure"),
        RunOutcome::Error => (BAD, "error"),
        RunOutcome::Cancelled => (NOTICE, "stopped"),
        RunOutcome::Waiting => (NOTICE, "waiting"),
    };
    let steps = if run == 1 { "step" } else { "steps" };
    format!(
        "{style}{word}{style:#}: {run} {steps} run, {cached} cached, {}\n",
        duration(milliseconds)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(duration(340), "340 ms");
        assert_eq!(duration(2_190), "2.1 s");
        assert_eq!(duration(184_000), "3 min 4 s");
    }

    #[test]
    fn long_texts_are_cut_at_characters() {
        assert_eq!(shortened("RUN äöü", 6), "RUN ä…");
        assert_eq!(shortened("RUN", 3), "RUN");
    }
}
