//! `[images]`: base images to where they come from, in the file and on the command line.

use super::reading::{Found, Refusal};
use layerc_compiler::nearest::nearest;
use layerc_executor::backend::ImageSource;
use layerc_executor::reference::Reference;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Stands for every image that has no entry of its own.
const ANY: &str = "*";

/// The source that nothing follows.
const HOST: &str = "host";

/// What the words before the colon of a source can be.
const KINDS: [&str; 6] = [HOST, "rootfs", "debootstrap", "oci", "oci-layout", "docker-archive"];

/// How sources are written.
const FORMS: &str = "write `host`, `oci:REFERENCE`, `oci-layout:PATH`, `docker-archive:PATH`, `rootfs:PATH` or \
                     `debootstrap:SUITE[@MIRROR]`";

/// Machines of the service that Layerfiles come from, and the images that are nearest to them.
const MACHINES: [(&str, &str); 2] =
    [("vm/ubuntu:18.04", "ubuntu:18.04"), ("vm/ubuntu:22.04", "ubuntu:22.04")];

/// Namespace of that service's machines: nothing else is known of the others in it.
const MACHINE_NAMESPACE: &str = "vm/";

/// Namespace of that service's library, whose names are those of well-known images.
const LIBRARY_NAMESPACE: &str = "webapp.io/";

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

    /// Where an image comes from: as somebody said, else the image of a registry that is meant by it.
    pub(crate) fn source(&self, image: &str) -> Option<ImageSource> {
        let mapped = self.sources.get(image).or_else(|| self.sources.get(ANY));
        mapped.cloned().or_else(|| meant_by(image))
    }

    /// Whether a text begins like a source.
    pub(crate) fn is_kind(text: &str) -> bool {
        KINDS.contains(&text.split(':').next().unwrap_or_default())
    }

    /// The kinds that are followed by where the image is.
    pub(crate) fn kinds_of_places() -> impl Iterator<Item = &'static str> {
        KINDS.into_iter().filter(|kind| *kind != HOST)
    }

    /// The names that have an entry, `*` among them, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }
}

/// The image that a name stands for where nothing is mapped; `None` for names that mean nothing to any registry.
fn meant_by(image: &str) -> Option<ImageSource> {
    let known = MACHINES.iter().find(|(name, _)| *name == image).map(|(_, reference)| *reference);
    if known.is_none() && image.starts_with(MACHINE_NAMESPACE) {
        return None;
    }
    let reference = known.unwrap_or(image.strip_prefix(LIBRARY_NAMESPACE).unwrap_or(image));
    Reference::parse(reference).ok().map(ImageSource::Registry)
}

/// A source as one text, like `host` or `rootfs:PATH` (see [`FORMS`]). Relative paths start at `directory`.
pub(crate) fn parse_source(text: &str, directory: &Path) -> Result<ImageSource, String> {
    let (kind, rest) = text.split_once(':').map_or((text, None), |(kind, rest)| (kind, Some(rest)));
    match (kind, rest) {
        ("host", None) => Ok(ImageSource::Host),
        ("rootfs", Some(path)) if !path.is_empty() => {
            Ok(ImageSource::RootFileSystem(directory.join(path)))
        }
        ("debootstrap", Some(release)) if !release.is_empty() => Ok(debootstrap(release)),
        ("oci", Some(reference)) => registry(reference),
        ("oci-layout" | "docker-archive", Some(place)) if !place.is_empty() => {
            Ok(image_file(place, directory))
        }
        ("host", Some(_)) => Err(format!("`host` takes nothing behind it, but this is `{text}`")),
        ("rootfs", _) => Err("`rootfs` needs a folder or a tar file: `rootfs:PATH`".to_owned()),
        ("oci", None) => Err("`oci` needs the name of an image: `oci:ubuntu:22.04`".to_owned()),
        ("oci-layout" | "docker-archive", _) => {
            Err(format!("`{kind}` needs a path: `{kind}:PATH` or `{kind}:PATH:NAME`"))
        }
        ("debootstrap", _) => {
            Err("`debootstrap` needs a release: `debootstrap:SUITE` or `debootstrap:SUITE@MIRROR`"
                .to_owned())
        }
        (other, _) => Err(unknown_kind(other)),
    }
}

fn unknown_kind(kind: &str) -> String {
    let help = nearest(kind, KINDS).question().unwrap_or_else(|| FORMS.to_owned());
    format!("unknown image source `{kind}`; {help}")
}

/// Words shorter than this resemble too many names of images.
const TELLING_LENGTH: usize = 6;

/// What to say of a text whose word before the colon is nearly that of a source, so that nobody waits for a registry
/// to say that it has no image `debotstrap`.
pub(crate) fn misspelt_kind(text: &str) -> Option<String> {
    let (kind, _) = text.split_once(':')?;
    let telling = KINDS.into_iter().filter(|known| known.len() >= TELLING_LENGTH);
    let help = nearest(kind, telling).question()?;
    Some(format!("unknown image source `{kind}`; {help} An image of that name is `oci:{text}`"))
}

fn registry(reference: &str) -> Result<ImageSource, String> {
    Reference::parse(reference).map(ImageSource::Registry).map_err(|error| error.to_string())
}

/// `PATH` or `PATH:NAME`, as `skopeo` writes it.
fn image_file(place: &str, directory: &Path) -> ImageSource {
    let (path, image) = match place.rsplit_once(':') {
        Some((path, image)) if !path.is_empty() && !image.contains('/') => (path, Some(image)),
        _ => (place, None),
    };
    ImageSource::ImageFile { path: directory.join(path), image: image.map(str::to_owned) }
}

fn debootstrap(release: &str) -> ImageSource {
    let (suite, mirror) =
        release.split_once('@').map_or((release, None), |(suite, mirror)| (suite, Some(mirror)));
    ImageSource::Debootstrap { suite: suite.to_owned(), mirror: mirror.map(str::to_owned) }
}

/// A source as a table: `{ source = "rootfs", path = … }`, `{ source = "oci", image = … }` and so on.
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
        "oci" => {
            let reference = find("image").ok_or_else(|| missing("image"))?;
            let image =
                registry(reference.text()?).map_err(|message| reference.refused(message))?;
            (&["source", "image"], image)
        }
        "oci-layout" | "docker-archive" => {
            let path = root.join(find("path").ok_or_else(|| missing("path"))?.text()?);
            let image = find("image").map(Found::text).transpose()?.map(str::to_owned);
            (&["source", "path", "image"], ImageSource::ImageFile { path, image })
        }
        other => return Err(source.refused(unknown_kind(other))),
    };
    match table.iter().find(|found| !known.contains(&found.name)) {
        Some(unknown) => Err(unknown.unknown("key", known)),
        None => Ok(image),
    }
}
