//! EXPOSE TCP: a port of this computer whose connections go on to a machine's, byte by byte.

use super::awake::keep_awake;
use super::limits::MOST_FORWARDED;
use super::upstream;
use crate::backend::Ports;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// See the module.
pub(super) struct Forward {
    pub(super) listener: TcpListener,
    pub(super) destination: u16,
    pub(super) ports: Arc<dyn Ports>,
}

impl Forward {
    /// Forwards until it is aborted.
    pub(super) async fn serve(self) {
        let places = Arc::new(Semaphore::new(MOST_FORWARDED));
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            while connections.try_join_next().is_some() {}
            let Some(client) = super::proxy::accept(&self.listener).await else { continue };
            let (ports, port) = (Arc::clone(&self.ports), self.destination);
            connections.spawn(async move {
                relay(client, ports, port).await;
                drop(place);
            });
        }
    }
}

/// A connection that the machine refuses is closed: there is nothing to say to a program of unknown language.
async fn relay(mut client: TcpStream, ports: Arc<dyn Ports>, port: u16) {
    let Ok(kept) = keep_awake(Arc::clone(&ports)).await else { return };
    if let Ok(mut server) = upstream::open(ports, port, kept).await {
        let _either_side_ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}
