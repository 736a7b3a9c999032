//! What comes from the client, and that nothing comes any more.
//!
//! The service library waits for every answer once its input has ended, so somebody else has to know of the end. Knows
//! nothing of messages.

use super::guard::Leave;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// A stream of bytes whose end is told.
#[derive(Debug)]
pub(super) struct Input<R> {
    inner: R,
    leave: Arc<Leave>,
}

impl<R> Input<R> {
    /// Reads `inner` and tells `leave` of its end.
    pub(super) const fn new(inner: R, leave: Arc<Leave>) -> Self {
        Self { inner, leave }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Input<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.remaining();
        let read = ready!(Pin::new(&mut this.inner).poll_read(context, buffer));
        if read.is_err() || (before > 0 && buffer.remaining() == before) {
            this.leave.hung_up();
        }
        Poll::Ready(read)
    }
}
