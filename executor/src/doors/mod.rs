//! What EXPOSE opens: websites of machines behind one reverse proxy, and ports forwarded to machines, all on this
//! computer's loopback.
//!
//! ```text
//! browser ─► listener ─► Sites (which host, which prefix) ─► Ports of a machine ─► its web server
//! ```
//!
//! An open connection keeps its machine awake, and wakes it.
//!
//! Async code lives here and nowhere else in the executor: a runtime of its own on one thread. Machines are known as
//! [`Ports`] alone, so that a virtual machine's will do as well. Knows nothing of plans, caches or events.

mod answer;
mod awake;
mod errors;
mod forward;
mod headers;
mod host;
pub mod limits;
mod proxy;
mod quiet;
mod routes;
mod sites;
mod tls;
mod upstream;

pub use host::HostLabels;
pub use routes::Route;
pub(crate) use routes::{expanded, uses_split};
pub use sites::OpenSite;

use crate::backend::Ports;
use forward::Forward;
use sites::Sites;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// The door of a run: one listener for all its websites, and its forwarded ports. Closed when dropped.
#[derive(Debug)]
pub struct Doors {
    /// `None` only while being dropped.
    runtime: Option<Runtime>,
    sites: Arc<Sites>,
    port: u16,
}

/// A port that is forwarded until this is dropped.
#[derive(Debug)]
pub struct OpenForward {
    /// Where on this computer.
    pub address: SocketAddr,
    task: tokio::task::AbortHandle,
}

impl Drop for OpenForward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Doors {
    /// Opens the door at this port of the loopback, or at any free one.
    ///
    /// # Errors
    /// When the port is taken or nothing can be listened at.
    pub fn open(port: Option<u16>) -> io::Result<Self> {
        let listeners = listeners(port)?;
        let port = listeners.first().ok_or(io::ErrorKind::AddrNotAvailable)?.local_addr()?.port();
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(limits::MOST_CONNECTING)
            .thread_name("doors")
            .enable_all()
            .build()?;
        let sites = Arc::new(Sites::default());
        for listener in listeners {
            let _inside = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener)?;
            runtime.spawn(proxy::serve(listener, Arc::clone(&sites)));
        }
        Ok(Self { runtime: Some(runtime), sites, port })
    }

    /// Where its websites are.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The host of a label, with the port: what stands between `http://` and the path.
    pub fn authority(&self, label: &str) -> String {
        format!("{label}.localhost:{}", self.port)
    }

    /// Adds routes to the website of a label until the result is dropped.
    pub fn add_site(&self, label: &str, routes: Vec<Route>, ports: Arc<dyn Ports>) -> OpenSite {
        Sites::add(&self.sites, label, routes, ports)
    }

    /// Forwards a port of this computer, `wanted` if it is free, to a machine's.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn forward(
        &self,
        wanted: u16,
        destination: u16,
        ports: Arc<dyn Ports>,
    ) -> io::Result<OpenForward> {
        let runtime = self.runtime.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted))
            .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let _inside = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let task = runtime.spawn(Forward { listener, destination, ports }.serve()).abort_handle();
        Ok(OpenForward { address, task })
    }
}

impl Drop for Doors {
    /// Ends every connection. A connect to a machine that is held up is not waited for.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One for each family that this computer's `localhost` has: names below it lead to either.
fn listeners(port: Option<u16>) -> io::Result<Vec<TcpListener>> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0)))?;
    let port = first.local_addr()?.port();
    let mut listeners = vec![first];
    listeners.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, port)));
    for listener in &listeners {
        listener.set_nonblocking(true)?;
    }
    Ok(listeners)
}
