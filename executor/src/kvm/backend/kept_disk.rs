//! The disk of one kept machine, as far as it is a difference to the machine before, and what tells that it is still
//! what was written.

use super::kept::DISK;
use crate::backend::LayerId;
use crate::kvm::devices::disk::{Delta, digest_of_clusters};
use crate::kvm::snapshot::{Stamp, unusable};
use crate::kvm::{MachineError, Secrecy};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptDisk {
    /// Whose it is.
    pub(super) layer: LayerId,
    /// Of its file, encrypted or not. Of an encrypted one each block can only be what was written under its key once; this
    /// says that it is also the last that was.
    digest: [u8; 32],
    /// As long as the file has it, nobody has written to it.
    stamp: Stamp,
}

impl KeptDisk {
    /// Of a disk that nobody writes any more and that is where it stays.
    pub(super) fn of(layers: &Path, layer: LayerId) -> Result<Self, MachineError> {
        let look = |path: &Path| -> io::Result<_> {
            let file = File::open(path)?;
            // First: what is written while it is read makes another stamp.
            let stamp = Stamp::of(&file.metadata()?);
            Ok((digest_of_clusters(&file)?, stamp))
        };
        let (digest, stamp) = look(&place(layers, &layer))
            .map_err(MachineError::system("read the disk of a kept machine"))?;
        Ok(Self { layer, digest, stamp })
    }

    /// Opens it, if it is what was kept.
    pub(super) fn open(&self, layers: &Path, secrecy: &Secrecy) -> Result<Delta, MachineError> {
        let path = place(layers, &self.layer);
        let broken = |error: io::Error| unusable(&path, error);
        let file = File::open(&path).map_err(broken)?;
        let stamp = Stamp::of(&file.metadata().map_err(broken)?);
        if stamp != self.stamp && digest_of_clusters(&file).map_err(broken)? != self.digest {
            return Err(unusable(&path, "its contents have changed"));
        }
        Delta::open(file, secrecy).map_err(broken)
    }
}

fn place(layers: &Path, layer: &LayerId) -> PathBuf {
    layers.join(&layer.0).join(DISK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::Key;
    use std::fs::{self, OpenOptions};
    use std::os::unix::fs::FileExt;

    fn kept() -> (tempfile::TempDir, KeptDisk) {
        let layers = tempfile::tempdir().unwrap();
        let layer = LayerId("one".to_owned());
        fs::create_dir(layers.path().join("one")).unwrap();
        let disk = File::create(layers.path().join("one").join(DISK)).unwrap();
        disk.set_len(1 << 24).unwrap();
        disk.write_all_at(b"a block", 1 << 20).unwrap();
        let kept = KeptDisk::of(layers.path(), layer).unwrap();
        (layers, kept)
    }

    /// Writes, until the file system's clock says so too: it ticks every few milliseconds.
    fn write(layers: &Path, bytes: &[u8]) {
        let disk = OpenOptions::new().write(true).open(layers.join("one").join(DISK)).unwrap();
        let before = Stamp::of(&disk.metadata().unwrap());
        while Stamp::of(&disk.metadata().unwrap()) == before {
            disk.write_all_at(bytes, 1 << 20).unwrap();
        }
    }

    #[test]
    fn a_copy_of_a_disk_is_as_good_as_the_disk() {
        let (layers, kept) = kept();
        kept.open(layers.path(), &Secrecy::Open).unwrap();
        let disk = layers.path().join("one").join(DISK);
        let copy = layers.path().join("copy");
        fs::copy(&disk, &copy).unwrap();
        fs::rename(copy, disk).unwrap();
        kept.open(layers.path(), &Secrecy::Open).unwrap();
    }

    #[test]
    fn a_disk_with_another_byte_is_refused_and_named() {
        let (layers, kept) = kept();
        write(layers.path(), b"a glock");
        let refused = kept.open(layers.path(), &Secrecy::Open).unwrap_err().to_string();
        assert!(refused.contains("/one/disk") && refused.contains("have changed"), "{refused}");
        write(layers.path(), b"a block");
        kept.open(layers.path(), &Secrecy::Open).unwrap();
    }

    #[test]
    fn an_old_block_of_an_encrypted_disk_is_noticed() {
        let layers = tempfile::tempdir().unwrap();
        let layer = LayerId("one".to_owned());
        fs::create_dir(layers.path().join("one")).unwrap();
        let path = layers.path().join("one").join(DISK);
        let secrecy = Secrecy::Sealed(Key::drawn().unwrap());
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
        let delta = Delta::begin(file, &secrecy).unwrap();
        delta.write_all_at(&[1; 4096], 0).unwrap();
        let old = fs::read(&path).unwrap();
        delta.write_all_at(&[2; 4096], 0).unwrap();
        let kept = KeptDisk::of(layers.path(), layer).unwrap();
        kept.open(layers.path(), &secrecy).unwrap();
        fs::write(layers.path().join("old"), old).unwrap();
        fs::rename(layers.path().join("old"), &path).unwrap();
        let refused = kept.open(layers.path(), &secrecy).unwrap_err().to_string();
        assert!(refused.contains("have changed"), "{refused}");
    }
}
