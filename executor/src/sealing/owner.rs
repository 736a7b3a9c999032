//! The key of the store's owner: a file that he alone can read, made when it is first needed. Without it what was encrypted
//! can't be read by anybody, and is made again.

use super::key::{KEY_BYTES, Key};
use rustix::process::geteuid;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What the file begins with.
const HEADING: &str = "layerc store key 1";

/// Longest file that is read.
const MOST_BYTES: u64 = 256;

/// Bits of a mode that let others in.
const OTHERS: u32 = 0o077;

/// Where the key of the store's owner is, if anywhere. Read each time: it is needed seldom and lies nowhere meanwhile.
#[derive(Debug, Clone)]
pub struct OwnerKey(pub Option<PathBuf>);

impl OwnerKey {
    /// The key, made if it isn't there.
    ///
    /// # Errors
    /// When it can't be had, or isn't its owner's alone.
    pub fn made(&self) -> Result<Key, OwnerKeyError> {
        make_or_read(self.path()?)
    }

    /// The key, if it is there.
    ///
    /// # Errors
    /// When there is none, it can't be read, or isn't its owner's alone.
    pub fn read(&self) -> Result<Key, OwnerKeyError> {
        read(self.path()?)
    }

    fn path(&self) -> Result<&Path, OwnerKeyError> {
        self.0.as_deref().ok_or(OwnerKeyError::NoPlace)
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum OwnerKeyError {
    /// Nobody says where it is.
    #[error(
        "there is no place for the key of the store: set HOME, XDG_CONFIG_HOME or LAYERC_STORE_KEY"
    )]
    NoPlace,
    /// There is no such file.
    #[error("the key of the store, {}, is not there", path.display())]
    None {
        /// Where it would be.
        path: PathBuf,
    },
    /// It can't be read or made.
    #[error("cannot {action} the key of the store, {}: {source}", path.display())]
    File {
        /// Verb.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else could have read it, or written it.
    #[error(
        "{} could be read by others than its owner: `chmod 600` it if nobody did, else remove it and have a new one made",
        path.display()
    )]
    Exposed {
        /// Which.
        path: PathBuf,
    },
    /// It is something else.
    #[error("{} is no key of a store: its two lines are `{HEADING}` and 64 hexadecimal digits", path.display())]
    Other {
        /// Which.
        path: PathBuf,
    },
}

fn make_or_read(path: &Path) -> Result<Key, OwnerKeyError> {
    match read(path) {
        Err(OwnerKeyError::None { .. }) => {
            make(path).map_err(|source| OwnerKeyError::File {
                action: "make",
                path: path.to_owned(),
                source,
            })?;
            // That of whoever was first.
            read(path)
        }
        read => read,
    }
}

fn read(path: &Path) -> Result<Key, OwnerKeyError> {
    let failed = |source| OwnerKeyError::File { action: "read", path: path.to_owned(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OwnerKeyError::None { path: path.to_owned() });
        }
        opened => opened.map_err(failed)?,
    };
    let metadata = file.metadata().map_err(failed)?;
    let is_ours = [0, geteuid().as_raw()].contains(&metadata.uid());
    if !metadata.is_file() || !is_ours || metadata.mode() & OTHERS != 0 {
        return Err(OwnerKeyError::Exposed { path: path.to_owned() });
    }
    // As long as it will be, so that no copy is left behind when it grows.
    let mut text = Zeroizing::new(String::with_capacity(MOST_BYTES as usize));
    file.take(MOST_BYTES).read_to_string(&mut text).map_err(failed)?;
    parse(&text).ok_or_else(|| OwnerKeyError::Other { path: path.to_owned() })
}

fn parse(text: &str) -> Option<Key> {
    let digits = text.strip_prefix(HEADING)?.strip_prefix('\n')?.strip_suffix('\n')?.as_bytes();
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    if pairs.len() != KEY_BYTES {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |letter: &u8| {
            char::from(*letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
        };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(Key::of(bytes))
}

/// Whole or not at all: two who make it at once end up with the same one.
fn make(path: &Path) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let beside = directory.join(format!(".store-key-{}", crate::store::runs::fresh_name()));
    let made = write(&beside).and_then(|()| match fs::hard_link(&beside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    fs::remove_file(&beside)?;
    made?;
    File::open(directory)?.sync_all()
}

fn write(path: &Path) -> io::Result<()> {
    let key = Key::drawn()?;
    let mut text = Zeroizing::new(String::with_capacity(MOST_BYTES as usize));
    text.push_str(HEADING);
    text.push('\n');
    for byte in key.bytes() {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text.push('\n');
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_made_once_for_its_owner_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("new/layerc/store.key");
        assert!(matches!(read(&path), Err(OwnerKeyError::None { .. })));
        let keys: Vec<Key> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| make_or_read(&path).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(read(&path).unwrap(), keys[0]);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left");
        assert_eq!(format!("{:?}", keys[0]), "Key(…)");
    }

    #[test]
    fn what_others_could_read_or_is_no_key_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("key");
        make_or_read(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for other in [
            "",
            "layerc store key 1\n",
            &text[1..],
            &text[..text.len() - 2],
            &text.replace('1', "g"),
        ] {
            fs::write(&path, other).unwrap();
            assert!(matches!(make_or_read(&path), Err(OwnerKeyError::Other { .. })), "{other}");
        }
        fs::write(&path, &text).unwrap();
        read(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = read(&path).unwrap_err();
        assert!(refused.to_string().contains("chmod 600"), "{refused}");
    }
}
