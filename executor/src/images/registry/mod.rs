//! The network: asks a registry for an image's documents and layers (the distribution protocol of OCI, version 2).
//!
//! The only place of the executor that opens connections. Nothing in here runs unless a pull was asked for. A small
//! client of its own, since the client libraries there are read answers of any length and trust headers to be well formed.

mod challenge;
mod connection;
mod credentials;
mod download;

pub(super) use download::Download;

use super::Progress;
use super::documents::{
    DOCUMENT_LIMIT_BYTES, Documents, MANIFEST_TYPES, ManifestOrIndex, manifest_or_index,
};
use super::error::ImageError;
use super::platform;
use crate::reference::Digest;
use crate::reference::Reference;
use connection::Connection;
use std::path::PathBuf;

/// What is trusted besides the system's certificates (or those in `SSL_CERT_FILE`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Files of certificates in PEM form.
    pub certificates: Vec<PathBuf>,
}

/// The registry of one image.
#[derive(Debug)]
pub(super) struct Registry {
    connection: Connection,
    reference: Reference,
}

/// An image whose documents are here, and its layers are not.
#[derive(Debug)]
pub(super) struct Pulled {
    pub(super) documents: Documents,
    pub(super) registry: Registry,
}

impl Registry {
    /// Connects to nothing yet.
    pub(super) fn of(reference: &Reference, trust: &Trust) -> Result<Self, ImageError> {
        Ok(Self { connection: Connection::new(reference, trust)?, reference: reference.clone() })
    }

    /// Fetches the documents of the image that is for this machine.
    pub(super) fn image(self, progress: Progress<'_>) -> Result<Pulled, ImageError> {
        progress(&format!("asking {} for {}", self.reference.registry(), self.reference));
        let mut bytes = self.manifest(self.reference.version())?;
        if let Some(expected) = self.reference.digest() {
            check("the manifest", expected, &bytes)?;
        }
        let manifest = match manifest_or_index(&bytes)? {
            ManifestOrIndex::Manifest(manifest) => manifest,
            ManifestOrIndex::Index(index) => {
                let chosen = platform::choose(&index)?;
                bytes = self.manifest(chosen.digest.as_str())?;
                check("the manifest", &chosen.digest, &bytes)?;
                match manifest_or_index(&bytes)? {
                    ManifestOrIndex::Manifest(manifest) => manifest,
                    ManifestOrIndex::Index(_) => {
                        return Err(ImageError::unusable(
                            "the index of the image names another index",
                        ));
                    }
                }
            }
        };
        let path = self.blob_path(&manifest.config.digest);
        let configuration = self.connection.document(
            &path,
            "",
            DOCUMENT_LIMIT_BYTES,
            "the configuration of the image",
        )?;
        let documents = Documents::new(manifest, bytes, configuration)?;
        Ok(Pulled { documents, registry: self })
    }

    fn manifest(&self, version: &str) -> Result<Vec<u8>, ImageError> {
        let path = format!("{}/manifests/{version}", self.reference.repository());
        self.connection.document(
            &path,
            &MANIFEST_TYPES.join(", "),
            DOCUMENT_LIMIT_BYTES,
            "the manifest of the image",
        )
    }

    fn blob_path(&self, digest: &Digest) -> String {
        format!("{}/blobs/{digest}", self.reference.repository())
    }
}

fn check(what: &str, expected: &Digest, bytes: &[u8]) -> Result<(), ImageError> {
    let found = Digest::of(bytes);
    if found == *expected {
        return Ok(());
    }
    Err(ImageError::Mismatch { what: what.to_owned(), expected: expected.clone(), found })
}
