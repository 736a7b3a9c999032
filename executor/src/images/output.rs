//! A base written out as an OCI layout: a directory, or one archive of it. What `files` reads, and every other program
//! that knows images.

use super::Progress;
use super::documents::{
    Configuration, Descriptor, Index, Manifest, NAME_ANNOTATION, ProcessConfiguration,
    RootFileSystem, WHOLE_NAME_ANNOTATION,
};
use super::error::{Doing, ImageError};
use super::packing::{PackOrder, Packed};
use super::platform;
use super::shelf::fresh_name;
use super::unpacking::Unpacker;
use crate::agent::remove_own_tree;
use crate::archive;
use crate::backend::BaseImage;
use crate::reference::Digest;
use crate::reference::Reference;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Ends the names of archives; anything else is a directory.
const ARCHIVE_EXTENSION: &str = "tar";

/// What a layout says about itself.
const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// Media types of the documents.
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIGURATION_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// Writes a base to `place`, which must not be there. Returns the digest of its manifest.
pub(super) fn write(
    base: &BaseImage,
    place: &Path,
    name: Option<&Reference>,
    unpacker: &dyn Unpacker,
    progress: Progress<'_>,
) -> Result<Digest, ImageError> {
    let place = std::path::absolute(place).doing(|| format!("find `{}`", place.display()))?;
    if place.symlink_metadata().is_ok() {
        return Err(ImageError::unusable(format!(
            "`{}` is there already: remove it, or give another name to write to",
            place.display()
        )));
    }
    let parent = place.parent().unwrap_or(Path::new("/"));
    let beside = parent.join(format!(".layerc-{}", fresh_name()));
    let layout = Layout { directory: beside.clone(), unpacker, progress };
    let written = layout.write(base, name).and_then(|digest| {
        if place.extension().is_some_and(|extension| extension == ARCHIVE_EXTENSION) {
            progress("writing the archive");
            archived(&beside, &place)?;
        } else {
            fs::rename(&beside, &place).doing(|| format!("make `{}`", place.display()))?;
        }
        Ok(digest)
    });
    // After success only the archive's directory is left; after a failure whatever was begun.
    let _ = remove_own_tree(&beside);
    written
}

fn archived(directory: &Path, place: &Path) -> Result<(), ImageError> {
    let unfinished = directory.with_extension(ARCHIVE_EXTENSION);
    let action = || format!("write `{}`", place.display());
    let written = File::create_new(&unfinished).and_then(|mut file| {
        archive::pack(directory, &mut file)?;
        file.sync_all()?;
        fs::rename(&unfinished, place)
    });
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written.doing(action)
}

struct Layout<'a> {
    directory: PathBuf,
    unpacker: &'a dyn Unpacker,
    progress: Progress<'a>,
}

impl Layout<'_> {
    fn write(&self, base: &BaseImage, name: Option<&Reference>) -> Result<Digest, ImageError> {
        let blobs = self.blobs();
        fs::create_dir_all(&blobs).doing(|| format!("make `{}`", blobs.display()))?;
        let mut packed = Vec::new();
        for (place, directory) in base.directories.iter().enumerate() {
            (self.progress)(&format!("packing layer {} of {}", place + 1, base.directories.len()));
            packed.push(self.layer(directory)?);
        }
        let configuration = self.document(&configuration(base, &packed), CONFIGURATION_TYPE)?;
        let layer = |packed: &Packed| descriptor(LAYER_TYPE, &packed.blob, packed.size_bytes);
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            config: configuration,
            layers: packed.iter().map(layer).collect(),
        };
        let manifest = self.document(&manifest, MANIFEST_TYPE)?;
        let digest = manifest.digest.clone();
        let entry = Descriptor {
            platform: Some(platform::own()),
            annotations: name.map(annotations).unwrap_or_default(),
            ..manifest
        };
        let index = Index {
            schema_version: 2,
            media_type: Some(INDEX_TYPE.to_owned()),
            manifests: vec![entry],
        };
        self.file("oci-layout", LAYOUT.as_bytes())?;
        self.file("index.json", &json(&index)?)?;
        Ok(digest)
    }

    fn blobs(&self) -> PathBuf {
        self.directory.join("blobs/sha256")
    }

    fn layer(&self, directory: &Path) -> Result<Packed, ImageError> {
        let blob = self.blobs().join("layer");
        let order = PackOrder { directory: directory.to_owned(), blob: blob.clone() };
        let packed = self.unpacker.pack(&order)?;
        let place = self.blobs().join(packed.blob.digits());
        fs::rename(&blob, &place).doing(|| format!("write `{}`", place.display()))?;
        Ok(packed)
    }

    fn document(
        &self,
        document: &impl Serialize,
        media_type: &str,
    ) -> Result<Descriptor, ImageError> {
        let bytes = json(document)?;
        let digest = Digest::of(&bytes);
        self.file(&format!("blobs/sha256/{}", digest.digits()), &bytes)?;
        Ok(descriptor(media_type, &digest, bytes.len() as u64))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> Result<(), ImageError> {
        let path = self.directory.join(name);
        fs::write(&path, bytes).doing(|| format!("write `{}`", path.display()))
    }
}

fn configuration(base: &BaseImage, packed: &[Packed]) -> Configuration {
    let platform = platform::own();
    let pairs = base.environment.iter();
    let environment: Vec<String> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
    Configuration {
        architecture: platform.architecture,
        os: platform.os,
        config: Some(ProcessConfiguration {
            env: Some(environment).filter(|environment| !environment.is_empty()),
            ..ProcessConfiguration::default()
        }),
        rootfs: RootFileSystem {
            kind: "layers".to_owned(),
            diff_ids: packed.iter().map(|packed| packed.content.clone()).collect(),
        },
    }
}

fn descriptor(media_type: &str, digest: &Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: digest.clone(),
        size,
        platform: None,
        annotations: BTreeMap::new(),
    }
}

/// The tag, by which `skopeo` and this program find it among others, and the whole name.
fn annotations(name: &Reference) -> BTreeMap<String, String> {
    let whole = name.as_str();
    let tag = whole.rsplit_once(':').map_or(whole, |(_, tag)| tag);
    [(NAME_ANNOTATION, tag), (WHOLE_NAME_ANNOTATION, whole)]
        .map(|(annotation, text)| (annotation.to_owned(), text.to_owned()))
        .into()
}

fn json(document: &impl Serialize) -> Result<Vec<u8>, ImageError> {
    serde_json::to_vec(document).map_err(|error| ImageError::System {
        action: "write down an image".to_owned(),
        source: error.into(),
    })
}
