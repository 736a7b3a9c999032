//! A stream to a machine that is kept awake as long as the stream is open.

use crate::backend::{KeptAwake, Ports};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Wakes the machine if it sleeps, which may take a while.
pub(super) async fn keep_awake(ports: Arc<dyn Ports>) -> io::Result<KeptAwake> {
    let waking = tokio::task::spawn_blocking(move || ports.keep_awake());
    waking.await.map_err(io::Error::other)?
}

/// See the module.
pub(super) struct Awake<S> {
    stream: S,
    _kept: KeptAwake,
}

impl<S> Awake<S> {
    pub(super) fn new(stream: S, kept: KeptAwake) -> Self {
        Self { stream, _kept: kept }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Awake<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Awake<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
