//! `[secrets]`: where the values of SECRET ENV come from, in the file and on the command line. Holds no value.

use super::reading::{Found, Refusal};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a secret's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretSource {
    /// A variable of the environment `layerc` runs in.
    Environment(String),
    /// A file's bytes.
    File(PathBuf),
    /// What a shell command prints, without line ends at its end.
    Command(String),
}

/// Reads the section; relative paths start at `root`.
pub(super) fn read(
    section: &Found<'_>,
    root: &Path,
) -> Result<BTreeMap<String, SecretSource>, Refusal> {
    let mut secrets = BTreeMap::new();
    for entry in section.table()? {
        let source =
            SecretSource::parse(entry.text()?, root).map_err(|message| entry.refused(message))?;
        secrets.insert(entry.name.to_owned(), source);
    }
    Ok(secrets)
}

impl SecretSource {
    /// `env:NAME`, `file:PATH` or `cmd:COMMAND`. Relative paths start at `directory`.
    pub(crate) fn parse(text: &str, directory: &Path) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(directory.join(path))),
            Some(("cmd", command)) if !command.is_empty() => Ok(Self::Command(command.to_owned())),
            // The text may be the secret itself, written here by mistake: it isn't repeated.
            _ => Err("a secret's source must be `env:NAME`, `file:PATH` or `cmd:COMMAND`; the value itself \
                      doesn't belong here"
                .to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SecretSource;
    use std::path::Path;

    #[test]
    fn sources_have_three_forms_and_a_value_is_not_repeated() {
        let parse = |text| SecretSource::parse(text, Path::new("/r"));
        assert_eq!(parse("env:A"), Ok(SecretSource::Environment("A".to_owned())));
        assert_eq!(parse("file:a/b"), Ok(SecretSource::File("/r/a/b".into())));
        assert_eq!(
            parse("cmd:pass show x:y"),
            Ok(SecretSource::Command("pass show x:y".to_owned()))
        );
        assert!(!parse("hunter2").unwrap_err().contains("hunter2"));
    }
}
