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
use crate::overlay::failure::{Doing, unexpected};
use std::fs::{self, File};
use std::io::{Read, Write};
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
    open: Vec<Open>,
}

impl LifeCaches {
    pub(super) fn new(caches: Caches) -> Self {
        Self { caches, open: Vec::new() }
    }

    /// Has the guest show these.
    pub(super) fn show(
        &mut self,
        mounts: &[CacheMount],
        ask: &mut Question<'_>,
    ) -> Result<(), BackendError> {
        for mount in mounts {
            let open = self.opened(mount)?;
            let (version, archive) = open.version();
            let path = &mount.name.path;
            let place =
                CachePlace { path: path.clone(), owner: mount.owner.clone(), layers: Vec::new() };
            let cache = GuestCache { place, version };
            match ask(&Request::Cache(CacheRequest::Show(cache.clone())))? {
                Reply::Done => {}
                Reply::CacheWanted => {
                    send(&archive, ask).doing(|| format!("read the cache `{path}`"))??;
                    done(ask(&Request::Cache(CacheRequest::Fill(cache)))?)?;
                }
                other => return Err(unexpected(other)),
            }
        }
        Ok(())
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

    /// Takes what steps changed in them.
    pub(super) fn keep(&mut self, ask: &mut Question<'_>) -> Result<KeptCaches, BackendError> {
        let mut kept = KeptCaches::default();
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
            let bytes = take(&layer, ask)?;
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

fn send(archive: &Path, ask: &mut Question<'_>) -> std::io::Result<Result<(), BackendError>> {
    let mut archive = File::open(archive)?;
    loop {
        let mut piece = Vec::new();
        (&mut archive).take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok(Ok(()));
        }
        if let Err(error) = ask(&Request::Cache(CacheRequest::Receive(piece))).and_then(done) {
            return Ok(Err(error));
        }
    }
}

/// Writes what the guest packed into the directory of a new version; how many bytes that are.
fn take(layer: &Path, ask: &mut Question<'_>) -> Result<u64, BackendError> {
    let action = || format!("write {}", layer.display());
    fs::create_dir(layer).doing(action)?;
    let mut archive = File::create_new(layer.join(ARCHIVE)).doing(action)?;
    let mut bytes = 0;
    loop {
        match ask(&Request::Cache(CacheRequest::Send))? {
            Reply::CachePiece(piece) if piece.is_empty() => return Ok(bytes),
            Reply::CachePiece(piece) => {
                bytes += piece.len() as u64;
                if bytes > MOST_BYTES {
                    return Err(BackendError::Refused(format!(
                        "a cache of a virtual machine has more than {} GiB",
                        MOST_BYTES >> 30
                    )));
                }
                archive.write_all(&piece).doing(action)?;
            }
            other => return Err(unexpected(other)),
        }
    }
}
