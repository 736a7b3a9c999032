//! Unpacking a tar stream that is not trusted: a root file system, or a layer of an image. And packing one (`packing`).
//!
//! Every path is resolved by the kernel as if the target directory were `/`, so no link in the archive leads outside;
//! devices are left out; counts and sizes have limits. Knows neither compression nor where the stream comes from.

mod facts;
mod layer;
mod packing;
mod target;
#[cfg(test)]
mod tests;

use facts::Facts;
use layer::Below;
pub(crate) use packing::{extended_attribute, extended_attributes, pack};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use tar::{Archive, Entry, EntryType};
pub(crate) use target::OPAQUE_ATTRIBUTE;
use target::{Replacing, Target};

/// Entries unpacked at most: a large distribution has half a million files.
const ENTRY_LIMIT: usize = 5_000_000;

/// Bytes that the files of one archive may have together. The largest images in use have about a fifth of it.
const CONTENT_LIMIT_BYTES: u64 = 256 << 30;

/// Who owns what is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ownership {
    /// As in the archive, as far as this user namespace has the numbers; otherwise root.
    Kept,
    /// This user, who is the machine's root.
    Own,
}

/// What the entries of an archive mean.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Meaning<'a> {
    /// Every entry is a file.
    Tree,
    /// A difference to the directories below (top first): names that begin with `.wh.` take files of those away.
    Layer {
        /// What the layer lies on.
        below: &'a [PathBuf],
    },
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpacked {
    /// Whether something was taken from the directories below: then the result belongs to them.
    pub depends_on_below: bool,
    /// Extended attributes that could not be set here.
    pub attributes_left_out: u32,
}

/// Unpacks `source` into `target`, which exists and is empty.
pub(crate) fn unpack(
    source: impl Read,
    target: &Path,
    ownership: Ownership,
    meaning: Meaning<'_>,
) -> io::Result<Unpacked> {
    let below = match meaning {
        Meaning::Tree => None,
        Meaning::Layer { below } => Some(Below::open(below)?),
    };
    let target = Target::open(target, ownership)?;
    let mut unpacking = Unpacking {
        target,
        below,
        content_left_bytes: CONTENT_LIMIT_BYTES,
        unpacked: Unpacked::default(),
    };
    unpacking.all(source)?;
    Ok(unpacking.unpacked)
}

struct Unpacking {
    target: Target,
    /// What a layer lies on; `None` when the archive is a whole tree.
    below: Option<Below>,
    content_left_bytes: u64,
    unpacked: Unpacked,
}

impl Unpacking {
    fn all(&mut self, source: impl Read) -> io::Result<()> {
        let mut archive = Archive::new(source);
        // Modes and times of directories come last: what is put into them changes the times, and may need the right to.
        let mut directories = Vec::new();
        for (count, entry) in archive.entries()?.enumerate() {
            if count >= ENTRY_LIMIT {
                return Err(io::Error::other(format!("it has more than {ENTRY_LIMIT} entries")));
            }
            let mut entry = entry?;
            let path = inside(&entry.path()?);
            self.account_for(entry.size())?;
            if self.remove(&path)? {
                continue;
            }
            let facts = Facts::of(&mut entry)?;
            match entry.header().entry_type() {
                EntryType::Directory => {
                    self.directory(&path)?;
                    directories.push((path, facts));
                }
                EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                    self.file(&path, &mut entry, &facts)?;
                }
                EntryType::Symlink => self.link(&path, &entry, &facts)?,
                EntryType::Link => self.hard_link(&path, &entry)?,
                // Devices, pipes and what this format does not know.
                _ => {}
            }
        }
        for (path, facts) in directories.into_iter().rev() {
            let directory = self.target.open_directory(&path)?;
            self.unpacked.attributes_left_out += self.target.apply(&directory, &facts)?;
        }
        Ok(())
    }

    /// A sparse file takes no room in the archive, but would when it is written.
    fn account_for(&mut self, size_bytes: u64) -> io::Result<()> {
        let left = self.content_left_bytes.checked_sub(size_bytes);
        self.content_left_bytes = left.ok_or_else(|| {
            io::Error::other(format!("its files have more than {} GiB", CONTENT_LIMIT_BYTES >> 30))
        })?;
        Ok(())
    }

    /// Takes away what a layer's entry of this name takes away. Otherwise the entry is a file.
    fn remove(&mut self, path: &Path) -> io::Result<bool> {
        if self.below.is_none() {
            return Ok(false);
        }
        let Some(removal) = layer::removal(path)? else { return Ok(false) };
        self.lead_to(path.parent().unwrap_or(Path::new("")))?;
        removal.carry_out(&self.target)?;
        Ok(true)
    }

    /// Makes the directories that lead somewhere and have no entry of their own (yet).
    fn lead_to(&mut self, path: &Path) -> io::Result<()> {
        for made in self.target.make_directories(path)? {
            let Some(below) = &self.below else { continue };
            if let Some(facts) = below.directory(&made)? {
                let directory = self.target.open_directory(&made)?;
                self.unpacked.attributes_left_out += self.target.apply(&directory, &facts)?;
                self.unpacked.depends_on_below = true;
            }
        }
        Ok(())
    }

    fn directory(&mut self, path: &Path) -> io::Result<()> {
        self.lead_to(path.parent().unwrap_or(Path::new("")))?;
        if self.below.is_some() {
            self.target.clear_for_directory(path)?;
        }
        self.target.make_directories(path).map(|_| ())
    }

    fn place<'a>(&mut self, path: &'a Path) -> io::Result<Option<target::Place<'a>>> {
        self.lead_to(path.parent().unwrap_or(Path::new("")))?;
        let replacing =
            if self.below.is_some() { Replacing::Anything } else { Replacing::AllButDirectories };
        self.target.place(path, replacing)
    }

    fn file<R: Read>(
        &mut self,
        path: &Path,
        entry: &mut Entry<'_, R>,
        facts: &Facts,
    ) -> io::Result<()> {
        let Some(place) = self.place(path)? else { return Ok(()) };
        let mut file = File::from(place.create_file()?);
        io::copy(entry, &mut file)?;
        file.flush()?;
        self.unpacked.attributes_left_out += self.target.apply(&file, facts)?;
        Ok(())
    }

    fn link<R: Read>(
        &mut self,
        path: &Path,
        entry: &Entry<'_, R>,
        facts: &Facts,
    ) -> io::Result<()> {
        let Some(place) = self.place(path)? else { return Ok(()) };
        let Some(leads_to) = entry.link_name()? else { return Ok(()) };
        place.create_link(&leads_to)?;
        self.target.own_link(&place, facts)
    }

    /// A layer may link to a file that only the layers below have; then that file is copied.
    fn hard_link<R: Read>(&mut self, path: &Path, entry: &Entry<'_, R>) -> io::Result<()> {
        let Some(place) = self.place(path)? else { return Ok(()) };
        let Some(other) = entry.link_name()? else { return Ok(()) };
        let other = inside(&other);
        match self.target.link_hard(&other, &place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let Some(below) = &self.below else { return Err(error) };
                let Some((mut content, facts)) = below.file(&other)? else { return Err(error) };
                self.account_for(content.metadata()?.len())?;
                let mut file = File::from(place.create_file()?);
                io::copy(&mut content, &mut file)?;
                self.unpacked.depends_on_below = true;
                self.unpacked.attributes_left_out += self.target.apply(&file, &facts)?;
                Ok(())
            }
            other => other,
        }
    }
}

/// The names of a path, from the root, without `.` and `..`.
fn inside(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}
