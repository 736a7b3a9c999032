//! Firecracker, spoken to over its socket: the same guests, kept and restored by it.
//!
//! Knows of its interface what is used here: <https://github.com/firecracker-microvm/firecracker/tree/main/src/firecracker/swagger>.

use super::marks::Marks;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for its socket.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it is told of the kernel: what its own documentation says, and nothing on the console.
const COMMAND_LINE: &str = "console=ttyS0 reboot=k panic=1 quiet";

/// A process of it. Dropping it ends it.
pub(super) struct Firecracker {
    process: Child,
    socket: PathBuf,
    pub(super) marks: Marks,
}

impl Firecracker {
    /// Starts it, without a machine.
    pub(super) fn start(program: &Path, socket: PathBuf) -> Self {
        let _old = std::fs::remove_file(&socket);
        let mut command = Command::new(program);
        command.arg("--api-sock").arg(&socket).args(["--level", "Error"]);
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Firecracker starts");
        let mut printed = process.stdout.take().expect("it was asked for");
        let (marks, mut output) = Marks::new();
        std::thread::spawn(move || std::io::copy(&mut printed, &mut output));
        Self { process, socket, marks }
    }

    /// Boots a machine with one processor.
    pub(super) fn boot(&self, kernel: &Path, initramfs: &Path, mebibytes: u64) {
        let machine =
            format!(r#"{{"vcpu_count":1,"mem_size_mib":{mebibytes},"track_dirty_pages":true}}"#);
        self.ask("PUT", "/machine-config", &machine);
        let source = format!(
            r#"{{"kernel_image_path":"{}","initrd_path":"{}","boot_args":"{COMMAND_LINE}"}}"#,
            kernel.display(),
            initramfs.display()
        );
        self.ask("PUT", "/boot-source", &source);
        self.ask("PUT", "/actions", r#"{"action_type":"InstanceStart"}"#);
    }

    /// Keeps the machine, which stands still for it: `Full` or `Diff`.
    pub(super) fn keep(&self, kind: &str, state: &Path, memory: &Path) {
        self.ask("PATCH", "/vm", r#"{"state":"Paused"}"#);
        let order = format!(
            r#"{{"snapshot_type":"{kind}","snapshot_path":"{}","mem_file_path":"{}"}}"#,
            state.display(),
            memory.display()
        );
        self.ask("PUT", "/snapshot/create", &order);
        self.ask("PATCH", "/vm", r#"{"state":"Resumed"}"#);
    }

    /// Restores a machine that was kept, and lets it run.
    pub(super) fn restore(&self, state: &Path, memory: &Path) {
        let order = format!(
            r#"{{"snapshot_path":"{}","mem_backend":{{"backend_type":"File","backend_path":"{}"}},"resume_vm":true}}"#,
            state.display(),
            memory.display()
        );
        self.ask("PUT", "/snapshot/load", &order);
    }

    /// Waits until it can be spoken to.
    pub(super) fn wait(&self) {
        drop(self.connect());
    }

    fn connect(&self) -> UnixStream {
        let until = Instant::now() + PATIENCE;
        loop {
            match UnixStream::connect(&self.socket) {
                Ok(stream) => return stream,
                Err(error) if Instant::now() > until => panic!("no socket of Firecracker: {error}"),
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// One request on a connection of its own; anything but success ends the measuring.
    fn ask(&self, method: &str, path: &str, body: &str) {
        let mut stream = self.connect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("Firecracker hears");
        let mut answer = BufReader::new(stream);
        let mut status = String::new();
        answer.read_line(&mut status).expect("Firecracker answers");
        if !status.contains(" 204 ") && !status.contains(" 200 ") {
            let mut text = [0; 2000];
            let length = answer.read(&mut text).unwrap_or(0);
            let text = String::from_utf8_lossy(text.get(..length).unwrap_or_default()).into_owned();
            panic!("Firecracker refuses {method} {path} {body}: {status}{text}");
        }
    }
}

impl Drop for Firecracker {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}
