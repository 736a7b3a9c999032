//! JUnit's XML, which every CI service can show: a suite for each runner, a case for each step.

use crate::past::{Fate, Story, ToldStep};
use anstream::adapter::strip_str;
use anyhow::{Context, Result};
use layerc_executor::engine::RunnerState;
use layerc_executor::event::StepResult;
use layerc_executor::store::history::Header;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The document.
pub(super) fn render(header: &Header, story: &Story) -> Result<String> {
    let mut report = Report::new(format!("layerc run {}", header.run));
    report.set_time(Duration::from_millis(story.elapsed_ms));
    for runner in &story.runners {
        let mut suite = TestSuite::new(runner.name.clone());
        let own = story.steps.iter().filter(|told| told.runner == runner.name);
        suite.add_test_cases(own.map(case));
        suite.add_test_cases(trouble(story, &runner.name));
        let time = story.summary(&runner.name).map_or(0, |summary| summary.duration_ms);
        suite.set_time(Duration::from_millis(time));
        report.add_test_suite(suite);
    }
    report.to_string().context("cannot write JUnit's XML")
}

fn case(told: &ToldStep) -> TestCase {
    let status = status(told);
    let mut case = TestCase::new(format!("{} {}", told.step.number, told.step.text), status);
    case.set_classname(format!("{}:{}", told.step.layerfile, told.step.line));
    if let Fate::Ran { end: Some(end), .. } = &told.fate {
        case.set_time(Duration::from_millis(end.duration_ms));
    }
    let output = match &told.fate {
        Fate::Cached { made_by, .. } => format!("cached: the result of run {made_by}"),
        Fate::Ran { .. } => strip_str(&told.output).to_string(),
    };
    case.set_system_out(output);
    if let Some(text) = &told.afterwards {
        case.set_system_err(strip_str(text).to_string());
    }
    case
}

fn status(told: &ToldStep) -> TestCaseStatus {
    let non_success = |kind, message: String| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(message);
        status
    };
    match &told.fate {
        Fate::Cached { .. } => TestCaseStatus::success(),
        Fate::Ran { end: None, .. } => TestCaseStatus::skipped(),
        Fate::Ran { end: Some(end), .. } => match &end.result {
            StepResult::Success => TestCaseStatus::success(),
            StepResult::ExitCode { code } => {
                non_success(NonSuccessKind::Failure, format!("exit code {code}"))
            }
            StepResult::Signal { signal } => {
                non_success(NonSuccessKind::Failure, format!("signal {signal}"))
            }
            StepResult::Cancelled => TestCaseStatus::skipped(),
            StepResult::Error { text } => non_success(NonSuccessKind::Error, text.clone()),
        },
    }
}

/// A case of its own for a runner that ended in an error that no step tells of.
fn trouble(story: &Story, runner: &str) -> Option<TestCase> {
    let state = story.summary(runner)?.state;
    let is_told = story.steps.iter().any(|told| told.runner == runner && told.has_failed());
    if state != RunnerState::Error || is_told {
        return None;
    }
    let text = story.complaints.iter().find(|(whose, _)| whose.as_deref() == Some(runner));
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(text.map_or_else(String::new, |(_, text)| text.clone()));
    Some(TestCase::new("runner", status))
}
