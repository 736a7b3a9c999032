//! Requests to one registry: certificates, credentials, tokens, refusals. Every answer that is held in memory has a
//! largest size.

use super::Trust;
use super::challenge::Challenge;
use super::credentials::{self, Credentials};
use crate::images::error::{Doing, ImageError};
use crate::reference::Reference;
use reqwest::blocking::{Client, ClientBuilder, RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, RANGE, WWW_AUTHENTICATE};
use reqwest::{Certificate, StatusCode, Url, redirect};
use serde::Deserialize;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

/// Largest answer of a server that gives tokens.
const TOKEN_LIMIT_BYTES: u64 = 1 << 20;

/// Most of an error message that is read.
const MESSAGE_LIMIT_BYTES: u64 = 4096;

/// How long connecting, and each wait for more bytes, may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Redirections of one request at most.
const REDIRECTION_LIMIT: usize = 10;

/// Where docker and podman keep certificates of single registries.
const CERTIFICATE_DIRECTORIES: [&str; 2] = ["/etc/docker/certs.d", "/etc/containers/certs.d"];

/// A registry that can be asked.
#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    reference: Reference,
    credentials: Option<Credentials>,
    /// Scheme of its address: found out with the first request to this machine itself, `https` elsewhere.
    scheme: Mutex<Option<&'static str>>,
    /// What goes into the `Authorization` header, once the registry has demanded it.
    authorization: Mutex<Option<HeaderValue>>,
}

impl Connection {
    pub(super) fn new(reference: &Reference, trust: &Trust) -> Result<Self, ImageError> {
        let client = client(reference, trust)?;
        let scheme = if is_this_machine(reference.host()) { None } else { Some("https") };
        Ok(Self {
            client,
            reference: reference.clone(),
            credentials: credentials::find(reference.registry())?,
            scheme: Mutex::new(scheme),
            authorization: Mutex::new(None),
        })
    }

    /// A whole document, no longer than the limit.
    pub(super) fn document(
        &self,
        path: &str,
        accepted: &str,
        limit_bytes: u64,
        what: &str,
    ) -> Result<Vec<u8>, ImageError> {
        let response = self.get(path, |request| {
            if accepted.is_empty() { request } else { request.header(ACCEPT, accepted) }
        })?;
        let mut bytes = Vec::new();
        response
            .take(limit_bytes + 1)
            .read_to_end(&mut bytes)
            .doing(|| format!("read {what} from `{}`", self.reference.registry()))?;
        if bytes.len() as u64 > limit_bytes {
            return Err(ImageError::unusable(format!(
                "{what} has more than {} MiB",
                limit_bytes >> 20
            )));
        }
        Ok(bytes)
    }

    /// A blob from `offset` on. The answer may begin at 0 nevertheless: its status tells.
    pub(super) fn blob(&self, path: &str, offset: u64) -> Result<Response, ImageError> {
        self.get(path, |request| match offset {
            0 => request,
            offset => request.header(RANGE, format!("bytes={offset}-")),
        })
    }

    /// Asks, and once more with what the registry demands.
    fn get(
        &self,
        path: &str,
        complete: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, ImageError> {
        let url = self.url(path)?;
        let send = || {
            let request = complete(self.client.get(url.clone()));
            let authorization =
                self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let request = match authorization {
                Some(value) => request.header(AUTHORIZATION, value),
                None => request,
            };
            request.send().map_err(|error| self.unreachable(&error))
        };
        let first = send()?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return self.accepted(first);
        }
        self.authorize(&first)?;
        self.accepted(send()?)
    }

    fn url(&self, path: &str) -> Result<Url, ImageError> {
        let text = format!("{}://{}/v2/{path}", self.scheme()?, self.reference.host());
        Url::parse(&text)
            .map_err(|error| ImageError::unusable(format!("`{text}` is no address: {error}")))
    }

