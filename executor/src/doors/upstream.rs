//! A connection to a web server in a machine, from its port to a handle that takes one request.

use super::awake::Awake;
use super::limits::CONNECT_TIME;
use super::sites::Target;
use super::tls;
use crate::backend::{KeptAwake, Ports};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::io;
use std::os::unix::net::UnixStream as StandardStream;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

/// A stream to a port of a machine. Of whatever family its socket is, all that is done with it is reading and writing.
pub(super) async fn open(
    ports: Arc<dyn Ports>,
    port: u16,
    kept: KeptAwake,
) -> io::Result<Awake<UnixStream>> {
    let connecting = tokio::task::spawn_blocking(move || ports.connect(port));
    let socket = connecting.await.map_err(io::Error::other)??;
    let stream = StandardStream::from(socket);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream).map(|stream| Awake::new(stream, kept))
}

/// A connection that takes one request.
pub(super) async fn connect(target: &Target, kept: KeptAwake) -> io::Result<SendRequest<Incoming>> {
    let connecting = async {
        let stream = open(Arc::clone(&target.ports), target.route.port, kept).await?;
        if target.route.tls {
            shake_hands(tls::connect(stream).await?).await
        } else {
            shake_hands(stream).await
        }
    };
    tokio::time::timeout(CONNECT_TIME, connecting)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")))
}

async fn shake_hands<S>(stream: S) -> io::Result<SendRequest<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // What goes wrong with the connection shows in the answer that doesn't come.
    tokio::spawn(connection.with_upgrades());
    Ok(sender)
}
