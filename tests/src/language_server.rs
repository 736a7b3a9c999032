//! A client of `layerc lsp`: the real process, spoken to on its standard input and output.
//!
//! Knows framing, ids and what a client owes the server; knows nothing of what any test expects.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON indexed by a name gives null where there is none"
)]

use crate::layerc::layerc;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long an answer may take before the test fails. Generous: a busy machine is not a fault.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One session with a server.
#[derive(Debug)]
pub struct Client {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// What came and was not asked for yet.
    waiting: VecDeque<Value>,
    last_id: i64,
    manners: Manners,
    /// What the client answers when it is asked for its settings.
    settings: Value,
}

/// What the client does with requests of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// Answers that it has nothing to say, as a client without a user does.
    Polite,
    /// Never answers.
    Mute,
}

impl Client {
    /// Starts a server and says nothing yet.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start() -> Self {
        Self::start_with(layerc(["lsp"]))
    }

    /// Starts a server by this command.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start_with(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let output = child.stdout.take().expect("its output");
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take();
        Self {
            child,
            input,
            messages,
            waiting: VecDeque::new(),
            last_id: 0,
            manners: Manners::Polite,
            settings: Value::Null,
        }
    }

    /// A session about the directory `root`, greeting done, with these capabilities of the client.
    pub fn greeted(root: &Path, capabilities: &Value) -> Self {
        let mut client = Self::start();
        client.greet(root, capabilities);
        client
    }

    /// Greets and returns the server's answer.
    ///
    /// # Panics
    /// When the answer is an error.
    pub fn greet(&mut self, root: &Path, capabilities: &Value) -> Value {
        self.greet_with(root, capabilities, &Value::Null)
    }

    /// Greets with settings of the server and returns its answer.
    ///
    /// # Panics
    /// When the answer is an error.
    pub fn greet_with(&mut self, root: &Path, capabilities: &Value, options: &Value) -> Value {
        let params = json!({
            "processId": std::process::id(),
            "rootUri": uri(root),
            "workspaceFolders": [{ "uri": uri(root), "name": "test" }],
            "capabilities": capabilities,
            "initializationOptions": options,
        });
        let answer = self.request("initialize", &params);
        self.notify("initialized", &json!({}));
        answer
    }

    /// Answers with these settings from now on when the server asks for them.
    pub fn keep_settings(&mut self, settings: Value) {
        self.settings = settings;
    }

    /// Answers no request of the server from now on.
    pub fn fall_silent(&mut self) {
        self.manners = Manners::Mute;
    }

    /// The process id of the server.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request and doesn't wait.
    pub fn begin(&mut self, method: &str, params: &Value) -> i64 {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// The answer to a request: its result, or its error.
    ///
    /// # Errors
    /// The server's error.
    ///
    /// # Panics
    /// When no answer comes.
    pub fn finish(&mut self, id: i64) -> Result<Value, Value> {
        let is_answer =
            |message: &Value| message["id"] == json!(id) && message.get("method").is_none();
        let kept = self.waiting.iter().position(is_answer);
        let answer = match kept.and_then(|index| self.waiting.remove(index)) {
            Some(answer) => answer,
            None => self.await_message(is_answer, &format!("answer to request {id}")),
        };
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["result"].clone()),
        }
    }

    /// The next message that fits; all before it are kept.
    fn await_message(&mut self, fits: impl Fn(&Value) -> bool, what: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let message = self.next(until).unwrap_or_else(|| panic!("no {what}"));
            if fits(&message) {
                return message;
            }
            self.waiting.push_back(message);
        }
    }

    /// Asks and waits for the result.
    ///
    /// # Panics
    /// When the answer is an error.
    pub fn request(&mut self, method: &str, params: &Value) -> Value {
        self.try_request(method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The server's error.
    pub fn try_request(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        let id = self.begin(method, params);
        self.finish(id)
    }

    /// Opens a document.
    pub fn open(&mut self, uri: &str, text: &str) {
        self.open_as("layerfile", uri, text);
    }

    /// Opens a document of another language.
    pub fn open_as(&mut self, language: &str, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": language, "version": 1, "text": text });
        self.notify("textDocument/didOpen", &json!({ "textDocument": document }));
    }

    /// Waits for the next notification of a method that fits.
    ///
    /// # Panics
    /// When none comes.
    pub fn notification(&mut self, method: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let wanted = |message: &Value| message["method"] == method && fits(&message["params"]);
        if let Some(index) = self.waiting.iter().position(wanted) {
            return self
                .waiting
                .remove(index)
                .map(|found| found["params"].clone())
                .unwrap_or_default();
        }
        self.await_message(wanted, &format!("{method} that fits"))["params"].clone()
    }

    /// Waits until the server asks the client for something by this method; what it asked before is forgotten.
    ///
    /// # Panics
    /// When it doesn't.
    pub fn asked(&mut self, method: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(index) = self.waiting.iter().position(|message| message["method"] == method)
            {
                drop(self.waiting.drain(..=index));
                return;
            }
            // Requests are kept as they come, and other messages are of no interest here.
            let short = Instant::now() + Duration::from_millis(50);
            drop(self.next(short.min(until)));
            assert!(Instant::now() < until, "the server never asks for {method}");
        }
    }

    /// Waits until the codes of a document's pushed diagnostics fit, and returns them.
    pub fn codes(&mut self, uri: &str, fits: impl Fn(&[String]) -> bool) -> Vec<String> {
        let params = self.notification("textDocument/publishDiagnostics", |params| {
            params["uri"] == uri && fits(&codes(&params["diagnostics"]))
        });
        codes(&params["diagnostics"])
    }

    /// Says goodbye and waits for the end: how it ended and what it wrote on standard error.
    ///
    /// # Panics
    /// When it doesn't end.
    pub fn leave(mut self) -> (ExitStatus, String) {
        self.request("shutdown", &Value::Null);
        self.notify("exit", &Value::Null);
        self.ended()
    }

    /// Closes the server's input.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// Waits for the end: how it ended and what it wrote on standard error.
    ///
    /// # Panics
    /// When it doesn't end.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("its end can be waited for") {
                Some(status) => break status,
                None if Instant::now() > until => panic!("the server does not end"),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let mut errors = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _unreadable = stderr.read_to_string(&mut errors);
        }
        (status, errors)
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let input = self.input.as_mut().expect("its input is open");
        let sent = write!(input, "Content-Length: {}\r\n\r\n{body}", body.len());
        sent.and_then(|()| input.flush()).expect("the server listens");
    }

    /// The next message; requests of the server get the answer of a client that has nothing to say.
    fn next(&mut self, until: Instant) -> Option<Value> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = match self.messages.recv_timeout(left) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            };
            if message.get("id").is_some() && message.get("method").is_some() {
                if self.manners == Manners::Polite {
                    let result = match message["method"].as_str() {
                        Some("workspace/configuration") => json!([self.settings]),
                        _ => Value::Null,
                    };
                    let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
                    self.send(&answer);
                }
                self.waiting.push_back(message);
                continue;
            }
            return Some(message);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn read(output: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse::<usize>().ok(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length?];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// The codes of diagnostics, sorted.
pub fn codes(diagnostics: &Value) -> Vec<String> {
    let list = diagnostics.as_array().cloned().unwrap_or_default();
    let mut codes: Vec<String> =
        list.iter().filter_map(|found| found["code"].as_str().map(str::to_owned)).collect();
    codes.sort();
    codes
}

/// The `file:` name of a path.
pub fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// A place in a document.
pub fn place(uri: &str, line: u32, character: u32) -> Value {
    json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } })
}

