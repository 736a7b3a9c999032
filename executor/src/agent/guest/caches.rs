//! Directories that outlive runs, in a virtual machine: each a directory of its own on the machine's disk, filled from an
//! archive that the executor sends, bound over the path of that name, packed again when a step changed it.
//!
//! So a machine that is kept has all of its caches in it, whatever becomes of them on the host. Knows versions by names
//! that the executor gives them.

use super::super::caches::prepare;
use super::super::failure::{Doing, Failure};
use super::super::layers::copy_attributes;
use super::super::open_files::{OpenFile, open_files};
use super::super::protocol::{CacheRequest, GuestCache, Reply};
use super::super::removal::remove_own_tree;
use crate::archive::{self, Meaning, Ownership};
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where their files are.
const PLACE: &str = "/var/lib/layerc/caches";

/// Most bytes of one piece of an archive.
pub(crate) const PIECE_BYTES: usize = 1 << 20;

/// Bytes read or written at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// One that is shown.
#[derive(Debug)]
struct Shown {
    cache: GuestCache,
    directory: PathBuf,
    /// What was in it when it had its version.
    mark: blake3::Hash,
}

/// All that were ever shown.
#[derive(Debug, Default)]
pub(super) struct GuestCaches {
    shown: Vec<Shown>,
    /// Directories made so far: names them.
    made: u32,
    /// What is being received or sent.
    archive: Option<File>,
    /// What the packed one had in it.
    packed: Option<blake3::Hash>,
}

impl GuestCaches {
    /// Does what is asked.
    pub(super) fn answer(&mut self, request: CacheRequest) -> Result<Reply, Failure> {
        match request {
            CacheRequest::Show(cache) => self.show(cache),
            CacheRequest::Receive(bytes) => {
                let action = || "receive a cache".to_owned();
                self.opened().doing(action)?.write_all(&bytes).doing(action)?;
                Ok(Reply::Done)
            }
            CacheRequest::Fill(cache) => {
                let archive = self.archive.take();
                self.fill(cache, archive)?;
                Ok(Reply::Done)
            }
            CacheRequest::Pack { path } => self.pack(&path),
            CacheRequest::Send => self.send(),
            CacheRequest::Kept { path, version } => {
                let packed = self.packed.take();
                if let (Some(shown), Some(mark)) = (self.of(&path), packed) {
                    shown.cache.version = version;
                    shown.mark = mark;
                }
                Ok(Reply::Done)
            }
        }
    }

    fn of(&mut self, path: &str) -> Option<&mut Shown> {
        self.shown.iter_mut().find(|shown| shown.cache.place.path == path)
    }

    /// Shows it if its files are here; a cache without a version has none.
    fn show(&mut self, cache: GuestCache) -> Result<Reply, Failure> {
        self.archive = None;
        match self.of(&cache.place.path) {
            Some(shown) if shown.cache.version == cache.version => {
                bind(&shown.directory, &target(&cache)?)?;
                Ok(Reply::Done)
            }
            _ if cache.version.is_empty() => {
                self.fill(cache, None)?;
                Ok(Reply::Done)
            }
            _ => Ok(Reply::CacheWanted),
        }
    }

    fn opened(&mut self) -> io::Result<&mut File> {
        if self.archive.is_none() {
            fs::create_dir_all(PLACE)?;
            let path = Path::new(PLACE).join("archive");
            let file =
                File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
            // Nobody else needs its name.
            fs::remove_file(&path)?;
            self.archive = Some(file);
        }
        self.archive.as_mut().ok_or_else(|| io::Error::other("no archive"))
    }

    /// Makes a new directory with what is in the archive and shows it, in place of what was shown there.
    fn fill(&mut self, cache: GuestCache, archive: Option<File>) -> Result<(), Failure> {
        let action = || format!("show the cached directory `{}`", cache.place.path);
        let path = cache.place.path.clone();
        if let Some(position) = self.shown.iter().position(|shown| shown.cache.place.path == path) {
            let old = self.shown.remove(position);
            // Processes that live on keep what they opened.
            let _not_mounted = unmount(&target(&cache)?, UnmountFlags::DETACH);
            remove_own_tree(&old.directory).doing(action)?;
        }
        let target = target(&cache)?;
        self.made += 1;
        let directory = Path::new(PLACE).join(self.made.to_string());
        fs::create_dir_all(&directory).doing(action)?;
        if let Some(mut archive) = archive {
            archive.rewind().doing(action)?;
            let archive = BufReader::with_capacity(BUFFER_BYTES, archive);
            archive::unpack(archive, &directory, Ownership::Kept, Meaning::Tree).doing(action)?;
        }
        copy_attributes(&fs::metadata(&target).doing(action)?, &directory)?;
        bind(&directory, &target)?;
        let mark = look(&directory).doing(action)?;
        self.shown.push(Shown { cache, directory, mark });
        Ok(())
    }

