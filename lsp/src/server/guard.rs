//! Stands in front of every message: a panic becomes an error answer, `exit` is seen, and who wants to hear how long
//! messages take is told.
//!
//! The service library would stop serving at the first panic and stay as a mute process. Knows methods and ids only.

use super::trace::Trace;
use super::{Ending, capabilities, understood};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tower_lsp::jsonrpc::{Error, Request, Response};
use tower_service::Service;

/// How long answers that are still being computed may take after the client's last word. Whoever leaves without
/// waiting for them may get them; a server that hangs on something must not stay for it.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// Whether, and how, the client is leaving.
#[derive(Debug, Default)]
pub(super) struct Leave {
    stage: Mutex<Stage>,
    /// The process that started the server is gone.
    orphaned: Notify,
    /// Nothing more comes from the client.
    last_word: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Serving,
    ShutDown,
    Exited(Ending),
}

impl Leave {
    fn note(&self, method: &str) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        *stage = match (method, *stage) {
            ("shutdown", Stage::Serving) => Stage::ShutDown,
            ("exit", Stage::Serving) => Stage::Exited(Ending::Abrupt),
            ("exit", Stage::ShutDown) => Stage::Exited(Ending::Orderly),
            (_, stage) => stage,
        };
        if matches!(*stage, Stage::Exited(_)) {
            self.last_word.notify_one();
        }
    }

    /// The process that started the server is gone.
    pub(super) fn parent_left(&self) {
        self.orphaned.notify_one();
    }

    /// The client closed the server's input.
    pub(super) fn hung_up(&self) {
        self.last_word.notify_one();
    }

    /// Resolves when nobody is left to serve, whatever is still being waited for.
    pub(super) async fn nobody_left(&self) {
        tokio::select! {
            () = self.orphaned.notified() => {}
            () = self.last_word.notified() => tokio::time::sleep(LAST_ANSWERS).await,
        }
    }

    /// How the session ended.
    pub(super) fn ending(&self) -> Ending {
        match *self.stage.lock().unwrap_or_else(PoisonError::into_inner) {
            Stage::Exited(ending) => ending,
            Stage::ShutDown => Ending::Orderly,
            Stage::Serving => Ending::Abrupt,
        }
    }
}

/// A service behind which nothing panics.
#[derive(Debug)]
pub(super) struct Guard<S> {
    inner: S,
    leave: Arc<Leave>,
    trace: Arc<Trace>,
}

impl<S> Guard<S> {
    /// Guards `inner`.
    pub(super) const fn new(inner: S, leave: Arc<Leave>, trace: Arc<Trace>) -> Self {
        Self { inner, leave, trace }
    }
}

/// What a guarded call gives.
type Answer<E> = Result<Option<Response>, E>;

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Option<Response>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Answer<S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.leave.note(request.method());
        let (trace, begun) = (Arc::clone(&self.trace), self.trace.begin(&request));
        let greets = request.method() == understood::METHOD;
        let request = if greets { understood::request(request) } else { request };
        let id = request.id().cloned();
        // The library is silent about unknown methods below `$/`, which only notifications may be answered with.
        let unknown = id.clone().map(|id| Response::from_error(id, Error::method_not_found()));
        let failed = move || id.clone().map(|id| Response::from_error(id, Error::internal_error()));
        match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
            Ok(future) => Box::pin(async move {
                let answer = guarded(future, failed).await;
                begun.into_iter().for_each(|begun| trace.end(begun));
                let answer = answer.map(|answer| answer.or(unknown));
                if greets { answer.map(|answer| answer.map(completed)) } else { answer }
            }),
            Err(_) => Box::pin(std::future::ready(Ok(failed()))),
        }
    }
}

async fn guarded<E>(
    future: impl Future<Output = Answer<E>>,
    failed: impl Fn() -> Option<Response>,
) -> Answer<E> {
    let mut future = Box::pin(future);
    poll_fn(move |context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(Ok(failed())))
    })
    .await
}

/// The answer to the greeting with what the library's types have no place for.
fn completed(answer: Response) -> Response {
    let (id, mut answer) = answer.into_parts();
    if let Ok(greeting) = &mut answer {
        capabilities::complete(greeting);
    }
    Response::from_parts(id, answer)
}

#[cfg(test)]
mod tests {
    use super::{Answer, Guard, Leave, Trace};
    use serde_json::json;
    use std::convert::Infallible;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};
    use tower_lsp::jsonrpc::{ErrorCode, Request, Response};
    use tower_service::Service;

    /// Panics at once, or while it is waited for, or answers.
    struct Fragile;

    impl Service<Request> for Fragile {
        type Response = Option<Response>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Answer<Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request) -> Self::Future {
            assert_ne!(request.method(), "at once");
            Box::pin(async move {
                tokio::task::yield_now().await;
                assert_ne!(request.method(), "later");
                Ok(request.id().cloned().map(|id| Response::from_ok(id, json!("fine"))))
            })
        }
    }

    #[test]
    fn a_panic_is_the_error_of_one_request_and_the_next_is_answered() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut guard = Guard::new(Fragile, Arc::new(Leave::default()), Arc::new(Trace::default()));
        for (method, fails) in [("at once", true), ("later", true), ("at last", false)] {
            let answer = runtime.block_on(guard.call(Request::build(method).id(7_i64).finish()));
            let answer = answer.unwrap().expect("an answer");
            assert_eq!(answer.id(), &7_i64.into(), "{method}");
            let code = answer.error().map(|error| error.code);
            assert_eq!(code, fails.then_some(ErrorCode::InternalError), "{method}");
            let told = runtime.block_on(guard.call(Request::build(method).finish()));
            assert_eq!(told.unwrap(), None, "a notification has no answer: {method}");
        }
    }
}
