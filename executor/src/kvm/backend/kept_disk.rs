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
use std::path::Path;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptDisk {
    /// Whose it is.
    pub(super) layer: LayerId,
    contents: Contents,
}

/// What a disk must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Contents {
    /// Clusters of this digest. As long as the file has the stamp nobody has written to it.
    Open { digest: [u8; 32], stamp: Stamp },
    /// Encrypted clusters: each is what was written under the machine's key, or can't be read.
    Sealed,
}

impl KeptDisk {
    /// Of a disk that nobody writes any more and that is where it stays.
    pub(super) fn of(
        layers: &Path,
        layer: LayerId,
        secrecy: &Secrecy,
    ) -> Result<Self, MachineError> {
        let contents = match secrecy {
            Secrecy::Sealed(_) => Contents::Sealed,
            Secrecy::Open => File::open(layers.join(&layer.0).join(DISK))
                .and_then(|file| Contents::now(&file))
                .map_err(MachineError::system("read the disk of a kept machine"))?,
        };
        Ok(Self { layer, contents })
    }

    /// Opens it, if it is what was kept.
    pub(super) fn open(&self, layers: &Path, secrecy: &Secrecy) -> Result<Delta, MachineError> {
        let path = layers.join(&self.layer.0).join(DISK);
        let broken = |error: io::Error| unusable(&path, error);
        let file = File::open(&path).map_err(broken)?;
        match (self.contents, secrecy) {
            (Contents::Sealed, Secrecy::Sealed(_)) => {}
            (Contents::Open { digest, stamp }, Secrecy::Open) => {
                let metadata = file.metadata().map_err(broken)?;
                if Stamp::of(&metadata) != stamp
                    && digest_of_clusters(&file).map_err(broken)? != digest
                {
                    return Err(unusable(&path, "its contents have changed"));
                }
            }
            _ => return Err(unusable(&path, "it is encrypted otherwise than what it belongs to")),
        }
        Delta::open(file, secrecy).map_err(broken)
    }
}

impl Contents {
    fn now(file: &File) -> io::Result<Self> {
        // First: what is written while it is read makes another stamp.
        let stamp = Stamp::of(&file.metadata()?);
        Ok(Self::Open { digest: digest_of_clusters(file)?, stamp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions};
    use std::os::unix::fs::FileExt;

    fn kept() -> (tempfile::TempDir, KeptDisk) {
        let layers = tempfile::tempdir().unwrap();
        let layer = LayerId("one".to_owned());
        fs::create_dir(layers.path().join("one")).unwrap();
        let disk = File::create(layers.path().join("one").join(DISK)).unwrap();
        disk.set_len(1 << 24).unwrap();
        disk.write_all_at(b"a block", 1 << 20).unwrap();
        let kept = KeptDisk::of(layers.path(), layer, &Secrecy::Open).unwrap();
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
    fn an_open_disk_is_none_of_an_encrypted_machine() {
        let (layers, kept) = kept();
        let key = crate::sealing::Key::drawn().unwrap();
        let refused = kept.open(layers.path(), &Secrecy::Sealed(key)).unwrap_err().to_string();
        assert!(refused.contains("encrypted otherwise"), "{refused}");
    }
}