    /// Packs it if it is another one than its version.
    fn pack(&mut self, path: &str) -> Result<Reply, Failure> {
        let action = || format!("keep what was written to `{path}`");
        let Some(shown) = self.of(path) else { return Ok(Reply::Unchanged) };
        let directory = shown.directory.clone();
        let mark = look(&directory).doing(action)?;
        if mark == shown.mark {
            return Ok(Reply::Unchanged);
        }
        let writers = writers_below(&target(&shown.cache)?);
        if !writers.is_empty() {
            return Ok(Reply::Alive(writers));
        }
        self.archive = None;
        let mut output = BufWriter::with_capacity(BUFFER_BYTES, self.opened().doing(action)?);
        archive::pack(&directory, &mut output).and_then(|()| output.flush()).doing(action)?;
        drop(output);
        self.opened().and_then(|archive| archive.seek(SeekFrom::Start(0))).doing(action)?;
        self.packed = Some(mark);
        Ok(Reply::Done)
    }

    /// The next piece of what was packed; an empty one is the end.
    fn send(&mut self) -> Result<Reply, Failure> {
        let action = || "send a cache".to_owned();
        let mut piece = Vec::new();
        let archive = self.opened().doing(action)?;
        archive.take(PIECE_BYTES as u64).read_to_end(&mut piece).doing(action)?;
        if piece.is_empty() {
            self.archive = None;
        }
        Ok(Reply::CachePiece(piece))
    }
}

/// The directory that it is shown at, made if it is missing.
fn target(cache: &GuestCache) -> Result<PathBuf, Failure> {
    match prepare(&cache.place)? {
        Reply::Resolved { path, .. } => Ok(PathBuf::from(path)),
        _ => Err(Failure::Refused(format!("cannot find `{}`", cache.place.path))),
    }
}

/// Binds the directory over the other one, unless that is what is seen there: a COPY since may lie over it.
fn bind(directory: &Path, target: &Path) -> Result<(), Failure> {
    let action = || format!("show the cached directory `{}`", target.display());
    let number = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    if number(directory).doing(action)? == number(target).doing(action)? {
        return Ok(());
    }
    mount_bind(directory, target).doing(action)
}

/// A digest of what is in a directory: names, and all that changes with a file (its time of change does whatever else
/// does).
fn look(directory: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let mut entries: Vec<_> = fs::read_dir(&directory)?.collect::<Result<_, _>>()?;
        entries.sort_unstable_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let found = entry.metadata()?;
            hasher.update(entry.path().as_os_str().as_bytes()).update(&[0]);
            for number in
                [found.ino(), found.size(), u64::from(found.mode()), u64::from(found.uid())]
            {
                hasher.update(&number.to_le_bytes());
            }
            for number in [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()] {
                hasher.update(&number.to_le_bytes());
            }
            if found.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(hasher.finalize())
}

/// Names of processes that have a file below this directory open for writing: what is packed now could be half of it.
fn writers_below(directory: &Path) -> Vec<String> {
    let is_below = |open: &OpenFile| {
        fs::read_link(open.link()).is_ok_and(|to| to.starts_with(directory)) && is_for_writing(open)
    };
    let name = |open: OpenFile| {
        let name = fs::read_to_string(open.process.join("comm")).unwrap_or_default();
        name.trim().to_owned()
    };
    let names: BTreeSet<String> =
        open_files(Path::new("/proc")).filter(is_below).map(name).collect();
    names.into_iter().collect()
}

/// The lowest bits of a descriptor's flags say how it was opened: 0 is for reading.
fn is_for_writing(open: &OpenFile) -> bool {
    let place = open.process.join("fdinfo").join(&open.descriptor);
    let text = fs::read_to_string(place).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & 3 != 0)
}

#[cfg(test)]
mod tests {
    use super::{look, writers_below};
    use std::fs::{self, File};

    #[test]
    fn whatever_changes_in_a_directory_is_seen() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        let mut seen = vec![look(place.path()).unwrap()];
        let mut changed = |what: &str| {
            let now = look(place.path()).unwrap();
            assert!(!seen.contains(&now), "{what}");
            assert_eq!(now, look(place.path()).unwrap(), "{what}");
            seen.push(now);
        };
        fs::create_dir(path("below")).unwrap();
        changed("a directory");
        fs::write(path("below/file"), "1").unwrap();
        changed("a file");
        fs::rename(path("below/file"), path("below/other")).unwrap();
        changed("a name");
        fs::remove_file(path("below/other")).unwrap();
        changed("a removal");
    }

    #[test]
    fn who_writes_to_a_directory_is_named_and_who_reads_is_not() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        let writing = File::create(&path).unwrap();
        assert_eq!(writers_below(place.path()).len(), 1);
        drop(writing);
        let _reading = File::open(&path).unwrap();
        assert_eq!(writers_below(place.path()), Vec::<String>::new());
    }
}
