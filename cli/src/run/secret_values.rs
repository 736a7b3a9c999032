//! Looks up the values of secrets before anything runs. Values go to the executor and nowhere else.

use crate::configuration::SecretSource;
use crate::exit::WrongUsage;
use anyhow::{Context, Result};
use layerc_executor::secrets::Secrets;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

/// What stands before a secret's name in the environment, so that it is never taken by accident.
const PREFIX: &str = "LAYERC_SECRET_";

/// The values of `names`, as far as somebody says where they come from: `--secret`, else `LAYERC_SECRET_NAME`, else
/// `[secrets]` of the configuration. The executor says what is missing.
pub(crate) fn look_up(
    names: &BTreeSet<String>,
    given: &[String],
    configured: &BTreeMap<String, SecretSource>,
) -> Result<Secrets> {
    let given = parse_given(given)?;
    let mut values = BTreeMap::new();
    for name in names {
        let from_environment = SecretSource::Environment(format!("{PREFIX}{name}"));
        let is_set = std::env::var_os(format!("{PREFIX}{name}")).is_some();
        let fallback = if is_set { Some(&from_environment) } else { configured.get(name) };
        let Some(source) = given.get(name).or(fallback) else { continue };
        if let Some(value) = value(name, source)? {
            values.insert(name.clone(), value);
        }
    }
    Ok(Secrets::new(values))
}

/// The same without running a command: what a command would print is left out.
pub(super) fn look_up_quietly(
    names: &BTreeSet<String>,
    given: &[String],
    configured: &BTreeMap<String, SecretSource>,
) -> Result<Secrets> {
    let is_command = |source: &SecretSource| matches!(source, SecretSource::Command(_));
    let loud: BTreeSet<String> = parse_given(given)?
        .into_iter()
        .filter_map(|(name, source)| is_command(&source).then_some(name))
        .collect();
    let quiet = configured.iter().filter(|(_, source)| !is_command(source));
    let quiet = quiet.map(|(name, source)| (name.clone(), source.clone())).collect();
    let names = names.difference(&loud).cloned().collect();
    look_up(&names, given, &quiet)
}

/// `NAME` or `NAME=SOURCE`.
fn parse_given(given: &[String]) -> Result<BTreeMap<String, SecretSource>> {
    let mut sources = BTreeMap::new();
    for text in given {
        let (name, source) = match text.split_once('=') {
            None => (text.as_str(), SecretSource::Environment(text.clone())),
            Some((name, source)) => {
                let source = SecretSource::parse(source, Path::new("."))
                    .map_err(|message| WrongUsage(format!("--secret {name}: {message}")))?;
                (name, source)
            }
        };
        sources.insert(name.to_owned(), source);
    }
    Ok(sources)
}

fn value(name: &str, source: &SecretSource) -> Result<Option<String>> {
    match source {
        SecretSource::Environment(variable) => match std::env::var(variable) {
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(not_text(name)),
        },
        SecretSource::File(path) => {
            let bytes = std::fs::read(path).with_context(|| {
                format!("cannot read the secret `{name}` from `{}`", path.display())
            })?;
            String::from_utf8(bytes).map(Some).map_err(|_| not_text(name))
        }
        SecretSource::Command(command) => printed(name, command).map(Some),
    }
}

fn not_text(name: &str) -> anyhow::Error {
    WrongUsage(format!(
        "the value of the secret `{name}` is not UTF-8; encode it, for example with `base64`"
    ))
    .into()
}

fn printed(name: &str, command: &str) -> Result<String> {
    let output = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start a shell for the secret `{name}`"))?;
    if !output.status.success() {
        return Err(WrongUsage(format!(
            "the command of the secret `{name}` failed: {}",
            output.status
        ))
        .into());
    }
    let text = String::from_utf8(output.stdout).map_err(|_| not_text(name))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
