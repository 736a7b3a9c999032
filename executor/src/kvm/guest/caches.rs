//! The caches of one life of a guest: opened when a command needs them, sent as an archive where the guest has another
//! version, taken back when a step changed them.
//!
//! A version is one directory with one archive, which only guests look into: nothing of what they send is unpacked on the
//! host. So these caches are others than those of machines of namespaces, which are directories.

use crate::agent::guest::PIECE_BYTES;
use crate::agent::protocol::{CachePlace, CacheRequest, GuestCache, Reply, Request};
use crate::asking::Question;
use crate::backend::{BackendError, CacheMount, KeptCaches};
use crate::caches::CacheName;
use crate::caches::{CacheUse, Caches};
use crate::kvm::Secrecy;
use crate::overlay::failure::{Doing, unexpected};
use crate::sealing::{Key, OwnerKey, StreamReader, StreamWriter, is_stream};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The archive in the directory of a version.
const ARCHIVE: &str = "files.tar";

/// Most bytes of one. Guests are not trusted to come to an end.
const MOST_BYTES: u64 = 64 << 30;

/// Ends the name of the image, for whoever lists caches.
const KIND: &str = " (virtual machines)";

#[derive(Debug)]
struct Open {
    mount: CacheMount,
    used: CacheUse,
}

/// See the module.
#[derive(Debug)]
pub(super) struct LifeCaches {
    caches: Caches,
    owner_key: OwnerKey,
    open: Vec<Open>,
}

impl LifeCaches {
    pub(super) fn new(caches: Caches, owner_key: OwnerKey) -> Self {
        Self { caches, owner_key, open: Vec::new() }
    }

