//! Programs at a terminal of their own: `script` gives them one, the test types.

use crate::layerc::program;
use crate::skip::skipped;
use crate::workflow::Workflow;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Waits until something is there; a test that waits longer than a minute has failed.
///
/// # Panics
/// When the minute is over.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come about in a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether programs can be given terminals here; where not, that is said of this test.
pub fn has_terminals(test: &str) -> bool {
    let asked = Command::new("script").arg("--version").stdout(Stdio::null()).status();
    if asked.is_err() {
        skipped(test, "`script` (package bsdutils) is not there");
    }
    asked.is_ok()
}

/// A program at a terminal of its own.
#[derive(Debug)]
pub struct AtTerminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<String>>,
}

impl AtTerminal {
    /// `layerc run` of a repository with its own store.
    ///
    /// # Panics
    /// When `script` can't be started.
    pub fn run(place: &Workflow, arguments: &str) -> Self {
        let line = format!(
            "{} run --format plain --store {} {arguments} {}",
            program().display(),
            place.store().display(),
            place.repository.path().display(),
        );
        Self::of(&line, place.repository.path())
    }

    /// A line for `sh`, in a directory.
    ///
    /// # Panics
    /// When `script` can't be started.
    pub fn of(line: &str, directory: &Path) -> Self {
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", line, "/dev/null"])
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a terminal");
        let keyboard = child.stdin.take().expect("a terminal");
        let mut output = child.stdout.take().expect("a terminal");
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown
                    .lock()
                    .expect("the screen")
                    .push_str(&String::from_utf8_lossy(bytes.get(..count).unwrap_or_default()));
            }
        });
        Self { child, keyboard, screen }
    }

    /// What was shown so far.
    ///
    /// # Panics
    /// When the thread that reads it has.
    pub fn screen(&self) -> String {
        self.screen.lock().expect("the screen").clone()
    }

    /// Waits until a text is on the screen.
    pub fn wait_for(&self, text: &str) {
        wait_for(text, || self.screen().contains(text).then_some(()));
    }

    /// Types a line and ends it.
    pub fn type_line(&mut self, line: &str) {
        self.type_keys(&format!("{line}\n"));
    }

    /// Presses keys.
    ///
    /// # Panics
    /// When the program doesn't listen any more.
    pub fn type_keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("a keyboard");
    }

    /// The exit code, and everything that was on the screen.
    ///
    /// # Panics
    /// When the program can't be waited for.
    pub fn end(mut self) -> (i32, String) {
        let code = self.child.wait().expect("a terminal").code().unwrap_or(-1);
        drop(self.keyboard);
        let screen = self.screen.lock().expect("the screen").clone();
        (code, screen)
    }
}
