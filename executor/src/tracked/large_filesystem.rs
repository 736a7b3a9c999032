//! The FUSE requests of the mount for large files: lookups, and opens that hand the file on disk to the kernel.
//!
//! Its answer to an open is a file that the kernel reads itself from then on (FUSE passthrough), for which the server must be
//! the machine's administrator; where the kernel refuses (a file system that is itself stacked, a container), it gives the
//! bytes out as the other mount does. What is noted as read is decided in `lookup` and `reading`.

use super::nodes::Shown;
use super::reading::Piece;
use super::replies::{
    BLOCK_BYTES, FOREVER, NAME_BYTES, attributes, error_number, tell_attributes, tell_bytes,
};
use super::served::{Looked, Served};
use fuser::{
    BackingId, Errno, FileHandle, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, Request,
};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, PoisonError};

/// File systems between this mount and the disk. The machine's overlay is the second, and Linux stacks two.
const STACKED_BELOW: u32 = 1;

/// Files handed to the kernel at once; the kernel holds each open for as long as the mount lives.
const MOST_HANDED_OVER: usize = 4096;

/// How the bytes of a file get to its readers. All openings of a file must go the same way.
#[derive(Debug)]
enum Way {
    /// The kernel reads them.
    HandedOver(BackingId),
    /// They are asked for here.
    Served,
}

/// What `fuser` calls.
#[derive(Debug)]
pub(super) struct LargeFilesystem {
    served: Arc<Served>,
    /// By node number.
    ways: Mutex<HashMap<u64, Way>>,
}

impl LargeFilesystem {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served, ways: Mutex::default() }
    }

    /// Notes that a file is read, and opens it.
    fn open_noted(&self, pid: u32, number: u64, reply: &ReplyOpen) -> io::Result<Way> {
        let node = self.served.node(number)?;
        let opened = self.served.open_for_reading(pid, &node)?;
        let backing = reply.open_backing(&opened.descriptor);
        Ok(backing.map_or(Way::Served, Way::HandedOver))
    }
}

impl Filesystem for LargeFilesystem {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted = InitFlags::FUSE_PASSTHROUGH | InitFlags::FUSE_NO_OPENDIR_SUPPORT;
        let asked = config.add_capabilities(wanted).is_ok()
            && config.set_max_stack_depth(STACKED_BELOW).is_ok();
        let text = "the kernel hands no files over (Linux 6.9 does)";
        if asked { Ok(()) } else { Err(io::Error::new(io::ErrorKind::Unsupported, text)) }
    }

    fn lookup(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let looked = self.served.look_up_beside(request.pid(), parent.0, name.as_bytes());
        match looked {
            Ok(Looked::Node(node)) if self.served.is_beside(&node) => {
                let shown = attributes(node.number, &node.resolved.shown);
                reply.entry(&FOREVER, &shown, Generation(0));
            }
            Ok(Looked::Node(_) | Looked::Absent) => {
                reply.entry(&FOREVER, &attributes(0, &Shown::MADE_UP_DIRECTORY), Generation(0));
            }
            Ok(Looked::AbsentYet) => reply.error(Errno::ENOENT),
            Err(error) => reply.error(error_number(&error)),
        }
    }

    fn getattr(
        &self,
        _request: &Request,
        number: INodeNo,
        _handle: Option<FileHandle>,
        reply: ReplyAttr,
    ) {
        tell_attributes(&self.served, number, reply);
    }

    fn open(&self, request: &Request, number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        if !ways.contains_key(&number.0) {
            let way = match self.open_noted(request.pid(), number.0, &reply) {
                Ok(Way::HandedOver(_)) if ways.len() >= MOST_HANDED_OVER => Way::Served,
                Ok(way) => way,
                Err(error) => return reply.error(error_number(&error)),
            };
            ways.insert(number.0, way);
        }
        match ways.get(&number.0) {
            Some(Way::HandedOver(backing)) => {
                reply.opened_passthrough(FileHandle(0), FopenFlags::empty(), backing);
            }
            Some(Way::Served) | None => {
                reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
            }
        }
    }

    fn read(
        &self,
        request: &Request,
        number: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let piece = Piece { offset, size: size as usize };
        tell_bytes(&self.served, request, number, piece, reply);
    }

    fn opendir(&self, _request: &Request, _number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.error(Errno::ENOSYS);
    }

    /// All names are listed by the mount above.
    fn readdir(
        &self,
        _request: &Request,
        _number: INodeNo,
        _handle: FileHandle,
        _offset: u64,
        reply: ReplyDirectory,
    ) {
        reply.ok();
    }

    fn statfs(&self, _request: &Request, _number: INodeNo, reply: ReplyStatfs) {
        reply.statfs(0, 0, 0, 0, 0, BLOCK_BYTES, NAME_BYTES, BLOCK_BYTES);
    }

    fn flush(
        &self,
        _request: &Request,
        _number: INodeNo,
        _handle: FileHandle,
        _owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        reply.error(Errno::ENOSYS);
    }
}
