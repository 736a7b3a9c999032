//! Unpacking a tar archive of a root file system, compressed or not.
//!
//! The archive is not trusted: every path is resolved by the kernel as if the target directory were `/`, so no link in
//! it leads outside; devices are left out; lengths and counts have limits.

use super::failure::Doing;
use super::identities::program;
use crate::backend::BackendError;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tar::{Archive, Entry, EntryType};

/// Entries unpacked at most: a large distribution has half a million files.
const ENTRY_LIMIT: usize = 5_000_000;

/// Most padding after an archive's end: `tar` fills up records of at most 512 blocks of 512 bytes, some pad to more.
const PADDING_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes at the beginning of an archive that tell how it is compressed, with the program that undoes it.
const COMPRESSIONS: [(&[u8], &str); 4] = [
    (&[0x1f, 0x8b], "gzip"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "xz"),
    (b"BZh", "bzip2"),
];

/// Who owns what is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    /// As in the archive.
    Kept,
    /// This user, who is the machine's root.
    Own,
}

/// Unpacks the archive at `path` into `target`, which exists and is empty.
pub(super) fn unpack(path: &Path, target: &Path, ownership: Ownership) -> Result<(), BackendError> {
    let action = || format!("unpack {}", path.display());
    let mut file = File::open(path).doing(action)?;
    let mut beginning = [0; 6];
    let length = file.read(&mut beginning).doing(action)?;
    file.rewind().doing(action)?;
    let known = beginning.get(..length).unwrap_or_default();
    let root =
        rustix::fs::open(target, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .doing(action)?;
    let unpacking = Unpacking { root, ownership };
    match COMPRESSIONS.iter().find(|(magic, _)| known.starts_with(magic)) {
        None => unpacking.all(file).doing(action),
        Some((_, name)) => {
            let mut helper = decompress(name, file)?;
            let mut output =
                helper.stdout.take().ok_or_else(|| io::Error::other("no output")).doing(action)?;
            let unpacked =
                unpacking.all(&mut output).and_then(|()| drain(&mut output)).doing(action);
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

struct Unpacking {
    root: OwnedFd,
    ownership: Ownership,
}

impl Unpacking {
    fn all(&self, source: impl Read) -> io::Result<()> {
        let mut archive = Archive::new(source);
        // Modes and times of directories come last: what is put into them changes the times, and may need the right to.
        let mut directories = Vec::new();
        for (count, entry) in archive.entries()?.enumerate() {
            if count >= ENTRY_LIMIT {
                return Err(io::Error::other(format!("it has more than {ENTRY_LIMIT} entries")));
            }
            let mut entry = entry?;
            let path = inside(&entry.path()?);
            let facts = Facts::of(&entry)?;
            match entry.header().entry_type() {
                EntryType::Directory => {
                    self.make_directories(&path)?;
                    directories.push((path, facts));
                }
                EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                    self.file(&path, &mut entry, facts)?;
                }
                EntryType::Symlink => self.link(&path, &entry, facts)?,
                EntryType::Link => self.hard_link(&path, &entry)?,
                // Devices, pipes and what this format does not know.
                _ => {}
            }
        }
        for (path, facts) in directories.into_iter().rev() {
            let directory = self.open(&path, OFlags::RDONLY | OFlags::DIRECTORY)?;
            self.apply(&directory, facts)?;
        }
        Ok(())
    }

    fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = flags | OFlags::CLOEXEC;
        Ok(rustix::fs::openat2(&self.root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?)
    }

    /// The directory that holds a path, made if missing, and the path's last name. What has the name already goes.
    fn place<'a>(&self, path: &'a Path) -> io::Result<Option<(OwnedFd, &'a std::ffi::OsStr)>> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
        self.make_directories(parent)?;
        let parent = self.open(parent, OFlags::PATH | OFlags::DIRECTORY)?;
        match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(Some((parent, name))),
            Err(rustix::io::Errno::ISDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn make_directories(&self, path: &Path) -> io::Result<()> {
        let mut made = PathBuf::new();
        for name in path.components() {
            let parent = self.open(&made, OFlags::PATH | OFlags::DIRECTORY)?;
            match rustix::fs::mkdirat(&parent, name.as_os_str(), Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            made.push(name);
        }
        Ok(())
    }

    fn file<R: Read>(&self, path: &Path, entry: &mut Entry<'_, R>, facts: Facts) -> io::Result<()> {
        let Some((parent, name)) = self.place(path)? else { return Ok(()) };
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let descriptor = rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(0o600))?;
        let mut file = File::from(descriptor);
        io::copy(entry, &mut file)?;
        file.flush()?;
        self.apply(&file, facts)
    }

    fn link<R: Read>(&self, path: &Path, entry: &Entry<'_, R>, facts: Facts) -> io::Result<()> {
        let Some((parent, name)) = self.place(path)? else { return Ok(()) };
        let Some(target) = entry.link_name()? else { return Ok(()) };
        rustix::fs::symlinkat(&*target, &parent, name)?;
        if self.ownership == Ownership::Kept {
            rustix::fs::chownat(
                &parent,
                name,
                Some(facts.user),
                Some(facts.group),
                AtFlags::SYMLINK_NOFOLLOW,
            )?;
        }
        Ok(())
    }

    fn hard_link<R: Read>(&self, path: &Path, entry: &Entry<'_, R>) -> io::Result<()> {
        let Some((parent, name)) = self.place(path)? else { return Ok(()) };
        let Some(target) = entry.link_name()? else { return Ok(()) };
        let target = inside(&target);
        let (Some(directory), Some(target_name)) = (target.parent(), target.file_name()) else {
            return Ok(());
        };
        let directory = self.open(directory, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(rustix::fs::linkat(&directory, target_name, &parent, name, AtFlags::empty())?)
    }

    /// Owner first: changing it clears set-user bits.
    fn apply(&self, descriptor: impl AsFd, facts: Facts) -> io::Result<()> {
        if self.ownership == Ownership::Kept {
            rustix::fs::fchown(&descriptor, Some(facts.user), Some(facts.group))?;
        }
        rustix::fs::fchmod(&descriptor, facts.mode)?;
        let moment = Timespec { tv_sec: facts.modified_seconds, tv_nsec: 0 };
        let times = Timestamps { last_access: moment, last_modification: moment };
        Ok(rustix::fs::futimens(&descriptor, &times)?)
    }
}

/// What an entry says about itself.
#[derive(Debug, Clone, Copy)]
struct Facts {
    mode: Mode,
    user: Uid,
    group: Gid,
    modified_seconds: i64,
}

impl Facts {
    fn of<R: Read>(entry: &Entry<'_, R>) -> io::Result<Self> {
        let header = entry.header();
        let number = |number: u64| {
            u32::try_from(number)
                .ok()
                .filter(|number| *number != u32::MAX)
                .ok_or_else(|| io::Error::other("a bad owner"))
        };
        Ok(Self {
            mode: Mode::from_raw_mode(header.mode()? & 0o7777),
            user: Uid::from_raw(number(header.uid()?)?),
            group: Gid::from_raw(number(header.gid()?)?),
            modified_seconds: i64::try_from(header.mtime()?).unwrap_or(0),
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tar::{Builder, Header};

    fn header(kind: EntryType, mode: u32, size: usize) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size as u64);
        header.set_uid(u64::from(rustix::process::getuid().as_raw()));
        header.set_gid(u64::from(rustix::process::getgid().as_raw()));
        header.set_mtime(1_000_000_000);
        header
    }

    fn add(builder: &mut Builder<File>, kind: EntryType, name: &str, link: &str, text: &str) {
        let mut header =
            header(kind, if kind == EntryType::Directory { 0o750 } else { 0o640 }, text.len());
        if !link.is_empty() {
            header.set_link_name_literal(link).unwrap();
        }
        // Written literally: the library itself would refuse `..`.
        let field = &mut header.as_mut_bytes()[..100];
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, text.as_bytes()).unwrap();
    }

    #[test]
    fn hostile_paths_stay_inside() {
        let directory = tempfile::tempdir().unwrap();
        let (archive, target, outside) = (
            directory.path().join("a.tar"),
            directory.path().join("target"),
            directory.path().join("outside"),
        );
        fs::create_dir(&target).unwrap();
        fs::create_dir(&outside).unwrap();
        let mut builder = Builder::new(File::create(&archive).unwrap());
        add(&mut builder, EntryType::Regular, "../../outside/a", "", "1");
        add(&mut builder, EntryType::Regular, "/absolute", "", "2");
        add(&mut builder, EntryType::Symlink, "up", "..", "");
        add(&mut builder, EntryType::Regular, "up/outside/b", "", "3");
        add(&mut builder, EntryType::Symlink, "abs", outside.to_str().unwrap(), "");
        add(&mut builder, EntryType::Symlink, "file", "/etc/passwd", "");
        add(&mut builder, EntryType::Regular, "file", "", "4");
        add(&mut builder, EntryType::Char, "device", "", "");
        add(&mut builder, EntryType::Directory, "closed", "", "");
        add(&mut builder, EntryType::Regular, "closed/x", "", "5");
        add(&mut builder, EntryType::Link, "hard", "closed/x", "");
        drop(builder.into_inner().unwrap());
        unpack(&archive, &target, Ownership::Kept).unwrap();
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        let read = |name: &str| fs::read_to_string(target.join(name)).unwrap();
        assert_eq!(
            [read("outside/a"), read("absolute"), read("outside/b"), read("file"), read("hard")]
                .concat(),
            "12345"
        );
        assert!(!target.join("device").exists());
        use std::os::unix::fs::MetadataExt;
        let closed = fs::metadata(target.join("closed")).unwrap();
        assert_eq!((closed.mode() & 0o7777, closed.mtime()), (0o750, 1_000_000_000));
    }
}
