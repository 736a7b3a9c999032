//! Images on disk: OCI layouts (a directory or a tar archive of one) and archives of `docker save`, packed or not.
//!
//! A layout is checked by its digests. An archive in docker's form has none for its layers; there the configuration
//! says what each must contain, which is compared when they are unpacked.

use super::Progress;
use super::documents::{
    DOCUMENT_LIMIT_BYTES, Descriptor, Documents, Index, LAYER_LIMIT, Manifest, ManifestOrIndex,
    NAME_ANNOTATION, WHOLE_NAME_ANNOTATION, manifest_or_index,
};
use super::error::{Doing, ImageError};
use super::installation::Blobs;
use super::platform;
use super::shelf::{Scratch, Shelf};
use super::unpacking::{LayerBlob, decompressed};
use crate::reference::Digest;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tar::{Archive, EntryType};

/// Files in an archive of images at most.
const ENTRY_LIMIT: usize = 100_000;

/// Bytes of an archive of images after decompression.
const ARCHIVE_LIMIT_BYTES: u64 = 300 << 30;

/// An image that was found in a file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) documents: Documents,
    /// As it is called there, if that is a whole name.
    pub(super) name: Option<String>,
    layers: Vec<LayerBlob>,
    _contents: Contents,
}

impl Blobs for Found {
    fn prepare(&self, _: &Documents, _: &[usize], _: Progress<'_>) -> Result<(), ImageError> {
        Ok(())
    }

    fn layer(&self, _: &Documents, place: usize) -> Result<LayerBlob, ImageError> {
        let blob = self.layers.get(place).cloned();
        blob.ok_or_else(|| ImageError::unusable("the image has fewer layers than it says"))
    }

    fn done_with(&self, _: &LayerBlob) {}
}

/// What `stat` tells of a change to the file or layout at `path`.
pub(super) fn stamp(path: &Path) -> Result<String, ImageError> {
    let index = path.join("index.json");
    let looked_at = if path.is_dir() { &index } else { path };
    let found = fs::metadata(looked_at).doing(|| format!("look at `{}`", looked_at.display()))?;
    Ok(format!(
        "{}:{}:{}:{}.{}",
        found.dev(),
        found.ino(),
        found.size(),
        found.mtime(),
        found.mtime_nsec()
    ))
}

/// The image in a file or layout. `wanted` is a tag or a name where there are several.
pub(super) fn find(path: &Path, wanted: Option<&str>, shelf: &Shelf) -> Result<Found, ImageError> {
    let contents = Contents::open(path, shelf)?;
    if contents.has("index.json") {
        return from_layout(contents, wanted);
    }
    if contents.has("manifest.json") {
        return from_docker(contents, wanted);
    }
    Err(ImageError::unusable(format!(
        "`{}` is neither an OCI layout (`skopeo copy … oci:PATH`) nor an archive of `docker save`: it has no `index.json` \
         and no `manifest.json`. A root file system is mapped with `rootfs:PATH`",
        path.display()
    )))
}

fn from_layout(contents: Contents, wanted: Option<&str>) -> Result<Found, ImageError> {
    let ManifestOrIndex::Index(index) = manifest_or_index(&contents.read("index.json")?)? else {
        return Err(ImageError::unusable("the layout's `index.json` is no index"));
    };
    let entry = choose_entry(&index, wanted)?;
    let name = whole_name(entry);
    let mut bytes = contents.document(entry)?;
    let manifest = match manifest_or_index(&bytes)? {
        ManifestOrIndex::Manifest(manifest) => manifest,
        ManifestOrIndex::Index(index) => {
            bytes = contents.document(platform::choose(&index)?)?;
            match manifest_or_index(&bytes)? {
                ManifestOrIndex::Manifest(manifest) => manifest,
                ManifestOrIndex::Index(_) => {
                    return Err(ImageError::unusable("an index of the layout names another index"));
                }
            }
        }
    };
    let configuration = contents.document(&manifest.config)?;
    let blob = |layer: &Descriptor| {
        let place = contents.place(&blob_path(&layer.digest))?;
        if place.length != layer.size {
            return Err(ImageError::unusable(format!(
                "the blob {} has {} bytes, its manifest says {}",
                layer.digest, place.length, layer.size
            )));
        }
        Ok(LayerBlob { unchecked: Some(layer.digest.clone()), ..place })
    };
    let layers = manifest.layers.iter().map(blob).collect::<Result<_, ImageError>>()?;
    let documents = Documents::new(manifest, bytes, configuration)?;
    Ok(Found { documents, name, layers, _contents: contents })
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.digits())
}

fn whole_name(entry: &Descriptor) -> Option<String> {
    let named = entry.annotations.get(NAME_ANNOTATION).filter(|name| name.contains(['/', ':']));
    entry.annotations.get(WHOLE_NAME_ANNOTATION).or(named).cloned()
}

