//! Images as something that takes room: those that can be had again by themselves go, the least recently used first.

use super::Images;
use super::error::ImageError;
use super::shelf::{Image, Origin};
use crate::agent::disk_bytes_of;
use crate::store::StoreError;
use crate::store::room::{Attempt, Hoard, Kept, KeptKind};
use std::collections::HashSet;
use std::io;

impl Images {
    /// Whether an image would come back by itself: one that was given its name by hand would not.
    fn comes_back(image: &Image) -> bool {
        image.origin == Origin::Registry || !image.stamp.is_empty()
    }

    /// What each image takes on disk that no image used more recently has too; the one used last comes first.
    ///
    /// # Errors
    /// When they can't be listed.
    pub fn sizes(&self) -> Result<Vec<(Image, u64)>, ImageError> {
        let mut images = self.list()?;
        images.sort_by_key(|image| std::cmp::Reverse(self.shelf.used_at(&image.name)));
        let mut counted = HashSet::new();
        let mut sizes = Vec::new();
        for image in images {
            let layers = image.layers.iter().filter(|layer| counted.insert((*layer).clone()));
            let bytes = layers.map(|layer| disk_bytes_of(&self.shelf.layers().join(layer)));
            let bytes = bytes.sum();
            sizes.push((image, bytes));
        }
        Ok(sizes)
    }
}

impl Hoard for Images {
    fn list(&self) -> Result<Vec<Kept>, StoreError> {
        let sizes = self.sizes().map_err(|error| trouble("list the images of", error))?;
        let is_used = match self.shelf.use_it_alone() {
            Ok(_) => false,
            Err(ImageError::InUse) => true,
            Err(error) => return Err(trouble("lock the images of", error)),
        };
        let kept = |(image, bytes): (Image, u64)| Kept {
            kind: KeptKind::Image,
            bytes,
            used_at: self.shelf.used_at(&image.name),
            is_needed: is_used || !Self::comes_back(&image),
            name: image.name,
        };
        Ok(sizes.into_iter().map(kept).collect())
    }

    fn remove(&self, kept: &Kept) -> Result<Attempt, StoreError> {
        match Self::remove(self, &kept.name) {
            Ok(freed) => Ok(Attempt::Removed(freed)),
            Err(ImageError::InUse) => Ok(Attempt::InUse),
            // Somebody else was faster.
            Err(ImageError::Unknown(_)) => Ok(Attempt::Removed(0)),
            Err(error) => Err(trouble("remove images of", error)),
        }
    }
}

fn trouble(action: &'static str, error: ImageError) -> StoreError {
    StoreError::File { action, path: "the store".into(), source: io::Error::other(error) }
}
