//! Who the user is to a registry, as `docker login`, `podman login` and `skopeo login` left it.
//!
//! Read from docker's `config.json` (`$DOCKER_CONFIG`, else `~/.docker`), `$REGISTRY_AUTH_FILE` and podman's `auth.json`.
//! Where that file names a helper program, the helper is asked.

use crate::images::error::{Doing, ImageError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Largest file of credentials, and largest answer of a helper.
const LIMIT_BYTES: u64 = 1 << 20;

/// What `docker login` writes down for docker's own registry.
const DOCKER_KEY: &str = "https://index.docker.io/v1/";

/// User name by which a helper says that the secret is a token.
const TOKEN_USER: &str = "<token>";

/// A user's proof.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Name and password.
    Password { user: String, password: String },
    /// Something that tokens are given for.
    IdentityToken(String),
}

impl std::fmt::Debug for Credentials {
    /// Without what must not be seen.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Password { .. } => "Password",
            Self::IdentityToken(_) => "IdentityToken",
        })
    }
}

/// A file of credentials.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoginFile {
    #[serde(default)]
    auths: BTreeMap<String, Login>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

/// What one login left.
#[derive(Default, Deserialize)]
struct Login {
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    identitytoken: Option<String>,
}

impl std::fmt::Debug for Login {
    /// Without what must not be seen.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Login")
    }
}

/// What the helper says.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// The credentials for a registry, if the user has some.
pub(super) fn find(registry: &str) -> Result<Option<Credentials>, ImageError> {
    for path in places() {
        let Some(text) = read(&path)? else { continue };
        let file: LoginFile = serde_json::from_str(&text).map_err(|error| {
            ImageError::unusable(format!("`{}` can't be understood: {error}", path.display()))
        })?;
        if let Some(found) = file.find(registry)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn places() -> Vec<PathBuf> {
    let directory = |variable: &str| env::var_os(variable).map(PathBuf::from);
    let home = directory("HOME");
    let docker =
        directory("DOCKER_CONFIG").or_else(|| home.as_ref().map(|home| home.join(".docker")));
    let podman = directory("XDG_RUNTIME_DIR").map(|run| run.join("containers/auth.json"));
    let kept = home.map(|home| home.join(".config/containers/auth.json"));
    [directory("REGISTRY_AUTH_FILE"), docker.map(|docker| docker.join("config.json")), podman, kept]
        .into_iter()
        .flatten()
        .collect()
}

/// The text of a file that may not be there or not be ours to read.
fn read(path: &PathBuf) -> Result<Option<String>, ImageError> {
    let Ok(file) = File::open(path) else { return Ok(None) };
    let mut text = String::new();
    let read = file.take(LIMIT_BYTES).read_to_string(&mut text);
    read.doing(|| format!("read `{}`", path.display()))?;
    Ok(Some(text))
}

impl LoginFile {
    fn find(&self, registry: &str) -> Result<Option<Credentials>, ImageError> {
        let key = if registry == "docker.io" { DOCKER_KEY } else { registry };
        let helper = self.cred_helpers.get(key).or_else(|| self.cred_helpers.get(registry));
        if let Some(helper) = helper {
            return ask_helper(helper, key);
        }
        let written = [
            key.to_owned(),
            registry.to_owned(),
            format!("https://{registry}"),
            format!("https://{registry}/v2/"),
        ];
        let login = written.iter().find_map(|key| self.auths.get(key));
        if let Some(found) = login.and_then(Login::credentials) {
            return Ok(Some(found));
        }
        self.creds_store.as_ref().map_or(Ok(None), |helper| ask_helper(helper, key))
    }
}

impl Login {
    fn credentials(&self) -> Option<Credentials> {
        if let Some(token) = self.identitytoken.as_ref().filter(|token| !token.is_empty()) {
            return Some(Credentials::IdentityToken(token.clone()));
        }
        if let (Some(user), Some(password)) = (&self.username, &self.password) {
            return Some(Credentials::Password { user: user.clone(), password: password.clone() });
        }
        let decoded = STANDARD.decode(self.auth.as_ref()?.trim()).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (user, password) = text.trim_end_matches('\0').split_once(':')?;
        Some(Credentials::Password { user: user.to_owned(), password: password.to_owned() })
    }
}

/// Asks `docker-credential-NAME`. A helper that knows nothing of the registry is no error.
fn ask_helper(helper: &str, key: &str) -> Result<Option<Credentials>, ImageError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if helper.is_empty() || !helper.bytes().all(is_plain) {
        return Err(ImageError::unusable(format!(
            "`{helper}` is not the name of a credential helper"
        )));
    }
    let program = format!("docker-credential-{helper}");
    let action = || format!("ask `{program}`, which docker's config.json names");
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .doing(action)?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that doesn't read its question says so by its status.
        let _ = input.write_all(key.as_bytes());
    }
    let mut text = String::new();
    if let Some(output) = child.stdout.take() {
        output.take(LIMIT_BYTES).read_to_string(&mut text).doing(action)?;
    }
    if !child.wait().doing(action)?.success() {
        return Ok(None);
    }
    let answer: Answer = serde_json::from_str(&text).map_err(|_| {
        ImageError::unusable(format!("`{program}` answered something that is not understood"))
    })?;
    Ok(Some(match answer.username.as_str() {
        TOKEN_USER => Credentials::IdentityToken(answer.secret),
        _ => Credentials::Password { user: answer.username, password: answer.secret },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, registry: &str) -> Option<Credentials> {
        serde_json::from_str::<LoginFile>(text).unwrap().find(registry).unwrap()
    }

    #[test]
    fn logins_are_found_by_every_key_they_are_written_under() {
        let ann = Credentials::Password { user: "ann".to_owned(), password: "a:b".to_owned() };
        let auth = STANDARD.encode("ann:a:b");
        for key in
            ["host.example:5000", "https://host.example:5000", "https://host.example:5000/v2/"]
        {
            let text = format!(r#"{{"auths": {{"{key}": {{"auth": "{auth}"}}}}}}"#);
            assert_eq!(found(&text, "host.example:5000"), Some(ann.clone()), "{key}");
            assert_eq!(found(&text, "host.example"), None, "{key}");
        }
        let docker = format!(r#"{{"auths": {{"{DOCKER_KEY}": {{"auth": "{auth}"}}}}}}"#);
        assert_eq!(found(&docker, "docker.io"), Some(ann));
        let token = r#"{"auths": {"x": {"auth": "", "identitytoken": "t"}}}"#;
        assert_eq!(found(token, "x"), Some(Credentials::IdentityToken("t".to_owned())));
        assert_eq!(found(r#"{"auths": {"x": {"auth": "%%"}}}"#, "x"), None);
    }

    #[test]
    fn a_helper_must_be_a_plain_name() {
        let file = r#"{"credHelpers": {"x": "../../bin/sh"}}"#;
        assert!(serde_json::from_str::<LoginFile>(file).unwrap().find("x").is_err());
    }
}
