//! What an entry, or a file that is there, says about itself besides its content.

use rustix::fs::{Gid, Mode, Timespec, Uid};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use tar::Entry;

/// Begins the names of records that hold extended attributes, as GNU tar, bsdtar and container tools write them.
pub(super) const ATTRIBUTE_RECORD: &str = "SCHILY.xattr.";

/// Extended attributes of one entry at most.
const ATTRIBUTE_LIMIT: usize = 256;

/// An extended attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: OsString,
    pub(super) value: Vec<u8>,
}

/// Owner, mode, time and extended attributes.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) mode: Mode,
    pub(super) user: Uid,
    pub(super) group: Gid,
    pub(super) modified: Timespec,
    pub(super) attributes: Vec<Attribute>,
}

impl Facts {
    /// Those of an entry of an archive.
    pub(super) fn of<R: Read>(entry: &mut Entry<'_, R>) -> io::Result<Self> {
        let attributes = attributes(entry)?;
        let header = entry.header();
        let number = |number: u64| {
            u32::try_from(number)
                .ok()
                .filter(|number| *number != u32::MAX)
                .ok_or_else(|| io::Error::other("a bad owner"))
        };
        let seconds = i64::try_from(header.mtime()?).unwrap_or(0);
        Ok(Self {
            mode: Mode::from_raw_mode(header.mode()? & 0o7777),
            user: Uid::from_raw(number(header.uid()?)?),
            group: Gid::from_raw(number(header.gid()?)?),
            modified: Timespec { tv_sec: seconds, tv_nsec: 0 },
            attributes,
        })
    }

    /// Those of a file that is there, without extended attributes.
    pub(super) fn of_file(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            mode: Mode::from_raw_mode(metadata.mode() & 0o7777),
            user: Uid::from_raw(metadata.uid()),
            group: Gid::from_raw(metadata.gid()),
            modified: Timespec { tv_sec: metadata.mtime(), tv_nsec: metadata.mtime_nsec() },
            attributes: Vec::new(),
        })
    }
}

fn attributes<R: Read>(entry: &mut Entry<'_, R>) -> io::Result<Vec<Attribute>> {
    let Some(records) = entry.pax_extensions()? else { return Ok(Vec::new()) };
    let mut attributes = Vec::new();
    for record in records {
        let record = record?;
        let Some(name) =
            record.key().ok().and_then(|key| key.strip_prefix(ATTRIBUTE_RECORD)).filter(is_wanted)
        else {
            continue;
        };
        if attributes.len() >= ATTRIBUTE_LIMIT {
            return Err(io::Error::other("an entry has too many extended attributes"));
        }
        let name = OsString::from_vec(name.as_bytes().to_vec());
        attributes.push(Attribute { name, value: record.value_bytes().to_vec() });
    }
    Ok(attributes)
}

/// What programs store about their files, and the powers of a program file. Everything else speaks to the kernel:
/// `user.overlay.` above all, by which an archive could make the overlay show other files than it has.
pub(super) fn is_wanted(name: &&str) -> bool {
    (name.starts_with("user.") && !name.starts_with("user.overlay."))
        || *name == "security.capability"
}
