//! Manifests, indexes and configurations, as far as this program reads or writes them.
//!
//! Both forms, OCI's and docker's, have the same fields; media types only tell which document it is. Unknown fields are
//! left alone: documents are kept byte for byte, since their digest is their name.

use super::error::ImageError;
use crate::reference::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Largest manifest, index or configuration. Registries refuse manifests above 4 MiB.
pub(super) const DOCUMENT_LIMIT_BYTES: u64 = 4 << 20;

/// Layers of one image at most; the kernel takes 500 directories in an overlay, and steps add theirs.
pub(super) const LAYER_LIMIT: usize = 256;

/// Media types of manifests that a registry is asked for.
pub(super) const MANIFEST_TYPES: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// Annotation of an index entry that holds the image's name.
pub(super) const NAME_ANNOTATION: &str = "org.opencontainers.image.ref.name";

/// Annotation by which docker and containerd give the whole name.
pub(super) const WHOLE_NAME_ANNOTATION: &str = "io.containerd.image.name";

/// Points to content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// What machine an image is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Platform {
    pub(super) architecture: String,
    pub(super) os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<String>,
}

/// What an image is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<String>,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
}

/// Several images, one for each platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub(super) schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<String>,
    pub(super) manifests: Vec<Descriptor>,
}

/// An image's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Configuration {
    pub(super) architecture: String,
    pub(super) os: String,
    #[serde(default)]
    pub(super) config: Option<ProcessConfiguration>,
    pub(super) rootfs: RootFileSystem,
}

/// What programs of the image start with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ProcessConfiguration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) env: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) working_dir: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cmd: Option<Vec<String>>,
}

/// Its layers, by the digest of what they unpack to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RootFileSystem {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) diff_ids: Vec<Digest>,
}

/// One of both.
#[derive(Debug)]
pub(super) enum ManifestOrIndex {
    Manifest(Manifest),
    Index(Index),
}

/// A manifest or an index.
pub(super) fn manifest_or_index(bytes: &[u8]) -> Result<ManifestOrIndex, ImageError> {
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| not_understood("manifest", &error))?;
    match value.get("schemaVersion").and_then(serde_json::Value::as_u64) {
        Some(2) => {}
        Some(1) => {
            return Err(ImageError::unusable(
                "the image has a manifest of docker's first format, which has not been written since 2017: push it again \
                 with a newer program",
            ));
        }
        _ => return Err(ImageError::unusable("what was sent is not the manifest of an image")),
    }
    if value.get("manifests").is_some() {
        let index = serde_json::from_value(value);
        return Ok(ManifestOrIndex::Index(index.map_err(|error| not_understood("index", &error))?));
    }
    let manifest: Manifest =
        serde_json::from_value(value).map_err(|error| not_understood("manifest", &error))?;
    if manifest.layers.len() > LAYER_LIMIT {
        return Err(ImageError::unusable(format!(
            "the image has {} layers; at most {LAYER_LIMIT} can be used",
            manifest.layers.len()
        )));
    }
    Ok(ManifestOrIndex::Manifest(manifest))
}

fn not_understood(what: &str, error: &serde_json::Error) -> ImageError {
    ImageError::unusable(format!("the {what} of the image can't be understood: {error}"))
}

/// A manifest and the configuration it names, checked against each other.
#[derive(Debug, Clone)]
pub(super) struct Documents {
    pub(super) manifest: Manifest,
    pub(super) configuration: Configuration,
    pub(super) manifest_bytes: Vec<u8>,
    pub(super) configuration_bytes: Vec<u8>,
}

impl Documents {
    /// Checks that they belong together and to this machine.
    pub(super) fn new(
        manifest: Manifest,
        manifest_bytes: Vec<u8>,
        configuration_bytes: Vec<u8>,
    ) -> Result<Self, ImageError> {
        let found = Digest::of(&configuration_bytes);
        if found != manifest.config.digest {
            return Err(ImageError::Mismatch {
                what: "the configuration of the image".to_owned(),
                expected: manifest.config.digest,
                found,
            });
        }
        let configuration: Configuration = serde_json::from_slice(&configuration_bytes)
            .map_err(|error| not_understood("configuration", &error))?;
        let (layers, contents) = (manifest.layers.len(), configuration.rootfs.diff_ids.len());
        if layers != contents {
            return Err(ImageError::unusable(format!(
                "the image's manifest has {layers} layers, its configuration {contents}"
            )));
        }
        Ok(Self { manifest, configuration, manifest_bytes, configuration_bytes })
    }

    /// The manifest's digest: the image's own name.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.manifest_bytes)
    }
}
