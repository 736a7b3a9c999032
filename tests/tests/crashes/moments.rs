//! Which moments a run is interrupted at, and how: words for `strace`, which can end a process, or answer for the
//! kernel, at the n-th call of a kind that a thread makes (strace(1), "Tampering").

use crate::scenario::Scenario;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::process::Command;

/// What happens at the moment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The process is gone, as after kill -9.
    Kill,
    /// The call fails with ENOSPC.
    DiskFull,
}

/// One fault at every call of some kinds.
#[derive(Debug)]
pub(crate) struct Interruption {
    /// As the test is called.
    pub(crate) name: &'static str,
    /// What happens.
    pub(crate) fault: Fault,
    /// Names of system calls.
    pub(crate) calls: &'static [&'static str],
}

/// One fault at one call.
#[derive(Debug)]
pub(crate) struct Moment {
    call: &'static str,
    /// Counted from 1, in each thread by itself.
    number: usize,
    fault: Fault,
}

impl Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} at {} number {}", self.fault, self.call, self.number)
    }
}

impl Interruption {
    /// As many as were asked for, spread evenly over all that a whole run has.
    pub(crate) fn moments(&self, scenario: &mut Scenario) -> Result<Vec<Moment>, String> {
        let counts = self.most_calls_of_a_thread(scenario)?;
        let mut moments = Vec::new();
        for &call in self.calls {
            let all = counts.get(call).copied().unwrap_or(0);
            let taken = wanted().min(all);
            moments.extend((0..taken).map(|index| Moment {
                call,
                number: 1 + index * all / taken,
                fault: self.fault,
            }));
        }
        Ok(moments)
    }

    fn most_calls_of_a_thread(
        &self,
        scenario: &mut Scenario,
    ) -> Result<BTreeMap<String, usize>, String> {
        let log = scenario.directory().join("calls");
        let mut listener = strace(&format!("trace={}", self.calls.join(",")));
        listener.arg("-o").arg(&log);
        let heard = scenario.run_through(listener);
        if !heard.status.success() {
            return Err(format!("a run that is only listened to fails: {}", heard.everything()));
        }
        let text = std::fs::read_to_string(&log).map_err(|error| error.to_string())?;
        let mut by_thread: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for line in text.lines() {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
            *by_thread.entry((thread, call)).or_default() += 1;
        }
        let mut most = BTreeMap::new();
        for ((_, call), count) in by_thread {
            let known = most.entry(call.to_owned()).or_default();
            *known = count.max(*known);
        }
        Ok(most)
    }
}

/// How many moments of each kind of call.
fn wanted() -> usize {
    match std::env::var("LAYERC_CRASH_MOMENTS").as_deref() {
        Err(_) => 1,
        Ok("all") => usize::MAX,
        Ok(number) => number.parse().expect("LAYERC_CRASH_MOMENTS is `all` or a number"),
    }
}

impl Moment {
    /// The program that makes it happen; what it is to run follows.
    pub(crate) fn strace(&self) -> Command {
        let fault = match self.fault {
            Fault::Kill => "signal=SIGKILL",
            Fault::DiskFull => "error=ENOSPC",
        };
        let mut command = strace(&format!("trace={}", self.call));
        command.arg("-e").arg(format!("inject={}:{fault}:when={}", self.call, self.number));
        command.args(["-o", "/dev/null"]);
        command
    }
}

fn strace(expression: &str) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qqq", "-e", "signal=none", "-e", expression]);
    command
}
