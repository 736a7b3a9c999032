//! What ShellCheck says of the commands of a file: kept by text, asked for beside everything else.
//!
//! The host starts the program; where there is none, nothing is said. At most [`MAX_PROCESSES`] run at once, each text is
//! checked once, the newest first, and when new answers are there whoever wants to know is told.

use crate::host::Host;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Programs that run at once.
const MAX_PROCESSES: usize = 2;

/// Texts whose answers are kept; then all are forgotten and asked again when needed.
const MAX_KEPT: usize = 4096;

/// Bytes of a script that is checked; longer ones are written by programs.
const MAX_SCRIPT_BYTES: usize = 64 * 1024;

/// Findings about one command that are kept.
const MAX_FINDINGS: usize = 100;

/// One finding, in lines and columns of the script.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// From 1.
    pub line: u32,
    /// From 1.
    pub end_line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// One past the last, from 1.
    pub end_column: u32,
    /// How bad it is.
    pub level: Level,
    /// The number behind `SC`.
    pub code: u32,
    /// What is the matter.
    pub message: String,
    /// What would help.
    pub fix: Option<Fix>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It doesn't work.
    Error,
    /// It probably doesn't do what it should.
    Warning,
    /// It may not.
    Info,
    /// It could be said better.
    Style,
}

/// Replacements that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Fix {
    /// In any order.
    pub replacements: Vec<Replacement>,
}

/// One replacement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replacement {
    /// From 1.
    pub line: u32,
    /// From 1.
    pub end_line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// One past the last.
    pub end_column: u32,
    /// What takes their place.
    pub replacement: String,
}

#[derive(Debug, Deserialize)]
struct Answer {
    comments: Vec<Finding>,
}

/// Who is told of news.
type Listener = Box<dyn Fn() + Send + Sync>;

/// Checks and remembers.
#[derive(Clone)]
pub struct Checker {
    shared: Arc<Shared>,
}

struct Shared {
    host: Arc<dyn Host>,
    memory: Mutex<Memory>,
    listener: OnceLock<Listener>,
}

/// Program and script.
type Key = (String, String);

#[derive(Default)]
struct Memory {
    /// By what was asked; `None` until the answer is there.
    asked: HashMap<Key, Option<Arc<Vec<Finding>>>>,
    waiting: Vec<Key>,
    running: usize,
    /// The program that isn't there.
    missing: Option<String>,
}

impl fmt::Debug for Checker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Checker").finish_non_exhaustive()
    }
}

impl Checker {
    /// Nothing is known yet.
    pub fn new(host: Arc<dyn Host>) -> Self {
        let (memory, listener) = (Mutex::default(), OnceLock::new());
        Self { shared: Arc::new(Shared { host, memory, listener }) }
    }

    /// Calls `listener` whenever there are new answers; the first listener stays.
    pub fn on_news(&self, listener: impl Fn() + Send + Sync + 'static) {
        let _first_stays = self.shared.listener.set(Box::new(listener));
    }

    /// The findings about a script, if they are there; else they are asked for.
    pub fn findings(&self, program: &str, script: &str) -> Option<Arc<Vec<Finding>>> {
        if program.is_empty() || script.len() > MAX_SCRIPT_BYTES {
            return None;
        }
        let mut memory = self.shared.lock();
        if memory.missing.as_deref() == Some(program) {
            return None;
        }
        let key = (program.to_owned(), script.to_owned());
        if let Some(answer) = memory.asked.get(&key) {
            return answer.clone();
        }
        memory.asked.insert(key.clone(), None);
        memory.waiting.push(key);
        if memory.running < MAX_PROCESSES {
            let shared = Arc::clone(&self.shared);
            let work = move || shared.work();
            if std::thread::Builder::new().name("shellcheck".to_owned()).spawn(work).is_ok() {
                memory.running += 1;
            }
        }
        None
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks what waits until nothing does.
    fn work(&self) {
        loop {
            let next = {
                let mut memory = self.lock();
                let next = memory.waiting.pop();
                if next.is_none() {
                    memory.running -= 1;
                }
                next
            };
            let Some(key) = next else { break };
            self.check(key);
        }
        if let Some(listener) = self.listener.get() {
            listener();
        }
    }

    fn check(&self, key: Key) {
        let answer = self.host.shellcheck(&key.0, &key.1);
        let mut memory = self.lock();
        match answer {
            Some(answer) => {
                if memory.asked.len() >= MAX_KEPT {
                    memory.asked.retain(|_, answer| answer.is_none());
                }
                memory.asked.insert(key, Some(Arc::new(read(&answer))));
            }
            None => {
                memory.waiting.retain(|(program, _)| *program != key.0);
                memory.asked.retain(|(program, _), _| *program != key.0);
                memory.missing = Some(key.0);
            }
        }
    }
}

/// The findings of an answer in ShellCheck's `json1`; none if it is anything else.
fn read(answer: &str) -> Vec<Finding> {
    let answer: Option<Answer> = serde_json::from_str(answer).ok();
    let mut findings = answer.map(|answer| answer.comments).unwrap_or_default();
    findings.truncate(MAX_FINDINGS);
    findings
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn answers_are_read_and_nonsense_is_none() {
        let answer = r#"{"comments":[{"file":"-","line":3,"endLine":3,"column":6,"endColumn":10,"level":"info",
            "code":2086,"message":"Double quote.","fix":{"replacements":[{"column":6,"endColumn":6,"endLine":3,
            "insertionPoint":"afterEnd","line":3,"precedence":7,"replacement":"\""}]}}]}"#;
        let found = read(answer);
        assert_eq!((found.len(), found[0].code, found[0].end_column), (1, 2086, 10));
        assert_eq!(found[0].fix.as_ref().unwrap().replacements[0].replacement, "\"");
        for nonsense in ["", "{}", "[]", "{\"comments\":[{}]}", "{\"comments\":3}"] {
            assert_eq!(read(nonsense), []);
        }
    }
}
