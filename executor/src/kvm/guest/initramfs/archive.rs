//! The archive's bytes: cpio in the format "newc", which every kernel unpacks.
//!
//! Knows names, modes and bytes. Times and owners are 0, so that the same content gives the same bytes.

use cpio::newc::{Builder, trailer};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// The device that the kernel opens for its first program's input and output.
const CONSOLE: (&str, u32, u32) = ("dev/console", 5, 1);

const CHARACTER_DEVICE_MODE: u32 = 0o020_600;

/// An archive that is being written.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    names: BTreeSet<String>,
    entries: u32,
}

impl Archive {
    /// Adds an entry. `mode` has its kind too.
    pub(super) fn add(&mut self, name: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let entry = self.entry(name, mode);
        self.put(entry, content)
    }

    /// Adds a directory unless it is there.
    pub(super) fn add_once(&mut self, name: &str, mode: u32) -> io::Result<()> {
        if self.names.contains(name) {
            return Ok(());
        }
        self.add(name, mode, &[])
    }

    /// Adds the console.
    pub(super) fn add_console(&mut self) -> io::Result<()> {
        let (name, major, minor) = CONSOLE;
        let entry = self.entry(name, CHARACTER_DEVICE_MODE).rdev_major(major).rdev_minor(minor);
        self.put(entry, &[])
    }

    fn entry(&mut self, name: &str, mode: u32) -> Builder {
        self.entries += 1;
        self.names.insert(name.to_owned());
        Builder::new(name).ino(self.entries).mode(mode).nlink(1)
    }

    fn put(&mut self, entry: Builder, content: &[u8]) -> io::Result<()> {
        let length = u32::try_from(content.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a file of 4 GiB"))?;
        let mut writer = entry.write(&mut self.bytes, length);
        writer.write_all(content)?;
        writer.finish().map(|_| ())
    }

    /// The archive with its end.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        trailer(self.bytes)
    }
}
