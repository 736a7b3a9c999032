//! Who is process 1 of a machine: the agent, or the image's own systemd with the agent beside it.
//!
//! An image has systemd if its `/sbin/init` leads there. The agent is then started before it, by the kernel, and stays its
//! child: it needs no file in the image and no unit, it can tell of a systemd that doesn't come up, and nothing that a unit
//! may be told to do (stopping, limits, a kill of its whole control group) reaches what steps have left running. systemd
//! finds it in the root control group and takes it, with all that steps start, into its own `init.scope`, which has no limits.

use super::super::failure::{Doing, Failure};
use crate::sys::{Fork, SingleThreaded, fork, leave};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The image's own first program.
const IMAGE_INIT: &str = "/sbin/init";

/// Begins the word of the kernel's command line that says who it is to be.
const WORD: &str = "layerc.init=";

/// How long to wait before systemd is asked again whether it is up: it may not hear yet.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the console is told what systemd still waits for.
const TELL_EACH: Duration = Duration::from_secs(30);

/// What systemd says of itself when it has started what it was to start, or has given that up.
const UP: [&str; 3] = ["running", "degraded", "maintenance"];

/// What somebody wants to be process 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Init {
    /// systemd in images that have it, the agent in others.
    #[default]
    Auto,
    /// The agent, also where there is systemd.
    Agent,
    /// systemd; without it the machine doesn't start.
    Systemd,
}

impl Init {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Agent, Self::Systemd];

    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Agent => "agent",
            Self::Systemd => "systemd",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|init| init.name() == name)
    }

    /// As the kernel's command line says it.
    pub fn word(self) -> String {
        format!("{WORD}{}", self.name())
    }

    /// What a command line says.
    pub(super) fn of(words: &str) -> Self {
        let said = words.split_ascii_whitespace().find_map(|word| word.strip_prefix(WORD));
        said.and_then(Self::named).unwrap_or_default()
    }
}

/// Who is process 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Agent,
    Systemd,
}

impl First {
    /// Of the root that is mounted.
    pub(super) fn of(wanted: Init) -> Result<Self, Failure> {
        match (wanted, has_systemd(Path::new("/"))) {
            (Init::Agent, _) | (Init::Auto, false) => Ok(Self::Agent),
            (Init::Auto | Init::Systemd, true) => Ok(Self::Systemd),
            (Init::Systemd, false) => Err(Failure::Refused(format!(
                "{IMAGE_INIT} of the image is not systemd, which `init = \"systemd\"` asks for"
            ))),
        }
    }
}

/// Whether `/sbin/init` below this root leads to systemd.
fn has_systemd(root: &Path) -> bool {
    let init = fs::canonicalize(root.join(IMAGE_INIT.trim_start_matches('/')));
    init.is_ok_and(|program| program.file_name() == Some(OsStr::new("systemd")))
}

/// Leaves process 1 to systemd and goes on as its child. What commands leave is still reaped here.
pub(super) fn become_companion(proof: &SingleThreaded) -> Result<(), Failure> {
    match fork(proof).doing(|| "make a process".to_owned())? {
        Fork::Parent(_) => {
            let error = Command::new(IMAGE_INIT).env_clear().env("TERM", "linux").exec();
            say(&format!("cannot start {IMAGE_INIT}: {error}"));
            leave(1)
        }
        Fork::Child => {
            rustix::process::setsid().doing(|| "start a session".to_owned())?;
            rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
                .doing(|| "take orphans in".to_owned())
        }
    }
}

/// Waits until systemd has started what it was to start, however long that takes: whoever waits for the machine loses patience
/// first, and has been told on the console what was waited for. Answers what went wrong with it, if something did.
pub(super) fn wait_until_up() -> Option<String> {
    let mut told = Instant::now();
    loop {
        let state = ask(&["is-system-running"]);
        if UP.contains(&state.as_str()) {
            return complaint(&state);
        }
        if told.elapsed() >= TELL_EACH {
            let jobs = ask(&["list-jobs", "--no-legend", "--plain"]);
            say(&format!("systemd is `{state}`, and waits for: {}", jobs.replace('\n', "; ")));
            told = Instant::now();
        }
        std::thread::sleep(PAUSE);
    }
}

fn complaint(state: &str) -> Option<String> {
    let failed = match state {
        "running" => return None,
        _ => ask(&["list-units", "--failed", "--no-legend", "--plain"]),
    };
    let names: Vec<&str> =
        failed.lines().filter_map(|line| line.split_ascii_whitespace().next()).collect();
    Some(format!("systemd is `{state}`; what failed: {}", names.join(", ")))
}

/// What systemd answers, trimmed; nothing while it doesn't hear.
fn ask(arguments: &[&str]) -> String {
    let mut command = Command::new("systemctl");
    command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    let answered = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let answer = answered.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&answer).trim().to_owned()
}

/// Has systemd stop everything in order and turn the machine off. False if it can't be told.
pub(super) fn power_off() -> bool {
    let mut command = Command::new("systemctl");
    command.arg("poweroff").env_clear().env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A line for the console, which is quiet but for errors.
pub(super) fn say(text: &str) {
    let _unheard = fs::write("/dev/kmsg", format!("<3>layerc: {text}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_is_found_wherever_the_first_program_leads_there() {
        let cases =
            [(None, false), (Some("../lib/systemd/systemd"), true), (Some("busybox"), false)];
        for (link, expected) in cases {
            let root = tempfile::tempdir().unwrap();
            for directory in ["sbin", "lib/systemd"] {
                fs::create_dir_all(root.path().join(directory)).unwrap();
            }
            for program in ["lib/systemd/systemd", "sbin/busybox"] {
                fs::write(root.path().join(program), "").unwrap();
            }
            if let Some(link) = link {
                std::os::unix::fs::symlink(link, root.path().join("sbin/init")).unwrap();
            }
            assert_eq!(has_systemd(root.path()), expected, "{link:?}");
        }
    }

    #[test]
    fn a_command_line_says_who_is_first_or_leaves_it_open() {
        for init in Init::ALL {
            assert_eq!(Init::of(&format!("console=ttyS0 {} quiet", init.word())), init);
        }
        assert_eq!(Init::of("console=ttyS0"), Init::Auto);
        assert_eq!(Init::of("layerc.init=busybox"), Init::Auto);
    }
}
