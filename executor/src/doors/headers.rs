//! Headers on their way through: what belongs to one connection stays behind, what names places is translated.

use hyper::header::{
    CONNECTION, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::uri::Authority;
use hyper::{Uri, http};

/// What the web server in the machine is called by whoever comes through the door.
const HOST_INSIDE: &str = "localhost";

/// Headers of one connection that have no constant.
const OTHERS: [&str; 4] =
    ["keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"];

/// Whether a message asks for or agrees to another protocol; then its name stays in it.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let named = |value: &HeaderValue| {
        let words = value.to_str().unwrap_or_default().split(',');
        words.into_iter().any(|word| word.trim().eq_ignore_ascii_case("upgrade"))
    };
    headers.get_all(CONNECTION).iter().any(named).then(|| headers.get(UPGRADE).cloned()).flatten()
}

/// Removes what belongs to the connection a message came on.
pub(super) fn leave_connection(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let known = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    for name in listed.into_iter().chain(known) {
        headers.remove(name);
    }
    for name in OTHERS {
        headers.remove(name);
    }
}

/// Puts the wish for another protocol back.
pub(super) fn keep_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Makes a request's headers those that the server in the machine expects. `public` is the host that was asked for.
pub(super) fn enter_machine(headers: &mut HeaderMap, public: &HeaderValue) {
    leave_connection(headers);
    // Our own server has answered it already.
    headers.remove(EXPECT);
    headers.insert(HOST, HeaderValue::from_static(HOST_INSIDE));
    headers.insert("x-forwarded-host", public.clone());
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    headers.append("x-forwarded-for", HeaderValue::from_static("127.0.0.1"));
}

/// Makes a redirection to the server's own name one to the name it has outside.
pub(super) fn translate_location(headers: &mut HeaderMap, public: &HeaderValue, port: u16) {
    let translated = headers
        .get(LOCATION)
        .and_then(|location| Uri::try_from(location.as_bytes()).ok())
        .filter(|uri| uri.authority().is_some_and(|authority| is_inside(authority, port)))
        .and_then(|uri| outside(uri, public));
    if let Some(location) = translated {
        headers.insert(LOCATION, location);
    }
}

fn is_inside(authority: &Authority, port: u16) -> bool {
    authority.host().eq_ignore_ascii_case(HOST_INSIDE)
        && authority.port_u16().is_none_or(|named| named == port)
}

fn outside(uri: Uri, public: &HeaderValue) -> Option<HeaderValue> {
    let mut parts: http::uri::Parts = uri.into_parts();
    parts.authority = Some(Authority::try_from(public.as_bytes()).ok()?);
    parts.scheme = Some(http::uri::Scheme::HTTP);
    HeaderValue::try_from(Uri::from_parts(parts).ok()?.to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_belongs_to_a_connection_stays_there() {
        let mut sent = headers(&[
            ("connection", "keep-alive, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "5"),
            ("transfer-encoding", "chunked"),
            ("host", "web-k3f.localhost:1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("accept", "*/*"),
        ]);
        assert_eq!(upgrade(&sent), None);
        enter_machine(&mut sent, &HeaderValue::from_static("web-k3f.localhost:1"));
        let mut names: Vec<String> = sent
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "accept: */*",
                "host: localhost",
                "x-forwarded-for: 10.0.0.1",
                "x-forwarded-for: 127.0.0.1",
                "x-forwarded-host: web-k3f.localhost:1",
                "x-forwarded-proto: http",
            ]
        );
    }

    #[test]
    fn an_upgrade_needs_both_headers() {
        let both = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(upgrade(&both), Some(HeaderValue::from_static("websocket")));
        assert_eq!(upgrade(&headers(&[("upgrade", "websocket")])), None);
        assert_eq!(upgrade(&headers(&[("connection", "upgrade")])), None);
    }

    #[test]
    fn redirections_to_itself_are_translated() {
        let public = HeaderValue::from_static("web-k3f.localhost:9");
        for (location, expected) in [
            ("/x", "/x"),
            ("http://localhost/x?y", "http://web-k3f.localhost:9/x?y"),
            ("https://localhost:8443/x", "http://web-k3f.localhost:9/x"),
            ("http://localhost:1/x", "http://localhost:1/x"),
            ("https://example.org/x", "https://example.org/x"),
        ] {
            let mut headers = headers(&[("location", location)]);
            translate_location(&mut headers, &public, 8443);
            assert_eq!(headers.get(LOCATION).unwrap(), expected);
        }
    }
}
