//! A directory as a tar stream: the rest of this module the other way round.
//!
//! The same files give the same bytes: names come in order, times are whole seconds, and nothing of this machine is in
//! it. What OverlayFS marks as taken away becomes `.wh.` names, as layers of images have them. Knows neither compression
//! nor where the stream goes.

use super::facts::{ATTRIBUTE_RECORD, is_wanted};
use super::layer::{MARK, OPAQUE};
use super::target::OPAQUE_ATTRIBUTE;
use rustix::fs::FileType;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header, HeaderMode};

/// Longest list of names of extended attributes that the kernel gives.
const NAMES_LIMIT_BYTES: usize = 64 * 1024;

/// Longest value of one.
const VALUE_LIMIT_BYTES: usize = 64 * 1024;

/// Packs everything below `directory`, which nobody changes meanwhile. Sockets, pipes and devices are left out.
pub(crate) fn pack(directory: &Path, output: impl Write) -> io::Result<()> {
    let mut packing =
        Packing { root: directory, builder: Builder::new(output), linked: HashMap::new() };
    packing.contents(Path::new(""))?;
    packing.builder.finish()
}

struct Packing<'a, Output: Write> {
    root: &'a Path,
    builder: Builder<Output>,
    /// The first name of each file that has several, by device and number.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl<Output: Write> Packing<'_, Output> {
    fn contents(&mut self, directory: &Path) -> io::Result<()> {
        let mut names: Vec<OsString> = Vec::new();
        for entry in fs::read_dir(self.root.join(directory))? {
            names.push(entry?.file_name());
        }
        names.sort_unstable();
        for name in names {
            self.entry(directory, &name)?;
        }
        Ok(())
    }

    fn entry(&mut self, directory: &Path, name: &OsStr) -> io::Result<()> {
        let path = directory.join(name);
        let source = self.root.join(&path);
        let metadata = fs::symlink_metadata(&source)?;
        match FileType::from_raw_mode(metadata.mode()) {
            FileType::Directory => self.directory(&path, &source, &metadata),
            FileType::RegularFile => self.file(path, &source, &metadata),
            FileType::Symlink => {
                let mut header = header(&metadata, EntryType::Symlink);
                self.builder.append_link(&mut header, &path, fs::read_link(&source)?)
            }
            FileType::CharacterDevice if metadata.rdev() == 0 => {
                let mark: Vec<u8> = [MARK, name.as_bytes()].concat();
                self.mark(&directory.join(OsStr::from_bytes(&mark)), &metadata)
            }
            _ => Ok(()),
        }
    }

    fn directory(&mut self, path: &Path, source: &Path, metadata: &Metadata) -> io::Result<()> {
        self.attributes(source)?;
        let mut header = header(metadata, EntryType::Directory);
        self.builder.append_data(&mut header, path, io::empty())?;
        if extended_attribute(source, OsStr::new(OPAQUE_ATTRIBUTE))?.is_some() {
            self.mark(&path.join(OsStr::from_bytes(OPAQUE)), metadata)?;
        }
        self.contents(path)
    }

    fn file(&mut self, path: PathBuf, source: &Path, metadata: &Metadata) -> io::Result<()> {
        if metadata.nlink() > 1 {
            let number = (metadata.dev(), metadata.ino());
            if let Some(first) = self.linked.get(&number) {
                let mut header = header(metadata, EntryType::Link);
                return self.builder.append_link(&mut header, path, first);
            }
            self.linked.insert(number, path.clone());
        }
        self.attributes(source)?;
        let mut header = header(metadata, EntryType::Regular);
        header.set_size(metadata.size());
        // Exactly as long as the header says, whatever happens to the file meanwhile.
        let content = File::open(source)?.take(metadata.size());
        self.builder.append_data(&mut header, path, content)
    }

    /// An empty file whose name says that something is taken away.
    fn mark(&mut self, path: &Path, metadata: &Metadata) -> io::Result<()> {
        let mut header = header(metadata, EntryType::Regular);
        header.set_mode(0o644);
        self.builder.append_data(&mut header, path, io::empty())
    }

    /// The attributes that belong to a file's content, as a record before its entry.
    fn attributes(&mut self, source: &Path) -> io::Result<()> {
        let mut records: Vec<(String, Vec<u8>)> = Vec::new();
        for name in extended_attributes(source)? {
            let Some(text) = name.to_str().filter(is_wanted) else { continue };
            if let Some(value) = extended_attribute(source, &name)? {
                records.push((format!("{ATTRIBUTE_RECORD}{text}"), value));
            }
        }
        if records.is_empty() {
            return Ok(());
        }
        records.sort_unstable();
        let records = records.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        self.builder.append_pax_extensions(records)
    }
}

fn header(metadata: &Metadata, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_metadata_in_mode(metadata, HeaderMode::Complete);
    header.set_mode(metadata.mode() & 0o7777);
    header.set_entry_type(kind);
    header.set_size(0);
    header
}

/// The names of the extended attributes of a file; none where its file system has none.
pub(crate) fn extended_attributes(path: &Path) -> io::Result<Vec<OsString>> {
    let mut names = vec![0; NAMES_LIMIT_BYTES];
    let length = match rustix::fs::llistxattr(path, &mut names) {
        Err(rustix::io::Errno::OPNOTSUPP) => 0,
        other => other?,
    };
    let names = names.get(..length).unwrap_or_default().split(|byte| *byte == 0);
    Ok(names
        .filter(|name| !name.is_empty())
        .map(|name| OsStr::from_bytes(name).to_owned())
        .collect())
}

/// The value of an attribute; `None` if it isn't there, or this user may not see it.
pub(crate) fn extended_attribute(path: &Path, name: &OsStr) -> io::Result<Option<Vec<u8>>> {
    use rustix::io::Errno;
    let mut value = vec![0; VALUE_LIMIT_BYTES];
    match rustix::fs::lgetxattr(path, name, &mut value) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::PERM | Errno::ACCESS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
