//! Names of images: `ubuntu:22.04`, `registry.example.org:5000/team/app@sha256:…`, completed the way docker does.

pub mod digest;

pub use digest::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest name that is taken.
const LENGTH_LIMIT_BYTES: usize = 512;

/// The registry of names that name none.
const DEFAULT_REGISTRY: &str = "docker.io";

/// Where that registry answers.
const DEFAULT_REGISTRY_HOST: &str = "registry-1.docker.io";

/// The tag of names that have neither tag nor digest.
const DEFAULT_TAG: &str = "latest";

/// A complete name of an image: registry, repository, and a tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    registry: String,
    repository: String,
    /// What stands behind the repository in an address.
    version: Version,
    text: String,
}

/// Which image of a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Version {
    Tag(String),
    Digest(Digest),
}

/// A text that names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the name of an image: {reason}")]
pub struct BadReference {
    text: String,
    reason: &'static str,
}

impl Reference {
    /// Reads a name and completes it.
    ///
    /// # Errors
    /// When no registry would take it.
    pub fn parse(text: &str) -> Result<Self, BadReference> {
        let bad = |reason| BadReference { text: text.chars().take(200).collect(), reason };
        if text.len() > LENGTH_LIMIT_BYTES {
            return Err(bad("it is too long"));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest: Digest =
                    digest.parse().map_err(|_| bad("what follows `@` is not a sha256 digest"))?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(bad("its tag has characters that tags can't have"));
        }
        let (registry, repository) = split_registry(name);
        if !is_host(&registry) {
            return Err(bad("its registry is not a host name with an optional port"));
        }
        if !is_repository(&repository) {
            return Err(bad("a repository has lower-case letters, digits, `.`, `_`, `-` and `/`"));
        }
        let version = match (digest, tag) {
            (Some(digest), _) => Version::Digest(digest),
            (None, tag) => Version::Tag(tag.unwrap_or(DEFAULT_TAG).to_owned()),
        };
        let separator = if matches!(version, Version::Digest(_)) { '@' } else { ':' };
        let text = format!("{registry}/{repository}{separator}{}", version.as_str());
        Ok(Self { registry, repository, version, text })
    }

    /// The whole name, the same for every way to write it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As users name the registry.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Host and port that answer for it.
    pub(crate) fn host(&self) -> &str {
        if self.registry == DEFAULT_REGISTRY { DEFAULT_REGISTRY_HOST } else { &self.registry }
    }

    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }

    /// Tag or digest.
    pub(crate) fn version(&self) -> &str {
        self.version.as_str()
    }

    /// The digest, if it was named by one.
    pub(crate) fn digest(&self) -> Option<&Digest> {
        match &self.version {
            Version::Digest(digest) => Some(digest),
            Version::Tag(_) => None,
        }
    }
}

impl Version {
    fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag,
            Self::Digest(digest) => digest.as_str(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl TryFrom<String> for Reference {
    type Error = BadReference;

    fn try_from(text: String) -> Result<Self, BadReference> {
        Self::parse(&text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.text
    }
}

/// The first part names a registry if it could be a host: with a dot, a port, or the one host without either.
fn split_registry(name: &str) -> (String, String) {
    if let Some((first, rest)) = name.split_once('/')
        && (first.contains(['.', ':']) || first == "localhost")
    {
        let registry = if first == "index.docker.io" { DEFAULT_REGISTRY } else { first };
        let official = registry == DEFAULT_REGISTRY && !rest.contains('/');
        return (
            registry.to_owned(),
            if official { format!("library/{rest}") } else { rest.to_owned() },
        );
    }
    let repository = if name.contains('/') { name.to_owned() } else { format!("library/{name}") };
    (DEFAULT_REGISTRY.to_owned(), repository)
}

fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port))
            if !name.ends_with(':') && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            (name, port)
        }
        Some(_) => return is_bracketed(host),
        None => (host, "1"),
    };
    let is_label = |label: &str| {
        label.starts_with(|first: char| first.is_ascii_alphanumeric())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_name = |name: &str| name.split('.').all(is_label);
    port.parse::<u16>().is_ok() && (is_name(name) || is_bracketed(name))
}

/// An IPv6 address.
fn is_bracketed(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_repository(repository: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && part.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
            })
    };
    repository.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_docker_does() {
        let digest = Digest::of(b"");
        let by_digest = format!("quay.io/a/b@{digest}");
        for (text, whole) in [
            ("ubuntu", "docker.io/library/ubuntu:latest"),
            ("ubuntu:22.04", "docker.io/library/ubuntu:22.04"),
            ("my-org/base:v1.0.0", "docker.io/my-org/base:v1.0.0"),
            ("docker.io/ubuntu", "docker.io/library/ubuntu:latest"),
            ("localhost:5000/x", "localhost:5000/x:latest"),
            ("[::1]:5000/x:1", "[::1]:5000/x:1"),
            ("registry.example.org/a/b/c:t", "registry.example.org/a/b/c:t"),
            (&format!("quay.io/a/b:tag@{digest}"), &by_digest),
        ] {
            assert_eq!(Reference::parse(text).unwrap().as_str(), whole, "{text}");
            assert_eq!(Reference::parse(whole).unwrap().as_str(), whole, "{text}");
        }
    }

    #[test]
    fn what_could_be_an_address_or_a_path_is_no_name() {
        for text in [
            "",
            "Ubuntu",
            "a b",
            "https://x/y",
            "../x",
            "a/../b",
            "x:",
            "x:-a",
            "x@sha256:1",
            "x/y?z",
            "evil.example/x%2f",
            "user@host.example/x",
            "host.example:port/x",
            "a//b",
            "x:a/b",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
