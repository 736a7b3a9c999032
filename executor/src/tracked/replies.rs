//! What the kernel is told of a node, whichever mount it asks: attributes, kinds, bytes, error numbers.
//!
//! Everything belongs to root; blocks and links are made up, so that they say nothing of the disk. Notes nothing.

use super::kind::Kind;
use super::nodes::{ROOT_NUMBER, Shown};
use super::reading::Piece;
use super::served::Served;
use fuser::{Errno, FileAttr, FileType, INodeNo, ReplyAttr, ReplyData, Request};
use std::cell::RefCell;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long the kernel may keep an answer: longer than any machine lives.
pub(super) const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Block size that `stat` recommends, in bytes.
pub(super) const BLOCK_BYTES: u32 = 4096;

/// Longest name, in bytes.
pub(super) const NAME_BYTES: u32 = 255;

thread_local! {
    /// Each serving thread's bytes between the file and the kernel.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Answers a `stat` with what the first lookup showed.
pub(super) fn tell_attributes(served: &Served, number: INodeNo, reply: ReplyAttr) {
    if number.0 == ROOT_NUMBER {
        return reply.attr(&FOREVER, &attributes(ROOT_NUMBER, &Shown::MADE_UP_DIRECTORY));
    }
    match served.node(number.0) {
        Ok(node) => reply.attr(&FOREVER, &attributes(node.number, &node.resolved.shown)),
        Err(error) => reply.error(error_number(&error)),
    }
}

/// Gives out a piece of a file, and then notes it: who waits for it does not wait for that.
pub(super) fn tell_bytes(
    served: &Served,
    request: &Request,
    number: INodeNo,
    piece: Piece,
    reply: ReplyData,
) {
    BUFFER.with_borrow_mut(|buffer| {
        let _under_way = served.recorder.under_way();
        let pid = request.pid();
        let read = served
            .node(number.0)
            .and_then(|node| Ok((served.read(pid, &node, piece, buffer)?, node)));
        match read {
            Ok((reading, node)) => {
                reply.data(reading.bytes());
                served.note_reading(&node, reading);
            }
            Err(error) => reply.error(error_number(&error)),
        }
    });
}

/// What `stat` shows of a node.
pub(super) fn attributes(number: u64, shown: &Shown) -> FileAttr {
    let modified = system_time(shown.modified_nanoseconds);
    FileAttr {
        ino: INodeNo(number),
        size: shown.size,
        blocks: shown.size.div_ceil(512),
        atime: modified,
        mtime: modified,
        ctime: modified,
        crtime: modified,
        kind: file_type(shown.kind),
        perm: shown.mode,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK_BYTES,
        flags: 0,
    }
}

fn system_time(nanoseconds: i64) -> SystemTime {
    let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
    if nanoseconds < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}

/// A kind in the protocol's words.
pub(super) fn file_type(kind: Kind) -> FileType {
    match kind {
        Kind::File => FileType::RegularFile,
        Kind::Directory => FileType::Directory,
        Kind::Link => FileType::Symlink,
    }
}

/// An error in the protocol's words.
pub(super) fn error_number(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_i32)
}