/// The only entry, or the one that is called as wanted, or, where all are the same image for several platforms, the one
/// for this machine.
fn choose_entry<'a>(index: &'a Index, wanted: Option<&str>) -> Result<&'a Descriptor, ImageError> {
    let is_called = |entry: &&Descriptor, wanted: &str| {
        [NAME_ANNOTATION, WHOLE_NAME_ANNOTATION]
            .iter()
            .filter_map(|annotation| entry.annotations.get(*annotation))
            .any(|name| name == wanted || name.ends_with(&format!(":{wanted}")))
    };
    match (wanted, index.manifests.as_slice()) {
        (None, [only]) => Ok(only),
        (None, several)
            if several.iter().all(|entry| !entry.annotations.contains_key(NAME_ANNOTATION)) =>
        {
            platform::choose(index)
        }
        (Some(wanted), several) => several
            .iter()
            .find(|entry| is_called(entry, wanted))
            .ok_or_else(|| several_images(names_of(several), Some(wanted))),
        (None, several) => Err(several_images(names_of(several), None)),
    }
}

fn names_of(entries: &[Descriptor]) -> Vec<String> {
    entries.iter().filter_map(|entry| entry.annotations.get(NAME_ANNOTATION).cloned()).collect()
}

fn several_images(mut names: Vec<String>, wanted: Option<&str>) -> ImageError {
    names.truncate(20);
    let there = format!("there are: {}", names.join(", "));
    ImageError::unusable(match wanted {
        Some(wanted) => format!("there is no image `{wanted}` in the file; {there}"),
        None => format!("the file has several images: say which one with PATH:NAME; {there}"),
    })
}

/// One image in docker's list.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerEntry {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

fn from_docker(contents: Contents, wanted: Option<&str>) -> Result<Found, ImageError> {
    let entries: Vec<DockerEntry> = serde_json::from_slice(&contents.read("manifest.json")?)
        .map_err(|error| {
            ImageError::unusable(format!("`manifest.json` can't be understood: {error}"))
        })?;
    let tags = |entry: &DockerEntry| entry.repo_tags.clone().unwrap_or_default();
    let is_called = |entry: &&DockerEntry, wanted: &str| {
        tags(entry).iter().any(|tag| tag == wanted || tag.ends_with(&format!(":{wanted}")))
    };
    let names = || entries.iter().flat_map(tags).collect();
    let entry = match (wanted, entries.as_slice()) {
        (None, [only]) => only,
        (None, _) => return Err(several_images(names(), None)),
        (Some(wanted), several) => several
            .iter()
            .find(|entry| is_called(entry, wanted))
            .ok_or_else(|| several_images(names(), Some(wanted)))?,
    };
    if entry.layers.len() > LAYER_LIMIT {
        return Err(ImageError::unusable(format!("the image has more than {LAYER_LIMIT} layers")));
    }
    let configuration_bytes = contents.read(&entry.config)?;
    let layers: Vec<LayerBlob> =
        entry.layers.iter().map(|name| contents.place(name)).collect::<Result<_, _>>()?;
    let manifest = manifest_for(&configuration_bytes, &layers)?;
    let manifest_bytes = serde_json::to_vec(&manifest).unwrap_or_default();
    let documents = Documents::new(manifest, manifest_bytes, configuration_bytes)?;
    Ok(Found { documents, name: tags(entry).into_iter().next(), layers, _contents: contents })
}

/// The manifest that docker's form lacks. Its layers are named by what they contain.
fn manifest_for(configuration: &[u8], layers: &[LayerBlob]) -> Result<Manifest, ImageError> {
    let parsed: super::documents::Configuration =
        serde_json::from_slice(configuration).map_err(|error| {
            ImageError::unusable(format!("the image's configuration can't be understood: {error}"))
        })?;
    let descriptor = |media_type: &str, digest: &Digest, size| Descriptor {
        media_type: media_type.to_owned(),
        digest: digest.clone(),
        size,
        platform: None,
        annotations: BTreeMap::new(),
    };
    let pairs = parsed.rootfs.diff_ids.iter().zip(layers);
    Ok(Manifest {
        schema_version: 2,
        media_type: Some("application/vnd.oci.image.manifest.v1+json".to_owned()),
        config: descriptor(
            "application/vnd.oci.image.config.v1+json",
            &Digest::of(configuration),
            configuration.len() as u64,
        ),
        layers: pairs
            .map(|(digest, blob)| {
                descriptor("application/vnd.oci.image.layer.v1.tar", digest, blob.length)
            })
            .collect(),
    })
}

/// The files of a layout or an archive.
#[derive(Debug)]
enum Contents {
    Directory(PathBuf),
    Archive {
        path: PathBuf,
        /// Offset and length of each file; links lead to another name.
        files: HashMap<String, Slot>,
        /// Where it was decompressed to.
        _scratch: Option<Scratch>,
    },
}

