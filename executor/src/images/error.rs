//! Why there is no image.

use crate::backend::BackendError;
use crate::reference::digest::{Digest, NotADigest};
use crate::reference::{BadReference, Reference};
use std::io;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A name that no image can have.
    #[error(transparent)]
    Reference(#[from] BadReference),
    /// A digest in a document is none.
    #[error(transparent)]
    Digest(#[from] NotADigest),
    /// It isn't here, and the network was not to be used.
    #[error(
        "the image `{0}` is not in the store, and pulling is off (`--pull never`): pull it with `layerc image pull {0}`, \
         import it with `layerc image import PATH --name {0}`, or map the image to `host` or to a `rootfs` archive"
    )]
    NotPulled(Box<Reference>),
    /// The registry could not be reached.
    #[error(
        "cannot reach the registry `{registry}`: {reason}. Without it there are three ways: import the image from a file \
         (`layerc image import PATH --name {reference}`, from `skopeo copy` or `docker save` on a machine that has it), map \
         it to a file system archive (`--image NAME=rootfs:PATH`), or to this machine's own system (`--image NAME=host`)"
    )]
    Unreachable {
        /// Its host.
        registry: String,
        /// What the connection said.
        reason: String,
        /// The image that was wanted.
        reference: Box<Reference>,
    },
    /// The registry has no such image, or doesn't show it to this user.
    #[error("{0}")]
    Refused(String),
    /// What was sent or found is not what its digest says.
    #[error(
        "{what} has the digest {found}, but {expected} was expected: it is damaged or was exchanged"
    )]
    Mismatch {
        /// What it is.
        what: String,
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// What was sent or found is no image, or one that can't be run here.
    #[error("{0}")]
    Unusable(String),
    /// No image of that name is in the store.
    #[error("there is no image `{0}` in the store; `layerc image ls` lists those that are")]
    Unknown(String),
    /// Somebody uses images.
    #[error(
        "images of this store are in use by a run or another command; try again when it has ended"
    )]
    InUse,
    /// Unpacking failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The operating system said no.
    #[error("cannot {action}")]
    System {
        /// Verb phrase with object.
        action: String,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

impl ImageError {
    /// Something that is no usable image.
    pub(super) fn unusable(text: impl Into<String>) -> Self {
        Self::Unusable(text.into())
    }
}

/// Says what was being done when the operating system refused.
pub(super) trait Doing<T> {
    /// `action` is a verb phrase with an object: `make the directory x`.
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, ImageError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, ImageError> {
        self.map_err(|error| ImageError::System { action: action(), source: error.into() })
    }
}