/// Every request about a document or a place in it, with its parameters; `end` is a position behind the text.
pub fn every_request(uri: &str, line: u32, character: u32) -> Vec<(&'static str, Value)> {
    let document = json!({ "uri": uri });
    let at = place(uri, line, character);
    let range = json!({
        "start": { "line": 0, "character": 0 }, "end": { "line": line, "character": character },
    });
    let with = |mut params: Value, extra: &Value| {
        for (key, value) in extra.as_object().into_iter().flatten() {
            params[key] = value.clone();
        }
        params
    };
    let about = json!({ "textDocument": document });
    let options = json!({ "options": { "tabSize": 4, "insertSpaces": true } });
    let mut requests: Vec<(&str, Value)> = [
        "hover",
        "definition",
        "declaration",
        "typeDefinition",
        "implementation",
        "documentHighlight",
        "completion",
        "signatureHelp",
        "prepareRename",
        "linkedEditingRange",
        "prepareCallHierarchy",
        "prepareTypeHierarchy",
    ]
    .map(|method| (method, at.clone()))
    .to_vec();
    requests.extend(
        [
            "documentSymbol",
            "codeLens",
            "documentLink",
            "foldingRange",
            "semanticTokens/full",
            "diagnostic",
        ]
        .map(|method| (method, about.clone())),
    );
    requests.push((
        "references",
        with(at.clone(), &json!({ "context": { "includeDeclaration": true } })),
    ));
    requests.push(("rename", with(at.clone(), &json!({ "newName": "RENAMED" }))));
    requests
        .push(("selectionRange", with(about.clone(), &json!({ "positions": [at["position"]] }))));
    requests.push(("inlayHint", with(about.clone(), &json!({ "range": range }))));
    requests.push(("semanticTokens/range", with(about.clone(), &json!({ "range": range }))));
    requests.push(("formatting", with(about.clone(), &options)));
    requests
        .push(("rangeFormatting", with(with(about.clone(), &options), &json!({ "range": range }))));
    requests.push((
        "rangesFormatting",
        with(with(about.clone(), &options), &json!({ "ranges": [range] })),
    ));
    requests.push(("onTypeFormatting", with(with(at, &options), &json!({ "ch": "\n" }))));
    requests.push((
        "codeAction",
        with(about.clone(), &json!({ "range": range, "context": { "diagnostics": [] } })),
    ));
    requests.push(("semanticTokens/full/delta", with(about, &json!({ "previousResultId": "1" }))));
    requests
}
