//! A page that needs nothing else: what came of the run, where the time went, the graph, and every log. Readable
//! without scripts; one of twenty lines opens the log of a bar that is clicked.

use super::parts::{anchor, class, escaped, section};
use super::waterfall;
use crate::past::{Fate, Story, ToldStep};
use crate::wording;
use anstream::adapter::strip_str;
use chrono::DateTime;
use layerc_executor::event::{RunOutcome, RunnerSummary};
use layerc_executor::store::history::Header;
use layerc_planner::plan::{Node, Plan};
use layerc_planner::render::{StepAnnotation, StepAnnotations, svg};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// Most bytes of one log that are shown: its end.
const MOST_LOG_BYTES: usize = 256 << 10;

/// The document.
pub(super) fn render(plan: &Plan, header: &Header, story: &Story) -> String {
    let title = format!("layerc run {}", header.run);
    let body = [
        summary(header, story),
        complaints(story),
        waterfall::render(story),
        section("graph", "Graph", &svg::render(plan, &annotations(plan, story))),
        logs(story),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{}</main>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        escaped(&title),
        body.concat()
    )
}

fn summary(header: &Header, story: &Story) -> String {
    let (class, word) = match story.outcome {
        Some(RunOutcome::Success) => ("good", "success"),
        Some(RunOutcome::Failure) => ("bad", "failure"),
        Some(RunOutcome::Error) => ("bad", "error"),
        Some(RunOutcome::Cancelled) => ("stopped", "stopped"),
        Some(RunOutcome::Waiting) => ("stopped", "waiting"),
        None => ("stopped", "unfinished"),
    };
    let ran: u32 = story.summaries.iter().map(|runner| runner.steps_run).sum();
    let cached: u32 = story.summaries.iter().map(|runner| runner.steps_cached).sum();
    let repository = header.repository.rsplit('/').next().unwrap_or_default();
    let commit: String =
        header.checkout.commit.iter().flat_map(|commit| commit.chars().take(10)).collect();
    let branch = header.checkout.branch.as_deref().unwrap_or_default();
    let facts = [
        ("time", wording::duration(story.elapsed_ms)),
        ("steps run", ran.to_string()),
        ("steps cached", cached.to_string()),
        ("saved by the cache", wording::duration(saved_ms(story))),
        ("runners", story.runners.len().to_string()),
    ];
    let facts = facts
        .iter()
        .map(|(name, value)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escaped(value)));
    format!(
        "<header class=\"{class}\">\n<h1><span class=\"badge\">{word}</span> {} <small>run {} · {} {} · {}</small></h1>\n\
         <dl>{}</dl>\n</header>\n",
        escaped(repository),
        header.run,
        escaped(branch),
        commit,
        date(header.started_at_ms),
        facts.collect::<String>()
    )
}

fn saved_ms(story: &Story) -> u64 {
    let saved = story.steps.iter().map(|told| match told.fate {
        Fate::Cached { saved_ms, .. } => saved_ms,
        Fate::Ran { .. } => 0,
    });
    saved.sum()
}

fn complaints(story: &Story) -> String {
    let lines = story.complaints.iter().map(|(runner, text)| {
        let runner = runner.as_ref().map(|runner| format!("<b>{}</b> ", escaped(runner)));
        format!("<li>{}{}</li>\n", runner.unwrap_or_default(), escaped(text))
    });
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("<ul class=\"complaints\">\n{lines}</ul>\n") }
}