    /// This machine's own registries often have no certificate; there nobody is between.
    fn scheme(&self) -> Result<&'static str, ImageError> {
        let mut scheme = self.scheme.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = *scheme {
            return Ok(known);
        }
        let host = self.reference.host();
        let try_with = |scheme: &str| self.client.get(format!("{scheme}://{host}/v2/")).send();
        let found = match try_with("https") {
            Ok(_) => "https",
            // A certificate that is not trusted must not end in a password without encryption.
            Err(secure) if is_about_certificates(&secure) => return Err(self.unreachable(&secure)),
            Err(secure) => match try_with("http") {
                Ok(_) => "http",
                Err(_) => return Err(self.unreachable(&secure)),
            },
        };
        *scheme = Some(found);
        Ok(found)
    }

    fn unreachable(&self, error: &reqwest::Error) -> ImageError {
        let reason = innermost(error);
        let registry = self.reference.registry().to_owned();
        if reason.contains("CaUsedAsEndEntity") {
            return ImageError::Refused(format!(
                "the registry `{registry}` shows the certificate of an authority as its own, which is not accepted: make it one \
                 for servers (`openssl req -x509 -addext basicConstraints=critical,CA:FALSE …`)"
            ));
        }
        if is_about_certificates(error) {
            return ImageError::Refused(format!(
                "the certificate of the registry `{registry}` is not trusted: {reason}. If it is your own, give its \
                 authority's with `--registry-certificate FILE`, in SSL_CERT_FILE, or as \
                 /etc/docker/certs.d/{registry}/ca.crt"
            ));
        }
        ImageError::Unreachable { registry, reason, reference: Box::new(self.reference.clone()) }
    }

    fn accepted(&self, response: Response) -> Result<Response, ImageError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let (reference, registry) = (&self.reference, self.reference.registry());
        let mut message = String::new();
        let _ = response.take(MESSAGE_LIMIT_BYTES).read_to_string(&mut message);
        let message = worded(&message);
        Err(ImageError::Refused(match status {
            StatusCode::NOT_FOUND => {
                format!("the registry `{registry}` has no image `{reference}`{message}")
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!(
                "the registry `{registry}` does not give `{reference}` to {}{message}. Log in with `docker login {registry}` or \
                 `skopeo login {registry}`; an image that does not exist may be answered the same way",
                if self.credentials.is_some() { "this user" } else { "everybody" }
            ),
            StatusCode::TOO_MANY_REQUESTS => format!(
                "the registry `{registry}` takes no more requests for now{message}; with a login it may take more"
            ),
            status => format!(
                "the registry `{registry}` answered {status} when asked for `{reference}`{message}"
            ),
        }))
    }

    /// Does what the registry demands.
    fn authorize(&self, refusal: &Response) -> Result<(), ImageError> {
        let headers = refusal.headers().get_all(WWW_AUTHENTICATE);
        let challenge =
            headers.iter().filter_map(|header| Challenge::parse(header.to_str().ok()?)).next();
        let value = match (challenge, &self.credentials) {
            (Some(Challenge::Bearer { realm, service, scope }), _) => {
                let token = self.token(&realm, service, scope)?;
                format!("Bearer {token}")
            }
            (Some(Challenge::Basic), Some(Credentials::Password { user, password })) => {
                use base64::Engine as _;
                let pair = format!("{user}:{password}");
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
            }
            (Some(Challenge::Basic) | None, _) => return Ok(()),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| {
            ImageError::unusable(format!(
                "the registry `{}` gave a token that can't be sent",
                self.reference.registry()
            ))
        })?;
        value.set_sensitive(true);
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        Ok(())
    }

    fn token(
        &self,
        realm: &str,
        service: Option<String>,
        scope: Option<String>,
    ) -> Result<String, ImageError> {
        let registry = self.reference.registry();
        let bad = |reason: &str| {
            ImageError::unusable(format!(
                "the registry `{registry}` sends for a token to `{realm}`, {reason}"
            ))
        };
        let mut url = Url::parse(realm).map_err(|_| bad("which is no address"))?;
        let is_safe =
            url.scheme() == "https" || (url.scheme() == "http" && self.scheme()? == "http");
        if !is_safe {
            return Err(bad("where a password would not be safe"));
        }
        let scope =
            scope.unwrap_or_else(|| format!("repository:{}:pull", self.reference.repository()));
        let mut fields = vec![("scope", scope)];
        fields.extend(service.map(|service| ("service", service)));
        let request = match &self.credentials {
            Some(Credentials::IdentityToken(token)) => {
                fields.extend([
                    ("grant_type", "refresh_token".to_owned()),
                    ("refresh_token", token.clone()),
                    ("client_id", "layerc".to_owned()),
                ]);
                // An address has the encoding of a form behind its question mark.
                let mut form = url.clone();
                form.query_pairs_mut().clear().extend_pairs(&fields);
                let body = form.query().unwrap_or_default().to_owned();
                self.client
                    .post(url)
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .body(body)
            }
            other => {
                url.query_pairs_mut().extend_pairs(&fields);
                let request = self.client.get(url);
                match other {
                    Some(Credentials::Password { user, password }) => {
                        request.basic_auth(user, Some(password))
                    }
                    Some(Credentials::IdentityToken(_)) | None => request,
                }
            }
        };
        let response = self.accepted(request.send().map_err(|error| self.unreachable(&error))?)?;
        let mut text = Vec::new();
        response
            .take(TOKEN_LIMIT_BYTES)
            .read_to_end(&mut text)
            .doing(|| format!("read a token of `{registry}`"))?;
        let answer: TokenAnswer =
            serde_json::from_slice(&text).map_err(|_| bad("which answered with no token"))?;
        answer.token.or(answer.access_token).ok_or_else(|| bad("which answered with no token"))
    }
}

