//! `[images]`: base images to where they come from, in the file and on the command line.

use super::reading::{Found, Refusal};
use layerc_compiler::nearest::nearest;
use layerc_executor::backend::ImageSource;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Stands for every image that has no entry of its own.
const ANY: &str = "*";

/// What the words before the colon of a source can be.
const KINDS: [&str; 3] = ["host", "rootfs", "debootstrap"];

/// Images to sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageMap {
    sources: BTreeMap<String, ImageSource>,
}

impl ImageMap {
    /// Reads the section; relative paths start at `root`.
    pub(super) fn read(section: &Found<'_>, root: &Path) -> Result<Self, Refusal> {
        let mut map = Self::default();
        for entry in section.table()? {
            let source = match entry.as_table() {
                Some(table) => from_table(&entry, &table, root)?,
                None => {
                    parse_source(entry.text()?, root).map_err(|message| entry.refused(message))?
                }
            };
            map.insert(entry.name, source);
        }
        Ok(map)
    }

    /// Maps `name`, or every other image if it is `*`; an earlier entry of that name gives way.
    pub(crate) fn insert(&mut self, name: &str, source: ImageSource) {
        self.sources.insert(name.to_owned(), source);
    }

    /// Where an image comes from, if anybody said so.
    pub(crate) fn source(&self, image: &str) -> Option<&ImageSource> {
        self.sources.get(image).or_else(|| self.sources.get(ANY))
    }

    /// The names that have an entry, `*` among them, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }
}

/// A source as one text: `host`, `rootfs:PATH`, `debootstrap:SUITE[@MIRROR]`. Relative paths start at `directory`.
pub(crate) fn parse_source(text: &str, directory: &Path) -> Result<ImageSource, String> {
    let (kind, rest) = text.split_once(':').map_or((text, None), |(kind, rest)| (kind, Some(rest)));
    match (kind, rest) {
        ("host", None) => Ok(ImageSource::Host),
        ("rootfs", Some(path)) if !path.is_empty() => {
            Ok(ImageSource::RootFileSystem(directory.join(path)))
        }
        ("debootstrap", Some(release)) if !release.is_empty() => Ok(debootstrap(release)),
        ("host", Some(_)) => Err(format!("`host` takes nothing behind it, but this is `{text}`")),
        ("rootfs", _) => Err("`rootfs` needs a folder or a tar file: `rootfs:PATH`".to_owned()),
        ("debootstrap", _) => {
            Err("`debootstrap` needs a release: `debootstrap:SUITE` or `debootstrap:SUITE@MIRROR`"
                .to_owned())
        }
        (other, _) => Err(unknown_kind(other)),
    }
}

fn unknown_kind(kind: &str) -> String {
    let help = nearest(kind, KINDS).question();
    let help = help.unwrap_or_else(|| {
        "write `host`, `rootfs:PATH` or `debootstrap:SUITE[@MIRROR]`".to_owned()
    });
    format!("unknown image source `{kind}`; {help}")
}

fn debootstrap(release: &str) -> ImageSource {
    let (suite, mirror) =
        release.split_once('@').map_or((release, None), |(suite, mirror)| (suite, Some(mirror)));
    ImageSource::Debootstrap { suite: suite.to_owned(), mirror: mirror.map(str::to_owned) }
}

/// A source as a table: `{ source = "rootfs", path = … }`, `{ source = "debootstrap", suite = …, mirror = … }`.
fn from_table(entry: &Found<'_>, table: &[Found<'_>], root: &Path) -> Result<ImageSource, Refusal> {
    let find = |name: &str| table.iter().find(|found| found.name == name);
    let missing = |name: &str| {
        entry.refused(format!("`{name}` is missing in the source of `{}`", entry.name))
    };
    let source = find("source").ok_or_else(|| missing("source"))?;
    let (known, image): (&[&str], _) = match source.text()? {
        "host" => (&["source"], ImageSource::Host),
        "rootfs" => {
            let path = PathBuf::from(find("path").ok_or_else(|| missing("path"))?.text()?);
            (&["source", "path"], ImageSource::RootFileSystem(root.join(path)))
        }
        "debootstrap" => {
            let suite = find("suite").ok_or_else(|| missing("suite"))?.text()?.to_owned();
            let mirror = find("mirror").map(Found::text).transpose()?.map(str::to_owned);
            (&["source", "suite", "mirror"], ImageSource::Debootstrap { suite, mirror })
        }
        other => return Err(source.refused(unknown_kind(other))),
    };
    match table.iter().find(|found| !known.contains(&found.name)) {
        Some(unknown) => Err(unknown.unknown("key", known)),
        None => Ok(image),
    }
}
