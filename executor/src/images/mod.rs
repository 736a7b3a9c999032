//! Images: from a registry, a layout or an archive to directories that overlays can be made of, kept in the store.
//!
//! Everything that comes from outside is checked against its digest and has a largest size. The network is used by
//! [`registry`] alone, and only when a caller asks for a pull. Unpacking is done by whoever has the machine's user
//! numbers ([`Unpacker`]); how images are named is [`crate::reference`]'s; machines and plans are not known here.
//!
//! | file | what it holds |
//! |---|---|
//! | [`documents`] | manifests and configurations as they are written in JSON |
//! | [`shelf`] | the directories of the store that belong to images |
//! | [`installation`] | from a manifest and its blobs to unpacked layers |
//! | [`files`] | layouts and archives on disk |
//! | [`registry`] | the network |
//! | [`unpacking`] | one blob to one directory |
//! | [`packing`] | one directory to one blob |
//! | [`output`] | a base as a layout |
//! | `room` | what the images take on disk, and which may go |

mod documents;
mod error;
mod files;
#[cfg(any(test, fuzzing))]
pub mod hostile;
mod installation;
mod output;
mod packing;
mod platform;
mod registry;
mod room;
mod shelf;
mod unpacking;

pub use error::ImageError;
pub(crate) use packing::pack_layer;
pub use packing::{PackOrder, Packed};
pub use registry::Trust;
pub use shelf::{Image, Origin, Using};
pub(crate) use unpacking::unpack_layer;
pub use unpacking::{LayerBlob, UnpackOrder, Unpacker};

use crate::backend::BaseImage;
use crate::reference::{Digest, Reference};
use installation::Installation;
use shelf::Shelf;
use std::path::Path;
use std::sync::Arc;

/// Whether an image is looked for in its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pull {
    /// If the store doesn't have it.
    #[default]
    Missing,
    /// Each time; only what is new is transferred.
    Always,
    /// Never: the network isn't touched.
    Never,
}

/// The images of a store.
#[derive(Debug)]
pub struct Images {
    shelf: Shelf,
    unpacker: Arc<dyn Unpacker>,
    trust: Trust,
}

/// Told what is being done, in the user's words.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

impl Images {
    /// Opens the images of the store in `store_directory`, made if there are none.
    ///
    /// # Errors
    /// When its directories can't be made.
    pub fn open(
        store_directory: &Path,
        unpacker: Arc<dyn Unpacker>,
        trust: Trust,
    ) -> Result<Self, ImageError> {
        Ok(Self { shelf: Shelf::open(store_directory)?, unpacker, trust })
    }

    /// The image of a reference, ready to start machines from; pulled first if the caller wants that.
    ///
    /// # Errors
    /// When it is neither here nor can be had, with the ways out.
    pub fn base(
        &self,
        reference: &Reference,
        pull: Pull,
        progress: Progress<'_>,
    ) -> Result<BaseImage, ImageError> {
        match (pull, self.ready(reference)?) {
            (Pull::Missing | Pull::Never, Some(base)) => Ok(base),
            (Pull::Never, None) => Err(ImageError::NotPulled(Box::new(reference.clone()))),
            (Pull::Missing, None) | (Pull::Always, _) => {
                Ok(self.installation().base(&self.pull(reference, progress)?))
            }
        }
    }

    /// The image of a reference, if the store has it.
    ///
    /// # Errors
    /// When what is known of it can't be read.
    pub fn ready(&self, reference: &Reference) -> Result<Option<BaseImage>, ImageError> {
        let known = self.shelf.find(reference.as_str())?.filter(|image| self.is_whole(image));
        self.note_use(known.as_ref());
        Ok(known.map(|image| self.installation().base(&image)))
    }

    /// An image on disk, if it is unpacked and has not changed since.
    ///
    /// # Errors
    /// When the file can't be looked at.
    pub fn ready_file(
        &self,
        path: &Path,
        wanted: Option<&str>,
    ) -> Result<Option<BaseImage>, ImageError> {
        Ok(self.known_file(path, wanted)?.1.map(|image| self.installation().base(&image)))
    }

    /// The name that a file has on the shelf, and the image if it is still the one in the file.
    fn known_file(
        &self,
        path: &Path,
        wanted: Option<&str>,
    ) -> Result<(String, Option<Image>), ImageError> {
        let stamp = files::stamp(path)?;
        let wanted = wanted.map_or_else(String::new, |wanted| format!(":{wanted}"));
        let name = format!("{}{wanted}", path.display());
        let known = self.shelf.find(&name)?;
        let known = known.filter(|image| image.stamp == stamp && self.is_whole(image));
        self.note_use(known.as_ref());
        Ok((name, known))
    }

