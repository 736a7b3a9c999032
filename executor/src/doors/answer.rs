//! What goes back to a client.

use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// What a client gets: a machine's answer, or our own words.
pub(super) type Answer = Response<Either<Incoming, Full<Bytes>>>;

/// Our own words.
pub(super) fn text(status: StatusCode, words: String) -> Answer {
    let mut answer = Response::new(Either::Right(Full::new(Bytes::from(words))));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}
