//! The protocol: messages in, messages out, on standard input and output. The only place that knows `tower-lsp`.
//!
//! ```text
//! messages ─► guard ─► backend ─┬─► scribe (one thread: edits, files, settings, in their order) ─► snapshots
//!                               └─► workers (requests on snapshots)                       └─► publisher
//! ```
//!
//! Edits and snapshots go through one channel, so a request sees exactly the edits that came before it, whatever else
//! is being computed. Knows nothing of Layerfiles; what to answer is in [`crate::features`].

mod adapt;
mod backend;
mod capabilities;
mod configuration;
mod edits;
mod errands;
mod extensions;
mod files;
mod greeting;
mod guard;
mod input;
mod methods;
mod parent;
mod publisher;
mod scribe;
mod tokens;
mod trace;
mod understood;
mod watcher;

use crate::host::Host;
use backend::Backend;
use guard::Guard;
use input::Input;
use std::sync::Arc;
use tokio::runtime::Builder;
use tower_lsp::{LspService, Server};

/// Requests that may wait for each other. Above any real client's number, so that a cancellation or an edit never
/// queues behind slow answers.
const MAX_WAITING_REQUESTS: usize = 1024;

/// Requests that are worked on at once.
const WORKERS: usize = 4;

/// Threads beside them that read and write: messages never wait for requests.
const STREAMS: usize = 2;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The client said goodbye as the protocol wants it.
    Orderly,
    /// The client vanished, or left without `shutdown`.
    Abrupt,
}

/// Serves one client on standard input and output until it leaves.
///
/// # Errors
/// If the machine has no thread or no event queue left.
pub fn serve(host: Arc<dyn Host>) -> std::io::Result<Ending> {
    // A panic is answered as an error; on standard error it would only fill the client's log.
    std::panic::set_hook(Box::new(|_| {}));
    let threads = WORKERS + STREAMS;
    let runtime =
        Builder::new_current_thread().enable_all().max_blocking_threads(threads).build()?;
    let handle = runtime.handle().clone();
    let leave = Arc::new(guard::Leave::default());
    let trace = Arc::new(trace::Trace::default());
    let (left, told) = (Arc::clone(&leave), Arc::clone(&trace));
    let service = LspService::build(|client| Backend::new(host, client, handle, left, told))
        .custom_method(extensions::FLATTENED, Backend::flattened)
        .custom_method(extensions::GRAPH, Backend::graph)
        .custom_method(extensions::FORMAT_RANGES, Backend::format_ranges);
    let (service, socket) = service.finish();
    let service = Guard::new(service, Arc::clone(&leave), trace);
    let input = Input::new(tokio::io::stdin(), Arc::clone(&leave));
    let server =
        Server::new(input, tokio::io::stdout(), socket).concurrency_level(MAX_WAITING_REQUESTS);
    runtime.block_on(async {
        tokio::select! {
            () = server.serve(service) => {}
            () = leave.nobody_left() => {}
        }
    });
    // Threads may still be reading standard input or working for nobody; none of them is waited for.
    runtime.shutdown_background();
    Ok(leave.ending())
}