    /// Writes down when an image was used; only the order of removing depends on it.
    fn note_use(&self, image: Option<&Image>) {
        if let Some(image) = image {
            self.shelf.note_use(&image.name);
        }
    }

    fn is_whole(&self, image: &Image) -> bool {
        self.installation().is_whole(image)
    }

    /// Fetches an image from its registry, as far as the store doesn't have it.
    ///
    /// # Errors
    /// When the registry can't be reached, refuses, or sends something else than it promised.
    pub fn pull(&self, reference: &Reference, progress: Progress<'_>) -> Result<Image, ImageError> {
        let _using = self.shelf.use_it()?;
        let pulled = registry::Registry::of(reference, &self.trust)?.image(progress)?;
        let blobs = registry::Download { registry: &pulled.registry, shelf: &self.shelf };
        let origin = Origin::Registry;
        let image = self.installation().install(&pulled.documents, &blobs, progress)?;
        self.shelf.record(reference.as_str(), &image, origin)
    }

    /// Takes an image from a layout or an archive on disk. Without a name it has the one that is written there.
    ///
    /// # Errors
    /// When there is no such image, it has no name, or it is not what its digests say.
    pub fn import(
        &self,
        path: &Path,
        wanted: Option<&str>,
        name: Option<&Reference>,
        progress: Progress<'_>,
    ) -> Result<Image, ImageError> {
        let _using = self.shelf.use_it()?;
        let found = files::find(path, wanted, &self.shelf)?;
        let name = match (name, &found.name) {
            (Some(name), _) => name.clone(),
            (None, Some(name)) => Reference::parse(name)?,
            (None, None) => {
                return Err(ImageError::unusable(format!(
                    "the image in `{}` has no name of its own: give it one with `--name`",
                    path.display()
                )));
            }
        };
        let image = self.installation().install(&found.documents, &found, progress)?;
        self.shelf.record(name.as_str(), &image, Origin::File)
    }

    /// An image on disk as a base. It is unpacked the first time it is asked for, and again when the file changed.
    ///
    /// # Errors
    /// As [`import`](Self::import).
    pub fn base_from_file(
        &self,
        path: &Path,
        wanted: Option<&str>,
        progress: Progress<'_>,
    ) -> Result<BaseImage, ImageError> {
        let _using = self.shelf.use_it()?;
        let (name, known) = self.known_file(path, wanted)?;
        if let Some(image) = known {
            return Ok(self.installation().base(&image));
        }
        let stamp = files::stamp(path)?;
        let found = files::find(path, wanted, &self.shelf)?;
        let image = self.installation().install(&found.documents, &found, progress)?;
        let image = Image { stamp, ..image };
        Ok(self.installation().base(&self.shelf.record(&name, &image, Origin::File)?))
    }

    /// Writes a base out as an OCI layout: an archive if `place` ends with `.tar`, else a directory. Returns the digest of
    /// its manifest.
    ///
    /// # Errors
    /// When something is there already, or the base can't be read.
    pub fn write(
        &self,
        base: &BaseImage,
        place: &Path,
        name: Option<&Reference>,
        progress: Progress<'_>,
    ) -> Result<Digest, ImageError> {
        let _using = self.shelf.use_it()?;
        output::write(base, place, name, &*self.unpacker, progress)
    }

    /// All images, by name.
    ///
    /// # Errors
    /// When they can't be listed.
    pub fn list(&self) -> Result<Vec<Image>, ImageError> {
        self.shelf.list()
    }

    /// Forgets an image and removes the layers that no other image has. Returns the bytes that were freed.
    ///
    /// # Errors
    /// When there is no such image, or a run uses images of this store.
    pub fn remove(&self, name: &str) -> Result<u64, ImageError> {
        let _alone = self.shelf.use_it_alone()?;
        self.shelf.forget(name)?;
        self.installation().sweep(&self.shelf.list()?)
    }

    fn installation(&self) -> Installation<'_> {
        Installation { shelf: &self.shelf, unpacker: &*self.unpacker }
    }

    /// Keeps the layers from being removed as long as the value lives.
    ///
    /// # Errors
    /// When the lock can't be taken.
    pub fn hold(&self) -> Result<Using, ImageError> {
        self.shelf.use_it()
    }
}
