//! What somebody is told who comes through the door and finds nothing behind it. Plain text, never the caller's words.

use super::answer::{Answer, text};
use super::sites::Sites;
use hyper::StatusCode;
use std::io;

/// `localhost` itself: which websites there are.
pub(super) fn index(sites: &Sites, port: u16) -> Answer {
    text(StatusCode::NOT_FOUND, format!("no website has this name; {}", list(sites, port)))
}

/// A label that no website has.
pub(super) fn no_site(sites: &Sites, port: u16) -> Answer {
    text(StatusCode::NOT_FOUND, format!("this website is not up; {}", list(sites, port)))
}

fn list(sites: &Sites, port: u16) -> String {
    let labels = sites.labels();
    if labels.is_empty() {
        return "none is\n".to_owned();
    }
    let line = |label: &String| format!("  http://{label}.localhost:{port}/\n");
    let lines: String = labels.iter().map(line).collect();
    format!("these are:\n{lines}")
}

/// A path that no EXPOSE WEBSITE names.
pub(super) fn no_path() -> Answer {
    text(StatusCode::NOT_FOUND, "no EXPOSE WEBSITE of this website has this path\n".to_owned())
}

/// A Host that isn't one of ours says nothing about what is here.
pub(super) fn foreign() -> Answer {
    let words = "this address serves names below `localhost` only\n";
    text(StatusCode::MISDIRECTED_REQUEST, words.to_owned())
}

/// A request that names no host.
pub(super) fn no_host() -> Answer {
    text(StatusCode::BAD_REQUEST, "the request names no host\n".to_owned())
}

/// A method that needs a proxy of another kind.
pub(super) fn no_tunnel() -> Answer {
    text(StatusCode::METHOD_NOT_ALLOWED, "this is no proxy for CONNECT\n".to_owned())
}

/// The machine was put to sleep and does not wake.
pub(super) fn asleep(error: &io::Error) -> Answer {
    let words = format!("the machine of this website sleeps and does not wake: {error}\n");
    text(StatusCode::SERVICE_UNAVAILABLE, words)
}

/// The server in the machine doesn't answer.
pub(super) fn no_server(port: u16, error: &io::Error) -> Answer {
    let status = match error.kind() {
        io::ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    text(status, format!("nothing answers at port {port} of the machine: {error}\n"))
}
