//! What a run told, from its events.

use crate::lab::Brought;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Success,
    Otherwise,
}

/// See the module. Steps are called `runner:number`.
pub(crate) struct Told {
    pub(crate) status: i32,
    /// What was said to a person.
    pub(crate) log: String,
    /// Steps that were started, in order, those included that only made a state again.
    pub(crate) ran: Vec<String>,
    anew: Vec<String>,
    pub(crate) cached: Vec<String>,
    ends: BTreeMap<String, End>,
    output: String,
    /// The same, by runner.
    said: BTreeMap<String, String>,
    /// Runners that work, and all of them whenever one began.
    working: BTreeSet<String>,
    crowds: Vec<BTreeSet<String>>,
    forecast: Option<Value>,
}

fn step(event: &Value) -> String {
    format!("{}:{}", event["runner"].as_str().unwrap(), event["step"]["number"])
}

impl Told {
    /// The run of this name.
    pub(crate) fn of(results: &Brought, name: &str) -> Self {
        let log = results.text(&format!("{name}.log"));
        let status = results.text(&format!("{name}.status")).trim().parse().unwrap();
        let mut told = Self {
            status,
            log,
            ran: Vec::new(),
            anew: Vec::new(),
            cached: Vec::new(),
            ends: BTreeMap::new(),
            output: String::new(),
            said: BTreeMap::new(),
            working: BTreeSet::new(),
            crowds: Vec::new(),
            forecast: None,
        };
        for line in results.text(&format!("{name}.events")).lines() {
            told.hear(&serde_json::from_str(line).unwrap());
        }
        if ["again", "edited"].contains(&name) {
            let forecast = if name == "again" { "first" } else { name };
            let text = results.text(&format!("{forecast}.forecast"));
            told.forecast = Some(serde_json::from_str(&text).unwrap());
        }
        told
    }

    fn hear(&mut self, event: &Value) {
        match event["event"].as_str().unwrap() {
            "step_started" => {
                let step = step(event);
                if event["reason"]["kind"] != "state_needed" {
                    self.anew.push(step.clone());
                }
                self.ran.push(step);
            }
            "step_cached" => self.cached.push(step(event)),
            "step_finished" => {
                let is_good = event["result"]["kind"] == "success";
                let end = if is_good { End::Success } else { End::Otherwise };
                self.ends.insert(step(event), end);
            }
            "output" => {
                let (runner, text) =
                    (event["runner"].as_str().unwrap(), event["text"].as_str().unwrap());
                self.output.push_str(text);
                self.said.entry(runner.to_owned()).or_default().push_str(text);
            }
            "runner_changed" => {
                let runner = event["runner"].as_str().unwrap().to_owned();
                if event["state"] == "RUNNING" {
                    self.working.insert(runner);
                    self.crowds.push(self.working.clone());
                } else {
                    self.working.remove(&runner);
                }
            }
            _ => {}
        }
    }

    /// Whether a step printed this.
    pub(crate) fn printed(&self, text: &str) -> bool {
        self.output.contains(text)
    }

    /// What stands behind this word in the lines of a runner.
    pub(crate) fn words_of(&self, runner: &str, word: &str) -> Vec<&str> {
        let lines = self.said.get(runner).map_or("", String::as_str).lines();
        lines.filter_map(|line| line.trim().strip_prefix(word)).collect()
    }

    /// The most runners with such names that worked together.
    pub(crate) fn most_at_once(&self, prefix: &str) -> usize {
        let crowds = self.crowds.iter();
        crowds
            .map(|crowd| crowd.iter().filter(|runner| runner.starts_with(prefix)).count())
            .max()
            .unwrap_or(0)
    }

    /// Steps that ran because their result was not known.
    pub(crate) fn ran_anew(&self) -> Vec<&str> {
        self.anew.iter().map(String::as_str).collect()
    }

    /// How a step ended.
    pub(crate) fn end_of(&self, step: &str) -> Option<End> {
        self.ends.get(step).copied()
    }

    /// What became of each step, as a forecast says it.
    pub(crate) fn came(&self) -> BTreeMap<String, &'static str> {
        let ran = self.ran_anew().into_iter().map(|step| (step.to_owned(), "will_run"));
        let cached = self.cached.iter().map(|step| (step.clone(), "cached"));
        cached.chain(ran).collect()
    }

    /// What was foreseen of it.
    pub(crate) fn foreseen(&self) -> BTreeMap<String, &'static str> {
        let forecast = self.forecast.as_ref().unwrap();
        let steps = forecast["steps"].as_array().unwrap().iter();
        let said = |expected: &str| if expected == "cached" { "cached" } else { "will_run" };
        steps.map(|told| (step(told), said(told["expected"]["kind"].as_str().unwrap()))).collect()
    }
}
