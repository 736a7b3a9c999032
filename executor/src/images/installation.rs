//! From a manifest and its blobs to unpacked layers, each once however many images have it.

use super::Progress;
use super::documents::Documents;
use super::error::{Doing, ImageError};
use super::platform;
use super::shelf::{Image, Origin, Shelf, fresh_name};
use super::unpacking::{LayerBlob, UnpackOrder, Unpacker};
use crate::backend::BaseImage;
use crate::reference::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// Variables that depend on who runs a command, not on the image.
const PERSONAL_VARIABLES: [&str; 8] =
    ["HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "HOSTNAME", "BASH_ENV"];

/// Where blobs come from.
pub(super) trait Blobs: Sync {
    /// Begins to get these layers, which are not here: bottom first, by their place in the manifest.
    fn prepare(
        &self,
        documents: &Documents,
        places: &[usize],
        progress: Progress<'_>,
    ) -> Result<(), ImageError>;

    /// A layer's blob.
    fn layer(&self, documents: &Documents, place: usize) -> Result<LayerBlob, ImageError>;

    /// The layer is unpacked; its blob is not needed any more.
    fn done_with(&self, blob: &LayerBlob);
}

/// See the module.
pub(super) struct Installation<'a> {
    pub(super) shelf: &'a Shelf,
    pub(super) unpacker: &'a dyn Unpacker,
}

