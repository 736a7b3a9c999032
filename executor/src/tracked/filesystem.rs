//! The FUSE requests of one mount, answered from what is served.
//!
//! Three things make a second look cost nothing and a first look cost little: the kernel keeps every answer (nothing
//! here expires), files and directories are opened without asking (the first open is answered "not implemented", which the kernel
//! takes as leave), and listings do not look their names up (no READDIRPLUS). What is noted as read is decided in
//! `lookup` and `reading`; this file only speaks the protocol.

use super::nodes::{ROOT_NUMBER, Shown, number_of};
use super::reading::Piece;
use super::replies::{
    BLOCK_BYTES, FOREVER, NAME_BYTES, attributes, error_number, file_type, tell_attributes,
    tell_bytes,
};
use super::served::{Looked, Served};
use fuser::{
    Errno, FileHandle, FileType, Filesystem, Generation, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, Request,
};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// Requests of read-ahead that may be under way.
const MOST_BACKGROUND_REQUESTS: u16 = 64;

/// What `fuser` calls.
#[derive(Debug)]
pub(super) struct TrackedFilesystem {
    served: Arc<Served>,
}

impl TrackedFilesystem {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

impl Filesystem for TrackedFilesystem {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted = InitFlags::FUSE_CACHE_SYMLINKS
            | InitFlags::FUSE_PARALLEL_DIROPS
            | InitFlags::FUSE_NO_OPEN_SUPPORT
            | InitFlags::FUSE_NO_OPENDIR_SUPPORT;
        let offered = config.capabilities() & wanted;
        if config.add_capabilities(offered).is_err()
            || config.set_max_background(MOST_BACKGROUND_REQUESTS).is_err()
        {
            return Err(io::Error::other("the kernel takes back what it offered"));
        }
        let zero_message_opens =
            InitFlags::FUSE_NO_OPEN_SUPPORT | InitFlags::FUSE_NO_OPENDIR_SUPPORT;
        if offered.contains(zero_message_opens) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::Unsupported, "the kernel is older than Linux 5.1"))
    }

    fn lookup(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.served.wakefulness.question();
        match self.served.look_up(request.pid(), parent.0, name.as_bytes()) {
            // The kernel looks for it in the mount below.
            Ok(Looked::Node(node)) if node.is_file() && self.served.is_beside(&node) => {
                reply.entry(&FOREVER, &attributes(0, &Shown::MADE_UP_DIRECTORY), Generation(0));
            }
            Ok(Looked::Node(node)) => {
                reply.entry(
                    &FOREVER,
                    &attributes(node.number, &node.resolved.shown),
                    Generation(0),
                );
            }
            Ok(Looked::Absent) => {
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

    fn readlink(&self, request: &Request, number: INodeNo, reply: ReplyData) {
        match self
            .served
            .node(number.0)
            .and_then(|node| self.served.link_target(request.pid(), &node))
        {
            Ok(target) => reply.data(&target),
            Err(error) => reply.error(error_number(&error)),
        }
    }

    fn open(&self, _request: &Request, _number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.error(Errno::ENOSYS);
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
        self.served.wakefulness.question();
        let piece = Piece { offset, size: size as usize };
        tell_bytes(&self.served, request, number, piece, reply);
    }

    fn opendir(&self, _request: &Request, _number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.error(Errno::ENOSYS);
    }

    fn readdir(
        &self,
        request: &Request,
        number: INodeNo,
        _handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        // The root's layers come and go unlisted: only their names, given to the mounter, lead in.
        if number.0 == ROOT_NUMBER {
            return reply.ok();
        }
        let listed = self
            .served
            .node(number.0)
            .and_then(|node| Ok((self.served.list(request.pid(), &node)?, node)));
        let (listing, node) = match listed {
            Ok(listed) => listed,
            Err(error) => return reply.error(error_number(&error)),
        };
        let itself = [(".", node.number), ("..", node.parent())];
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let mut position = start;
        for (name, number) in itself.iter().skip(start) {
            position += 1;
            if reply.add(INodeNo(*number), position as u64, FileType::Directory, *name) {
                return reply.ok();
            }
        }
        // By position, not by skipping: a large directory is asked for in a thousand pieces.
        let first = start.saturating_sub(itself.len());
        for entry in listing.entries().get(first..).unwrap_or_default() {
            position += 1;
            let number = INodeNo(number_of(node.number, &entry.name));
            let name = OsStr::from_bytes(&entry.name);
            if reply.add(number, position as u64, file_type(entry.kind), name) {
                break;
            }
        }
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
