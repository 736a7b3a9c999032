//! What the client is told of the server's work when it wants to hear of it: `$/setTrace` says how much, `$/logTrace` tells
//! each message that was answered and how long that took.

use ls_types::notification::{LogTrace, Notification, SetTrace};
use ls_types::{LogTraceParams, TraceValue};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;
use tokio::runtime::Handle;
use tower_lsp::Client;
use tower_lsp::jsonrpc::Request;

/// How much is told, and the way to the client.
#[derive(Debug, Default)]
pub(super) struct Trace {
    level: Mutex<TraceValue>,
    client: OnceLock<(Client, Handle)>,
}

/// A message that is being answered.
#[derive(Debug)]
pub(super) struct Begun {
    what: String,
    params: Option<String>,
    at: Instant,
}

impl Trace {
    /// Whom to tell.
    pub(super) fn tell(&self, client: Client, handle: Handle) {
        let _only_once = self.client.set((client, handle));
    }

    /// How much to tell from now on.
    pub(super) fn set(&self, level: TraceValue) {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = level;
    }

    fn level(&self) -> TraceValue {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a message that came; nothing if nobody wants to hear of it. How much is told changes here and not in a method,
    /// which would be done when later messages are under way.
    pub(super) fn begin(&self, message: &Request) -> Option<Begun> {
        if message.method() == SetTrace::METHOD {
            let value = message.params().and_then(|params| params.get("value")).cloned();
            let level = value.and_then(|value| serde_json::from_value(value).ok());
            self.set(level.unwrap_or_default());
            return None;
        }
        let level = self.level();
        if level == TraceValue::Off {
            return None;
        }
        let what = match message.id() {
            Some(id) => format!("{} ({id})", message.method()),
            None => message.method().to_owned(),
        };
        let params = (level == TraceValue::Verbose).then(|| message.params()).flatten();
        Some(Begun { what, params: params.map(ToString::to_string), at: Instant::now() })
    }

    /// Tells that it was answered, or done.
    pub(super) fn end(&self, begun: Begun) {
        let Some((client, handle)) = self.client.get() else { return };
        let microseconds = begun.at.elapsed().as_micros();
        let (whole, rest) = (microseconds / 1000, microseconds % 1000 / 100);
        let message = format!("{} took {whole}.{rest} ms", begun.what);
        let (client, verbose) = (client.clone(), begun.params);
        handle.spawn(async move {
            client.send_notification::<LogTrace>(LogTraceParams { message, verbose }).await;
        });
    }
}
