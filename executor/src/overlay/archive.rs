//! Unpacking the archive of a root file system, compressed or not: finds out how, and has a program undo it.

use super::failure::Doing;
use super::identities::program;
use crate::archive::{self, Meaning, Ownership};
use crate::backend::BackendError;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Most padding after an archive's end: `tar` fills up records of at most 512 blocks of 512 bytes, some pad to more.
const PADDING_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes at the beginning of an archive that tell how it is compressed, with the program that undoes it.
const COMPRESSIONS: [(&[u8], &str); 4] = [
    (&[0x1f, 0x8b], "gzip"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "xz"),
    (b"BZh", "bzip2"),
];

/// Unpacks the archive at `path` into `target`, which exists and is empty.
pub(crate) fn unpack(path: &Path, target: &Path, ownership: Ownership) -> Result<(), BackendError> {
    let action = || format!("unpack {}", path.display());
    let mut file = File::open(path).doing(action)?;
    let mut beginning = [0; 6];
    let length = file.read(&mut beginning).doing(action)?;
    file.rewind().doing(action)?;
    let known = beginning.get(..length).unwrap_or_default();
    match COMPRESSIONS.iter().find(|(magic, _)| known.starts_with(magic)) {
        None => tree(file, target, ownership).doing(action),
        Some((_, name)) => {
            let mut helper = decompress(name, file)?;
            let mut output =
                helper.stdout.take().ok_or_else(|| io::Error::other("no output")).doing(action)?;
            let unpacked = tree(&mut output, target, ownership)
                .and_then(|()| drain(&mut output))
                .doing(action);
            drop(output);
            let ended = helper.wait().doing(action)?;
            unpacked?;
            if ended.success() {
                Ok(())
            } else {
                Err(io::Error::other(format!("{name} failed: {ended}"))).doing(action)
            }
        }
    }
}

fn tree(source: impl Read, target: &Path, ownership: Ownership) -> io::Result<()> {
    archive::unpack(source, target, ownership, Meaning::Tree).map(|_| ())
}

/// Reads the padding after an archive's end: the program that writes it would otherwise be told that nobody listens.
fn drain(output: &mut impl Read) -> io::Result<()> {
    io::copy(&mut output.take(PADDING_LIMIT_BYTES), &mut io::sink()).map(|_| ())
}

fn decompress(name: &str, archive: File) -> Result<Child, BackendError> {
    if program(name).is_none() {
        return Err(BackendError::Unavailable(format!(
            "the archive is compressed with {name}, which is not installed; install it or give an uncompressed archive"
        )));
    }
    Command::new(name)
        .arg("-dc")
        .stdin(archive)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .doing(|| format!("run {name}"))
}