/// What became of the steps, by node of the plan, for the picture.
fn annotations(plan: &Plan, story: &Story) -> StepAnnotations {
    let mut annotations = StepAnnotations::new();
    for (index, node) in (0..).zip(plan.graph.node_weights()) {
        let Node::Step(step) = node else { continue };
        let path = plan.layerfile(step.layerfile).map(|file| file.path.to_string());
        let is_it = |told: &&ToldStep| {
            Some(&told.step.layerfile) == path.as_ref() && told.step.line == step.line
        };
        let mut told = story.steps.iter().filter(is_it);
        let ran = told.clone().find_map(|told| match &told.fate {
            Fate::Ran { reason, .. } => Some(reason.to_string()),
            Fate::Cached { .. } => None,
        });
        let annotation = match ran {
            Some(reason) => Some(StepAnnotation::WillRun { reason }),
            None => told.next().map(|_| StepAnnotation::Cached),
        };
        annotations.extend(annotation.map(|annotation| (index, annotation)));
    }
    annotations
}

fn logs(story: &Story) -> String {
    let mut text = String::new();
    for runner in &story.runners {
        let summary = story.summary(&runner.name);
        text.push_str(&runner_heading(&runner.name, &runner.layerfile, summary));
        for (place, told) in story.steps.iter().enumerate() {
            if told.runner == runner.name {
                text.push_str(&log(place, told));
            }
        }
    }
    section("logs", "Steps", &text)
}

fn runner_heading(name: &str, layerfile: &str, summary: Option<&RunnerSummary>) -> String {
    let facts = summary.map_or_else(String::new, |summary| {
        let RunnerSummary { steps_run, steps_cached, duration_ms, .. } = summary;
        format!("{steps_run} run, {steps_cached} cached, {}", wording::duration(*duration_ms))
    });
    format!("<h3>{} <small>{} · {facts}</small></h3>\n", escaped(name), escaped(layerfile))
}

fn log(place: usize, told: &ToldStep) -> String {
    let (how, why) = match &told.fate {
        Fate::Cached { made_by, saved_ms } => (
            format!("cached, saved {}", wording::duration(*saved_ms)),
            format!("result of run {made_by}"),
        ),
        Fate::Ran { reason, end } => {
            let how = end.as_ref().map_or_else(
                || "unfinished".to_owned(),
                |end| strip_str(&wording::result(&end.result, end.duration_ms)).to_string(),
            );
            (how, reason.to_string())
        }
    };
    let output = strip_str(&told.output).to_string();
    let start = output.ceil_char_boundary(output.len().saturating_sub(MOST_LOG_BYTES));
    let shown = output.get(start..).unwrap_or_default();
    let cut = if start > 0 { "<p class=\"cut\">… the beginning is left out</p>" } else { "" };
    let body = if let Fate::Cached { made_by, .. } = &told.fate {
        format!("<p class=\"cut\">what it printed is in the log of run {made_by}</p>")
    } else if shown.is_empty() {
        "<p class=\"cut\">no output</p>".to_owned()
    } else {
        format!("{cut}<pre>{}</pre>", escaped(shown))
    };
    let afterwards = told.afterwards.as_ref().map_or_else(String::new, |text| {
        format!("<p class=\"cut\">{}</p>", escaped(&strip_str(text).to_string()))
    });
    let body = body + &afterwards;
    let class = class(told);
    let open = if class == "bad" { " open" } else { "" };
    format!(
        "<details id=\"{}\" class=\"{class}\"{open}><summary><span class=\"mark\"></span><span class=\"number\">{}</span>\
         <code>{}</code><span class=\"how\">{}</span></summary>\n<p class=\"why\">{}:{} · {}</p>\n{body}</details>\n",
        anchor(place),
        told.step.number,
        escaped(&told.step.text),
        escaped(&how),
        escaped(&told.step.layerfile),
        told.step.line,
        escaped(&why)
    )
}

/// `2026-11-22 03:15 UTC`, from milliseconds since 1970.
fn date(milliseconds: u64) -> String {
    let moment = i64::try_from(milliseconds).ok().and_then(DateTime::from_timestamp_millis);
    moment.unwrap_or_default().format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(1_795_317_300_000), "2026-11-22 03:15 UTC");
        assert_eq!(date(u64::MAX), date(0), "no year has so many digits");
    }
}