impl Installation<'_> {
    /// Unpacks what is not unpacked yet. The image has no name so far.
    pub(super) fn install(
        &self,
        documents: &Documents,
        blobs: &dyn Blobs,
        progress: Progress<'_>,
    ) -> Result<Image, ImageError> {
        platform::check(&documents.configuration)?;
        let contents = &documents.configuration.rootfs.diff_ids;
        let missing: Vec<usize> = (0..contents.len())
            .filter(|place| self.known_layer(contents, *place).is_none())
            .collect();
        blobs.prepare(documents, &missing, progress)?;
        let (mut layers, mut left_out) = (Vec::new(), 0);
        for place in 0..contents.len() {
            let layer = match self.known_layer(contents, place) {
                Some(layer) => layer,
                None => {
                    progress(&format!("unpacking layer {} of {}", place + 1, contents.len()));
                    let blob = blobs.layer(documents, place)?;
                    let (layer, attributes) = self.unpack(contents, place, &blob, &layers)?;
                    left_out += attributes;
                    blobs.done_with(&blob);
                    layer
                }
            };
            layers.push(layer);
        }
        self.check_shell(&layers)?;
        self.shelf.keep_documents(documents)?;
        Ok(self.image(documents, layers, left_out))
    }

    fn image(&self, documents: &Documents, layers: Vec<String>, left_out: u32) -> Image {
        let config = documents.configuration.config.clone().unwrap_or_default();
        let mut notes: Vec<String> = self.unpacker.note().into_iter().collect();
        if left_out > 0 {
            notes.push(format!(
                "{left_out} extended attributes of the image's files could not be set here (powers of programs, mostly)"
            ));
        }
        if config
            .user
            .as_deref()
            .is_some_and(|user| !matches!(user, "" | "0" | "root" | "0:0" | "root:root"))
        {
            let user = config.user.unwrap_or_default();
            notes.push(format!(
                "the image would run programs as `{user}`; steps run as root until USER says otherwise"
            ));
        }
        Image {
            name: String::new(),
            manifest: documents.digest(),
            configuration: documents.manifest.config.digest.clone(),
            layers,
            size_bytes: documents
                .manifest
                .layers
                .iter()
                .fold(0, |sum: u64, layer| sum.saturating_add(layer.size)),
            since_seconds: 0,
            origin: Origin::File,
            environment: config.env.unwrap_or_default(),
            notes,
            stamp: String::new(),
        }
    }

    /// The directory that a layer has been unpacked to: for itself alone, or over just these others.
    fn known_layer(&self, contents: &[Digest], place: usize) -> Option<String> {
        let names = [self.own_name(contents.get(place)?), self.name_over_others(contents, place)];
        names.into_iter().find(|name| self.shelf.layers().join(name).is_dir())
    }

    fn own_name(&self, content: &Digest) -> String {
        format!("{}-{}", content.digits(), self.unpacker.numbers())
    }

    fn name_over_others(&self, contents: &[Digest], place: usize) -> String {
        let chain: String =
            contents.iter().take(place + 1).map(|content| content.digits()).collect();
        format!("over-{}-{}", Digest::of(chain.as_bytes()).digits(), self.unpacker.numbers())
    }

    fn unpack(
        &self,
        contents: &[Digest],
        place: usize,
        blob: &LayerBlob,
        below: &[String],
    ) -> Result<(String, u32), ImageError> {
        let directory = self.shelf.layers();
        let beside = directory.join(format!("new-{}", fresh_name()));
        fs::create_dir(&beside).doing(|| format!("make `{}`", beside.display()))?;
        let Some(content) = contents.get(place) else {
            return Err(ImageError::unusable("a layer has no content"));
        };
        let order = UnpackOrder {
            blob: blob.clone(),
            content: content.clone(),
            target: beside.clone(),
            below: below.iter().rev().map(|name| directory.join(name)).collect(),
        };
        let made = self.unpacker.unpack(&order).map_err(ImageError::from).and_then(|unpacked| {
            let name = if unpacked.depends_on_below {
                self.name_over_others(contents, place)
            } else {
                self.own_name(content)
            };
            sync(&beside)?;
            match fs::rename(&beside, directory.join(&name)) {
                // Another process was faster.
                Err(_) if directory.join(&name).is_dir() => {
                    self.unpacker.remove(&beside)?;
                    Ok((name, unpacked.attributes_left_out))
                }
                other => other
                    .doing(|| format!("make the layer `{name}`"))
                    .map(|()| (name, unpacked.attributes_left_out)),
            }
        });
        if made.is_err() {
            let _ = self.unpacker.remove(&beside);
        }
        made
    }

    /// Steps are run by bash: without it nothing would work, and the reason would be hard to see.
    fn check_shell(&self, layers: &[String]) -> Result<(), ImageError> {
        let has = |layer: &String, name: &str| {
            self.shelf.layers().join(layer).join(name).symlink_metadata().is_ok()
        };
        let places = ["bin/bash", "usr/bin/bash"];
        if layers.iter().any(|layer| places.iter().any(|name| has(layer, name))) {
            return Ok(());
        }
        Err(ImageError::unusable(
            "the image has no /bin/bash, which runs the steps: take an image that has it, or one built with it added",
        ))
    }

    /// Whether everything an image needs is there.
    pub(super) fn is_whole(&self, image: &Image) -> bool {
        let numbers = format!("-{}", self.unpacker.numbers());
        image
            .layers
            .iter()
            .all(|layer| layer.ends_with(&numbers) && self.shelf.layers().join(layer).is_dir())
    }

    /// An image as a base.
    pub(super) fn base(&self, image: &Image) -> BaseImage {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"layerc image 1\0");
        hasher.update(image.configuration.to_string().as_bytes());
        let directory = self.shelf.layers();
        BaseImage {
            identity: *hasher.finalize().as_bytes(),
            directories: image.layers.iter().map(|layer| directory.join(layer)).collect(),
            notes: image.notes.clone(),
            environment: environment(&image.environment),
        }
    }

    /// Removes what none of these images needs. Returns the bytes that were freed.
    pub(super) fn sweep(&self, kept: &[Image]) -> Result<u64, ImageError> {
        let needed: BTreeSet<&String> = kept.iter().flat_map(|image| &image.layers).collect();
        let directory = self.shelf.layers();
        let entries =
            fs::read_dir(&directory).doing(|| format!("list `{}`", directory.display()))?;
        let mut unneeded: Vec<PathBuf> = Vec::new();
        for entry in entries.flatten() {
            if !needed.contains(&entry.file_name().to_string_lossy().into_owned()) {
                unneeded.push(entry.path());
            }
        }
        unneeded.extend(self.shelf.leftovers(kept));
        let mut freed = 0;
        for path in unneeded {
            freed += crate::agent::disk_bytes_of(&path);
            if path.is_dir() {
                self.unpacker.remove(&path)?;
            } else {
                fs::remove_file(&path).doing(|| format!("remove `{}`", path.display()))?;
            }
        }
        Ok(freed)
    }
}

/// Waits until a directory's file system has everything: a name must not outlive what it stands for.
fn sync(directory: &std::path::Path) -> Result<(), ImageError> {
    let action = || format!("store `{}`", directory.display());
    let directory = fs::File::open(directory).doing(action)?;
    rustix::fs::syncfs(&directory).doing(action)
}

fn environment(pairs: &[String]) -> BTreeMap<String, String> {
    let pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
    let pairs = pairs.filter(|(name, _)| !name.is_empty() && !PERSONAL_VARIABLES.contains(name));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
