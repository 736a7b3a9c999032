//! Opens the store's LMDB environment. Knows nothing of what is kept in it.

use heed::{Env, EnvOpenOptions, WithoutTls};
use std::path::Path;

/// Most threads, over all processes, that read one store at a time. LMDB's default of 126 is less than a few
/// runs with many runners each may need; a slot takes 64 bytes.
const MOST_READERS: u32 = 2048;

/// Opens or creates the environment in `directory`, which must be on a local file system and belong to the store
/// alone. `map_bytes` is address space, not disk: the file grows as needed.
///
/// # Errors
/// When the directory can't be used or the file in it is no LMDB environment.
pub(crate) fn open(directory: &Path, map_bytes: usize) -> heed::Result<Env<WithoutTls>> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(map_bytes).max_readers(MOST_READERS).max_dbs(0);
    // SAFETY: `open` requires that the mapped file isn't changed behind LMDB's back. The directory is made by the
    // store for this purpose, with mode 0700, and nothing else in this program opens files in it; other processes of
    // this program go through LMDB too, whose lock file (NO_LOCK isn't set) orders them. The store warns about
    // remote file systems, where that lock doesn't hold. Transactions are short, and a process that is killed in
    // one leaves a robust mutex and stale reader slots, which LMDB clears.
    unsafe { options.open(directory) }
}
