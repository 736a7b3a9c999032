//! Starts ShellCheck, if the user has it, and gives it one script. Knows nothing of what it says.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

/// Bytes of an answer that are read; a script has few findings.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// What `program` says of a bash script as `json1`; `None` if it can't be started.
pub(super) fn check(program: &str, script: &str) -> Option<String> {
    let arguments = ["--shell=bash", "--format=json1", "--norc", "-"];
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let script = script.to_owned();
    // Written beside the reading, or both sides could wait for each other.
    let writing = thread::spawn(move || {
        let _ended_early = input.map(|mut input| input.write_all(script.as_bytes()));
    });
    let mut answer = String::new();
    let read = output.map(|output| output.take(MAX_ANSWER_BYTES).read_to_string(&mut answer));
    let _written = writing.join();
    let _status = child.wait();
    read?.ok().map(|_| answer)
}