/// What an archive has under a name.
#[derive(Debug, Clone)]
enum Slot {
    File { offset: u64, length: u64 },
    Link(String),
}

impl Contents {
    fn open(path: &Path, shelf: &Shelf) -> Result<Self, ImageError> {
        let action = || format!("read `{}`", path.display());
        let path = path.canonicalize().doing(action)?;
        if path.is_dir() {
            return Ok(Self::Directory(path));
        }
        let mut file = File::open(&path).doing(action)?;
        let mut beginning = [0; 4];
        let length = file.read(&mut beginning).doing(action)?;
        file.rewind().doing(action)?;
        let is_packed =
            matches!(beginning.get(..length), Some([0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd]));
        if !is_packed {
            let files = slots(file).doing(action)?;
            return Ok(Self::Archive { path, files, _scratch: None });
        }
        let (scratch, mut unpacked) = shelf.scratch()?;
        let mut source =
            decompressed(BufReader::new(file)).doing(action)?.take(ARCHIVE_LIMIT_BYTES);
        io::copy(&mut source, &mut unpacked)
            .doing(|| format!("decompress `{}`", path.display()))?;
        unpacked.rewind().doing(action)?;
        let files = slots(unpacked).doing(action)?;
        Ok(Self::Archive { path: scratch.0.clone(), files, _scratch: Some(scratch) })
    }

    fn has(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Where a file is. Names come from documents that are not trusted.
    fn place(&self, name: &str) -> Result<LayerBlob, ImageError> {
        let missing = || ImageError::unusable(format!("the image lacks its file `{name}`"));
        match self {
            Self::Directory(directory) => {
                if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
                    return Err(missing());
                }
                let path = directory.join(name);
                let found = path.symlink_metadata().map_err(|_| missing())?;
                if !found.is_file() {
                    return Err(missing());
                }
                Ok(LayerBlob { path, offset: 0, length: found.len(), unchecked: None })
            }
            Self::Archive { path, files, .. } => match resolve(files, name).ok_or_else(missing)? {
                Slot::File { offset, length } => {
                    Ok(LayerBlob { path: path.clone(), offset, length, unchecked: None })
                }
                Slot::Link(_) => Err(missing()),
            },
        }
    }

    /// A document's bytes.
    fn read(&self, name: &str) -> Result<Vec<u8>, ImageError> {
        let place = self.place(name)?;
        if place.length > DOCUMENT_LIMIT_BYTES {
            return Err(ImageError::unusable(format!(
                "`{name}` has more than {} MiB",
                DOCUMENT_LIMIT_BYTES >> 20
            )));
        }
        let action = || format!("read `{}`", place.path.display());
        let mut file = File::open(&place.path).doing(action)?;
        file.seek(SeekFrom::Start(place.offset)).doing(action)?;
        let mut bytes = Vec::new();
        file.take(place.length).read_to_end(&mut bytes).doing(action)?;
        Ok(bytes)
    }

    /// The document that a descriptor points to, if it is the one.
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, ImageError> {
        let bytes = self.read(&blob_path(&descriptor.digest))?;
        let found = Digest::of(&bytes);
        if found == descriptor.digest {
            return Ok(bytes);
        }
        Err(ImageError::Mismatch {
            what: "a document of the layout".to_owned(),
            expected: descriptor.digest.clone(),
            found,
        })
    }
}

/// Follows links of docker's older archives, in which equal layers are one.
fn resolve(files: &HashMap<String, Slot>, name: &str) -> Option<Slot> {
    let mut name = name.to_owned();
    for _ in 0..8 {
        match files.get(&name)? {
            Slot::Link(target) => name = target.clone(),
            slot @ Slot::File { .. } => return Some(slot.clone()),
        }
    }
    None
}

/// Where the files of an archive are. Headers are read as they stand: no name in such an archive is too long for one,
/// and longer ones would have to be held in memory.
fn slots(file: File) -> io::Result<HashMap<String, Slot>> {
    let mut archive = Archive::new(file);
    let mut files = HashMap::new();
    for (count, entry) in archive.entries_with_seek()?.raw(true).enumerate() {
        if count >= ENTRY_LIMIT {
            return Err(io::Error::other(format!("it has more than {ENTRY_LIMIT} entries")));
        }
        let entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
        let slot = match entry.header().entry_type() {
            EntryType::Regular => {
                Slot::File { offset: entry.raw_file_position(), length: entry.size() }
            }
            EntryType::Symlink | EntryType::Link => {
                let target = entry.link_name_bytes().unwrap_or_default();
                let target = String::from_utf8_lossy(&target).into_owned();
                Slot::Link(target.trim_start_matches("../").to_owned())
            }
            _ => continue,
        };
        files.insert(name, slot);
    }
    Ok(files)
}
