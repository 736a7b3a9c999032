//! How much of whoever comes through a door is put up with.

use std::time::Duration;

/// Connections served at once, websites and upgraded ones included; more wait to be accepted.
pub const MOST_CONNECTIONS: usize = 256;

/// Connections to one forwarded port at once; more wait to be accepted.
pub const MOST_FORWARDED: usize = 256;

/// Connects to machines under way at once: each takes a thread for a moment.
pub const MOST_CONNECTING: usize = 16;

/// Bytes of a request's first line and headers; more is answered with 431.
pub const MOST_HEADER_BYTES: usize = 64 * 1024;

/// Headers of a request; more is answered with 431.
pub const MOST_HEADERS: usize = 128;

/// Longest that a client may take to send a request's headers, or to begin the next request.
pub const HEADER_TIME: Duration = Duration::from_secs(10);

/// Longest that a connection may be silent in both directions, in a body or behind an upgrade.
pub const SILENCE_TIME: Duration = Duration::from_mins(15);

/// Longest that connecting to a web server in a machine may take, TLS included.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);
