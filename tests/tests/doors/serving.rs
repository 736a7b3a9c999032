//! A run that serves, and requests to it.

use layerc_executor::event::{Event, ExposedAddress, TimedEvent};
use layerc_tests::terminal::wait_for;
use layerc_tests::workflow::Workflow;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// `layerc run --serve`, everything done, what is exposed up.
pub(crate) struct Serving {
    child: Child,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Serving {
    /// Waits until everything is up.
    pub(crate) fn run(place: &Workflow, arguments: &[&str]) -> Self {
        let mut command = place.command();
        command.arg("--serve").args(arguments);
        let output = (Stdio::null(), Stdio::piped(), Stdio::null());
        let mut child = command.stdin(output.0).stdout(output.1).stderr(output.2).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let timed: TimedEvent = serde_json::from_str(&line).unwrap();
                heard.lock().unwrap().push(timed.event);
            }
        });
        let mut serving = Self { child, events };
        wait_for("serving", || {
            assert_eq!(serving.child.try_wait().unwrap(), None, "{:#?}", serving.events());
            serving.events().contains(&Event::Serving {}).then_some(())
        });
        serving
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// The addresses of a runner's websites, in order.
    pub(crate) fn websites(&self, runner: &str) -> Vec<String> {
        let events = self.events().into_iter();
        let url = |event: Event| match event {
            Event::Exposed { runner: whose, address: ExposedAddress::Website { url, .. } }
                if whose == runner =>
            {
                Some(url)
            }
            _ => None,
        };
        events.filter_map(url).collect()
    }

    /// The forwarded addresses of a runner.
    pub(crate) fn forwards(&self, runner: &str) -> Vec<String> {
        let events = self.events().into_iter();
        let forward = |event: Event| match event {
            Event::Exposed { runner: whose, address: ExposedAddress::Tcp { address, .. } }
                if whose == runner =>
            {
                Some(address)
            }
            _ => None,
        };
        events.filter_map(forward).collect()
    }

    /// Presses Ctrl-C; the exit code.
    pub(crate) fn interrupt(mut self) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Serving {
    /// A failed case leaves nothing up.
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// `host:port` and path of an address.
fn parts(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap();
    let slash = rest.find('/').unwrap();
    rest.split_at(slash)
}

/// A connection to the door that an address leads through.
pub(crate) fn connect(url: &str) -> TcpStream {
    let (authority, _) = parts(url);
    let port: u16 = authority.rsplit_once(':').unwrap().1.parse().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Sends bytes and reads to the end of the connection.
pub(crate) fn exchange(url: &str, sent: &[u8]) -> String {
    let mut stream = connect(url);
    // A server that has heard enough may hang up before it was told everything.
    let _ = stream.write_all(sent);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The answer to a GET below an address, headers and all, with a Host of its own if one is given.
pub(crate) fn get(url: &str, below: &str, host: Option<&str>) -> String {
    let (authority, path) = parts(url);
    let host = host.unwrap_or(authority);
    let path = format!("{}{below}", path.trim_end_matches('/'));
    let path = if path.is_empty() { "/" } else { path.as_str() };
    exchange(
        url,
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes(),
    )
}

/// Whether an answer holds a text; says the answer if not.
pub(crate) fn contains(answer: &str, text: impl AsRef<str>) {
    assert!(answer.contains(text.as_ref()), "no `{}` in: {answer}", text.as_ref());
}