    /// Whether one of these is encrypted: it may hold a secret.
    pub(super) fn are_secret(&mut self, mounts: &[CacheMount]) -> Result<bool, BackendError> {
        for mount in mounts {
            let (_, archive) = self.opened(mount)?.version();
            if is_sealed(&archive) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Has the guest show these. Those that can't be deciphered begin empty, which is told.
    pub(super) fn show(
        &mut self,
        mounts: &[CacheMount],
        ask: &mut Question<'_>,
    ) -> Result<Vec<String>, BackendError> {
        let mut notes = Vec::new();
        for mount in mounts {
            let owner_key = self.owner_key.clone();
            let open = self.opened(mount)?;
            let ((version, archive), path) = (open.version(), &mount.name.path);
            let place =
                CachePlace { path: path.clone(), owner: mount.owner.clone(), layers: Vec::new() };
            let cache = GuestCache { place, version };
            match ask(&Request::Cache(CacheRequest::Show(cache.clone())))? {
                Reply::Done => continue,
                Reply::CacheWanted => {}
                other => return Err(unexpected(other)),
            }
            match Archive::of(archive, &owner_key) {
                Ok(archive) => {
                    archive.send(ask).doing(|| format!("read the cache `{path}`"))??;
                    done(ask(&Request::Cache(CacheRequest::Fill(cache)))?)?;
                }
                Err(reason) => {
                    notes.push(format!("the cache `{path}` begins empty: {reason}\n"));
                    let empty = GuestCache { version: String::new(), ..cache };
                    done(ask(&Request::Cache(CacheRequest::Show(empty)))?)?;
                }
            }
        }
        Ok(notes)
    }

    fn opened(&mut self, mount: &CacheMount) -> Result<&mut Open, BackendError> {
        let position = self.open.iter().position(|open| open.mount.name == mount.name);
        let position = match position {
            Some(position) => position,
            None => {
                let CacheName { image, .. } = &mount.name;
                let name = CacheName { image: format!("{image}{KIND}"), ..mount.name.clone() };
                let used = self.caches.open(&name);
                let used = used.doing(|| format!("open the cache `{}`", mount.name.path))?;
                self.open.push(Open { mount: mount.clone(), used });
                self.open.len() - 1
            }
        };
        let gone = || BackendError::Unavailable("a cache is gone".to_owned());
        self.open.get_mut(position).ok_or_else(gone)
    }

    /// Takes what steps changed in them, encrypted if the machine has heard a secret; nothing then if there is no key.
    pub(super) fn keep(
        &mut self,
        secrecy: &Secrecy,
        ask: &mut Question<'_>,
    ) -> Result<KeptCaches, BackendError> {
        let mut kept = KeptCaches::default();
        let key = match secrecy {
            Secrecy::Open => None,
            Secrecy::Sealed(_) => match self.owner_key.made() {
                Ok(key) => Some(key),
                Err(_) => return Ok(kept),
            },
        };
        for Open { mount, used } in &mut self.open {
            let path = mount.name.path.clone();
            match ask(&Request::Cache(CacheRequest::Pack { path: path.clone() }))? {
                Reply::Unchanged => continue,
                Reply::Alive(names) => {
                    kept.alive.extend(names);
                    continue;
                }
                Reply::Done => {}
                other => return Err(unexpected(other)),
            }
            let layer = used.new_layer().doing(|| "make room in a cache".to_owned())?;
            let bytes = take(&layer, key.as_ref(), ask)?;
            used.replace(&layer, bytes);
            kept.publications.push(used.publication());
            let version = name_of(&layer);
            done(ask(&Request::Cache(CacheRequest::Kept { path, version }))?)?;
        }
        Ok(kept)
    }
}

impl Open {
    /// The name of the version, empty if there is none, and its archive.
    fn version(&self) -> (String, PathBuf) {
        let layer = self.used.layers().pop().unwrap_or_default();
        let archive = layer.join(ARCHIVE);
        if archive.is_file() { (name_of(&layer), archive) } else { (String::new(), archive) }
    }
}

fn name_of(layer: &Path) -> String {
    layer.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn done(reply: Reply) -> Result<(), BackendError> {
    match reply {
        Reply::Done => Ok(()),
        other => Err(unexpected(other)),
    }
}

/// Whether an archive is encrypted. One that isn't there is not.
fn is_sealed(archive: &Path) -> bool {
    let mut beginning = [0; 8];
    let read = File::open(archive).and_then(|mut file| file.read_exact(&mut beginning));
    read.is_ok() && is_stream(&beginning)
}

/// An archive of a version.
enum Archive {
    Open(PathBuf),
    Sealed(PathBuf, Key),
}

impl Archive {
    /// One that can be read to its end, or why not.
    fn of(path: PathBuf, owner_key: &OwnerKey) -> Result<Self, String> {
        if !is_sealed(&path) {
            return Ok(Self::Open(path));
        }
        let archive = Self::Sealed(path, owner_key.read().map_err(|error| error.to_string())?);
        archive.each_piece(|_| Ok(())).map_err(|error| error.to_string())?;
        Ok(archive)
    }

    fn each_piece(&self, mut take: impl FnMut(Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Open(path) => {
                let mut archive = File::open(path)?;
                loop {
                    let mut piece = Vec::new();
                    (&mut archive).take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
                    if piece.is_empty() {
                        return Ok(());
                    }
                    take(piece)?;
                }
            }
            Self::Sealed(path, key) => {
                let mut archive = StreamReader::open(BufReader::new(File::open(path)?), key)?;
                while let Some(piece) = archive.next_piece()? {
                    if !piece.is_empty() {
                        take(piece)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Sends it to the guest; what is inside of the answer is the guest's failure.
    fn send(&self, ask: &mut Question<'_>) -> io::Result<Result<(), BackendError>> {
        let mut answered = Ok(());
        let sent = self.each_piece(|piece| {
            answered = ask(&Request::Cache(CacheRequest::Receive(piece))).and_then(done);
            if answered.is_err() { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
        });
        if answered.is_err() {
            return Ok(answered);
        }
        sent.map(Ok)
    }
}

/// An archive that a guest sends.
enum Taken {
    Open(File),
    Sealed(StreamWriter<File>),
}

impl Taken {
    fn begin(file: File, key: Option<&Key>) -> io::Result<Self> {
        match key {
            None => Ok(Self::Open(file)),
            Some(key) => StreamWriter::begin(file, key).map(Self::Sealed),
        }
    }

    fn add(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::Open(file) => file.write_all(piece),
            Self::Sealed(writer) => writer.add(piece),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Open(_) => Ok(()),
            Self::Sealed(writer) => writer.finish().map(drop),
        }
    }
}

/// A new file for its owner alone.
fn new_archive(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes what the guest packed into the directory of a new version; how many bytes that are.
fn take(layer: &Path, key: Option<&Key>, ask: &mut Question<'_>) -> Result<u64, BackendError> {
    let action = || format!("write {}", layer.display());
    fs::create_dir(layer).doing(action)?;
    let archive = new_archive(&layer.join(ARCHIVE));
    let mut archive = archive.and_then(|file| Taken::begin(file, key)).doing(action)?;
    let mut bytes = 0;
    loop {
        match ask(&Request::Cache(CacheRequest::Send))? {
            Reply::CachePiece(piece) if piece.is_empty() => {
                archive.finish().doing(action)?;
                return Ok(bytes);
            }
            Reply::CachePiece(piece) => {
                bytes += piece.len() as u64;
                if bytes > MOST_BYTES {
                    return Err(BackendError::Refused(format!(
                        "a cache of a virtual machine has more than {} GiB",
                        MOST_BYTES >> 30
                    )));
                }
                archive.add(&piece).doing(action)?;
            }
            other => return Err(unexpected(other)),
        }
    }
}