/// What gives tokens answers.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

fn client(reference: &Reference, trust: &Trust) -> Result<Client, ImageError> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails only if there is one already, which is then as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let mut builder: ClientBuilder = Client::builder()
        .user_agent(concat!("layerc/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE)
        .redirect(redirect::Policy::custom(follow));
    if is_this_machine(reference.host()) {
        builder = builder.no_proxy();
    }
    let certificates = certificates(reference, trust)?;
    if !certificates.is_empty() {
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| {
        ImageError::Refused(format!(
            "cannot prepare secure connections: {}. The certificates of this system may be missing (package \
             `ca-certificates`); SSL_CERT_FILE names others",
            innermost(&error)
        ))
    })
}

/// A secure address may only lead to another secure one.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let was_secure = attempt.previous().last().is_some_and(|previous| previous.scheme() == "https");
    if was_secure && attempt.url().scheme() != "https" {
        return attempt.error("it leads from https to an address without encryption");
    }
    if attempt.previous().len() > REDIRECTION_LIMIT {
        return attempt.error("it leads from one address to the next without end");
    }
    attempt.follow()
}

fn certificates(reference: &Reference, trust: &Trust) -> Result<Vec<Certificate>, ImageError> {
    let mut paths: Vec<PathBuf> = trust.certificates.clone();
    for directory in CERTIFICATE_DIRECTORIES {
        let entries = fs::read_dir(Path::new(directory).join(reference.registry()));
        let entries = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        paths.extend(
            entries.filter(|path| path.extension().is_some_and(|extension| extension == "crt")),
        );
    }
    let mut certificates = Vec::new();
    for path in paths {
        let text =
            fs::read(&path).doing(|| format!("read the certificate `{}`", path.display()))?;
        let found = Certificate::from_pem_bundle(&text).map_err(|error| {
            ImageError::unusable(format!(
                "`{}` has no certificate: {}",
                path.display(),
                innermost(&error)
            ))
        })?;
        certificates.extend(found);
    }
    Ok(certificates)
}

/// Whether a host is this machine by its name alone.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_about_certificates(error: &reqwest::Error) -> bool {
    innermost(error).contains("certificate")
}

/// The cause at the bottom, which says most.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// What a registry said, as far as it is text for people.
fn worded(message: &str) -> String {
    let text = serde_json::from_str::<serde_json::Value>(message).ok();
    let text = text
        .as_ref()
        .and_then(|value| value.pointer("/errors/0/message"))
        .and_then(|value| value.as_str());
    let clean: String = text
        .unwrap_or_default()
        .chars()
        .filter(|character| !character.is_control())
        .take(200)
        .collect();
    if clean.is_empty() { clean } else { format!(" ({clean})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:80", "127.9.9.9", "[::1]:5000"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in
            ["docker.io", "localhost.example.org", "10.0.0.1:5000", "127.0.0.1.example.org:80"]
        {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
