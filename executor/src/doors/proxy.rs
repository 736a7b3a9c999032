//! The reverse proxy: takes requests, finds whose they are, has the machine's web server answer. Bodies stream, and
//! what is upgraded (WebSockets) becomes a plain pair of streams.

use super::answer::Answer;
use super::awake::keep_awake;
use super::limits::{HEADER_TIME, MOST_CONNECTIONS, MOST_HEADER_BYTES, MOST_HEADERS};
use super::quiet::Quiet;
use super::sites::{Found, Sites, Target};
use super::{errors, headers, host, upstream};
use crate::backend::KeptAwake;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, on};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How long to wait when no connection can be accepted, for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Takes the next connection; `None` after a pause when there is none to be had.
pub(super) async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(_) => {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Serves until the runtime ends.
pub(super) async fn serve(listener: TcpListener, sites: Arc<Sites>) {
    let port = listener.local_addr().map_or(0, |address| address.port());
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Some(client) = accept(&listener).await else { continue };
        let sites = Arc::clone(&sites);
        tokio::spawn(async move {
            // Whoever breaks the rules or goes away is no affair of the others.
            let _ended = serve_connection(client, &sites, port).await;
            drop(place);
        });
    }
}

async fn serve_connection(
    client: TcpStream,
    sites: &Arc<Sites>,
    port: u16,
) -> Result<(), hyper::Error> {
    let service =
        service_fn(
            |request| async move { Ok::<_, Infallible>(answer(request, sites, port).await) },
        );
    Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MOST_HEADER_BYTES)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(Quiet::new(client)), service)
        .with_upgrades()
        .await
}

async fn answer(request: Request<Incoming>, sites: &Sites, port: u16) -> Answer {
    if request.method() == Method::CONNECT {
        return errors::no_tunnel();
    }
    let Some(public) = public_host(&request) else { return errors::no_host() };
    let label = match host::asked(public.to_str().unwrap_or_default()) {
        host::Asked::Site(label) => label,
        host::Asked::Index => return errors::index(sites, port),
        host::Asked::Foreign => return errors::foreign(),
    };
    match sites.find(&label, request.uri().path()) {
        Found::Server(target) => match keep_awake(Arc::clone(&target.ports)).await {
            Ok(kept) => match pass_on(request, &target, &public, kept).await {
                Ok(answer) => answer,
                Err(error) => errors::no_server(target.route.port, &error),
            },
            Err(error) => errors::asleep(&error),
        },
        Found::NoPath => errors::no_path(),
        Found::NoSite => errors::no_site(sites, port),
    }
}

/// The host in the request's line wins over the header, as HTTP says.
fn public_host(request: &Request<Incoming>) -> Option<HeaderValue> {
    match request.uri().authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => request.headers().get(HOST).cloned(),
    }
}

async fn pass_on(
    mut request: Request<Incoming>,
    target: &Target,
    public: &HeaderValue,
    kept: KeptAwake,
) -> io::Result<Answer> {
    let mut server = upstream::connect(target, kept).await?;
    let protocol = headers::upgrade(request.headers());
    let client_side = protocol.is_some().then(|| on(&mut request));
    let asked = request.uri().path_and_query().map_or("/", |asked| asked.as_str());
    *request.uri_mut() = Uri::try_from(target.route.rewritten(asked)).map_err(io::Error::other)?;
    *request.version_mut() = Version::HTTP_11;
    headers::enter_machine(request.headers_mut(), public);
    if let Some(protocol) = protocol {
        headers::keep_upgrade(request.headers_mut(), protocol);
    }
    let response = server.send_request(request).await.map_err(io::Error::other)?;
    hand_back(response, client_side, target, public)
}

fn hand_back(
    mut response: Response<Incoming>,
    client_side: Option<OnUpgrade>,
    target: &Target,
    public: &HeaderValue,
) -> io::Result<Answer> {
    let protocol = headers::upgrade(response.headers());
    headers::leave_connection(response.headers_mut());
    headers::translate_location(response.headers_mut(), public, target.route.port);
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let (Some(client_side), Some(protocol)) = (client_side, protocol) else {
            return Err(io::Error::other("it changed the protocol without being asked to"));
        };
        headers::keep_upgrade(response.headers_mut(), protocol);
        tokio::spawn(join(client_side, on(&mut response)));
    }
    Ok(response.map(Either::Left))
}

/// Two upgraded connections become one.
async fn join(client_side: OnUpgrade, server_side: OnUpgrade) {
    if let (Ok(client), Ok(server)) = (client_side.await, server_side.await) {
        let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
        let _either_side_ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}
