//! A stream that ends when nothing has come or gone for too long: a client that stops in the middle of a body holds no
//! place for ever.

use super::limits::SILENCE_TIME;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How exactly silence is measured: the alarm is not set anew for every byte.
const GRAIN: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Quiet<S> {
    stream: S,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Quiet<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, alarm: Box::pin(sleep_until(Instant::now() + SILENCE_TIME)) }
    }

    /// What the stream said, or that it has said nothing for too long.
    fn heard<T>(
        &mut self,
        context: &mut Context<'_>,
        said: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if said.is_ready() {
            let next = Instant::now() + SILENCE_TIME;
            if next.duration_since(self.alarm.deadline()) > GRAIN {
                self.alarm.as_mut().reset(next);
            }
            return said;
        }
        ready!(self.alarm.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Quiet<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.heard(context, read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Quiet<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.heard(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn silence_ends_a_stream_and_bytes_put_it_off() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let (mut far, near) = tokio::io::duplex(64);
            let mut near = Quiet::new(near);
            let mut byte = [0];
            for _ in 0..3 {
                tokio::time::sleep(SILENCE_TIME - GRAIN * 2).await;
                far.write_all(b"x").await.unwrap();
                assert_eq!(near.read(&mut byte).await.unwrap(), 1);
            }
            let began = Instant::now();
            let error = near.read(&mut byte).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(began.elapsed() <= SILENCE_TIME, "{:?}", began.elapsed());
        });
    }
}
