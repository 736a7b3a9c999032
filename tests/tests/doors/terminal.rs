//! A run at a terminal: `script` gives it one, the test types.

use layerc_tests::workflow::{Ran, Workflow};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Waits until something is there; a test that waits longer than this has failed.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come about in a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The name of the newest run that a command's output tells of.
pub(crate) fn run_name(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.split_once("run ").map(|(_, name)| name))?;
    let name: String = line.chars().take_while(char::is_ascii_alphanumeric).collect();
    (name.len() == 8).then_some(name)
}

/// The name of the run that events are of.
pub(crate) fn name_of(ran: &Ran) -> String {
    let names = ran.outcome.stdout.lines().find_map(|line| {
        let rest = line.split_once(r#""event":"run_started","run":""#)?.1;
        rest.split('"').next().map(str::to_owned)
    });
    names.unwrap_or_else(|| panic!("no name: {}", ran.outcome.everything()))
}

/// `layerc run` at a terminal of its own.
pub(crate) struct AtTerminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<String>>,
}

impl AtTerminal {
    pub(crate) fn run(place: &Workflow, arguments: &str) -> Self {
        let line = format!(
            "{} run --format plain --store {} {arguments} {}",
            layerc_tests::layerc::program().display(),
            place.store().display(),
            place.repository.path().display(),
        );
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let keyboard = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown
                    .lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(bytes.get(..count).unwrap()));
            }
        });
        Self { child, keyboard, screen }
    }

    pub(crate) fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    pub(crate) fn wait_for(&self, text: &str) {
        wait_for(text, || self.screen().contains(text).then_some(()));
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.keyboard, "{line}").unwrap();
    }

    /// The exit code, and everything that was on the screen.
    pub(crate) fn end(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        drop(self.keyboard);
        let screen = self.screen.lock().unwrap().clone();
        (code, screen)
    }
}
