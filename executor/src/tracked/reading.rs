//! How the inside of a node is given out: bytes of files, names in directories, targets of links.
//!
//! The first time is noted; what is given out later must be the same, or the change is noted. Does not know FUSE.

use super::answers;
use super::kind::Kind;
use super::listing::{ListedName, Listing};
use super::nodes::{Node, Shown};
use super::recorder::Given;
use super::repository::OpenedFile;
use super::served::{Looked, Served, stale};
use super::shape::{Shape, Source};
use super::stamp::now_nanoseconds;
use crate::read_set::{Question, Reader, TrackedPath};
use rustix::fs::Advice;
use rustix::io::Errno;
use std::io;
use std::num::NonZero;
use std::sync::Arc;

/// Files up to this size, in bytes, are hashed while they are given out; larger ones when the reads are taken.
const HASHED_AT_ONCE_BYTES: u64 = 16 * 1024;

/// Pieces from this size on, in bytes, belong to a file that is being read from start to end.
const LARGE_PIECE_BYTES: u64 = 64 * 1024;

/// How far, in bytes, the disk is kept ahead of the copying.
const FETCHED_AHEAD_BYTES: u64 = 4 * 1024 * 1024;

/// Which bytes of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) size: usize,
}

/// Bytes that were read, and when the reading began, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Read<'bytes> {
    offset: u64,
    bytes: &'bytes [u8],
    start: i64,
}

/// Bytes that are to be given out and then noted.
#[derive(Debug)]
pub(super) struct Reading<'bytes> {
    opened: Arc<OpenedFile>,
    read: Read<'bytes>,
    /// Nobody where that this file was read is noted already.
    reader: Option<Reader>,
}

impl Reading<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        self.read.bytes
    }
}

impl Served {
    /// Reads into the start of `buffer`, which grows as needed; fewer bytes than `size` at the end. Whoever gives them out notes it
    /// ([`Self::note_reading`]), then or right after.
    pub(super) fn read<'buffer>(
        &self,
        pid: u32,
        node: &Node,
        piece: Piece,
        buffer: &'buffer mut Vec<u8>,
    ) -> io::Result<Reading<'buffer>> {
        let source = only_source(node)?;
        let start = now_nanoseconds();
        let opened = self.opened(pid, node, &source.path)?;
        fetch_ahead(&opened, piece);
        let bytes = fill(&opened, piece, buffer)?;
        let end = piece.offset.saturating_add(bytes.len() as u64);
        if piece.offset > 0 || end < opened.facts.stamp.size {
            self.open_files.keep(node.number, &opened);
        }
        let noted = node.inside().content;
        // Before it is answered: a process may be gone then.
        let reader = (noted != Some(opened.facts.stamp)).then(|| self.recorder.reader(pid));
        Ok(Reading { opened, read: Read { offset: piece.offset, bytes, start }, reader })
    }

    /// Notes what was read.
    pub(super) fn note_reading(&self, node: &Node, reading: Reading<'_>) {
        if let Some(reader) = reading.reader {
            self.note_content(reader, node, &reading.opened, reading.read);
        }
    }

    /// Opens a file whose bytes will be read without further questions, which counts as reading it.
    pub(super) fn open_for_reading(&self, pid: u32, node: &Node) -> io::Result<Arc<OpenedFile>> {
        let start = now_nanoseconds();
        let opened = self.opened(pid, node, &only_source(node)?.path)?;
        let reader = self.recorder.reader(pid);
        self.note_content(reader, node, &opened, Read { offset: 0, bytes: &[], start });
        Ok(opened)
    }

    /// The file, open; a file read in pieces stays open between them.
    fn opened(&self, pid: u32, node: &Node, path: &TrackedPath) -> io::Result<Arc<OpenedFile>> {
        if let Some(opened) = self.open_files.get(node.number) {
            return Ok(opened);
        }
        let opened = self.nearby.open_file(path).inspect_err(|error| {
            self.recorder.note_error(pid, path, Question::Content, error);
        })?;
        match opened {
            Some(opened) if opened.facts.kind == Kind::File => Ok(Arc::new(opened)),
            Some(_) | None => {
                self.recorder.note_unstable(pid, path, Question::Content);
                Err(stale())
            }
        }
    }

    /// Notes the first reading of a file; at later ones, whether it is still the same file.
    fn note_content(&self, reader: Reader, node: &Node, opened: &OpenedFile, read: Read<'_>) {
        let Ok(Source { path, .. }) = only_source(node) else { return };
        let stamp = opened.facts.stamp;
        let first = node.inside().content.replace(stamp);
        let given = match first {
            Some(first) if first == stamp => return,
            None if Shown::of(&opened.facts).is_same_answer(&node.resolved.shown) => {
                self.content_given(path, opened, read)
            }
            Some(_) | None => Given::Digest(answers::unstable()),
        };
        self.recorder.note_of(reader, path, Question::Content, given);
    }

    /// What a first reading gave out: hashed now if it is all there or could change unseen, else later.
    fn content_given(&self, path: &TrackedPath, opened: &OpenedFile, read: Read<'_>) -> Given {
        let stamp = opened.facts.stamp;
        let settled = stamp.is_settled(read.start);
        let whole = read.offset == 0 && read.bytes.len() as u64 == stamp.size;
        if whole && stamp.size <= HASHED_AT_ONCE_BYTES {
            let digest = answers::content(opened.facts.mode(), &blake3::hash(read.bytes));
            if settled {
                self.repository.stat_cache.put(path, &stamp, &digest);
            }
            return Given::Digest(digest);
        }
        if settled {
            return Given::FileOf(stamp);
        }
        match self.repository.content_answer(path) {
            Ok((digest, Some(hashed))) if hashed == stamp => Given::Digest(digest),
            Ok(_) | Err(_) => Given::Digest(answers::unstable()),
        }
    }

    /// The names in a directory, the same at every call.
    pub(super) fn list(&self, pid: u32, node: &Node) -> io::Result<Arc<Listing>> {
        let mut inside = node.inside();
        if let Some(listing) = &inside.listing {
            return Ok(Arc::clone(listing));
        }
        let mut listings = Vec::new();
        if let Some(shape) = &node.resolved.shape {
            listings.push(self.list_entries(pid, node, shape)?);
        }
        for source in &node.resolved.sources {
            listings.push(self.list_source(pid, source)?);
        }
        let listing = match <[Listing; 1]>::try_from(listings) {
            Ok([only]) => only,
            Err(listings) => Listing::merged(listings),
        };
        let listing = Arc::new(listing);
        inside.listing = Some(Arc::clone(&listing));
        Ok(listing)
    }

    /// Names that stand in a layer because entries are there or below.
    fn list_entries(&self, pid: u32, node: &Node, shape: &Shape) -> io::Result<Listing> {
        let mut names = Vec::new();
        for name in shape.children.keys() {
            if let Looked::Node(child) = self.look_up(pid, node.number, name)? {
                names.push(ListedName {
                    name: name.as_slice().into(),
                    kind: child.resolved.shown.kind,
                });
            }
        }
        Ok(Listing::new(names))
    }

    fn list_source(&self, pid: u32, source: &Source) -> io::Result<Listing> {
        let listed = self
            .repository
            .open_inside(&source.path, Kind::Directory)
            .and_then(|opened| opened.map(|opened| self.repository.list(&opened)).transpose());
        match listed {
            Ok(Some(listing)) => {
                let digest = answers::listing(&listing);
                self.recorder.note(pid, &source.path, Question::Listing, Given::Digest(digest));
                Ok(listing)
            }
            Ok(None) => {
                self.recorder.note_unstable(pid, &source.path, Question::Listing);
                Err(stale())
            }
            Err(error) => {
                self.recorder.note_error(pid, &source.path, Question::Listing, &error);
                Err(error)
            }
        }
    }

    /// Where a link points, the same at every call.
    pub(super) fn link_target(&self, pid: u32, node: &Node) -> io::Result<Arc<[u8]>> {
        let mut inside = node.inside();
        if let Some(target) = &inside.target {
            return Ok(Arc::clone(target));
        }
        let path = &only_source(node)?.path;
        let target = self.repository.link_target(path).inspect_err(|error| {
            self.recorder.note_error(pid, path, Question::Link, error);
        })?;
        let Some(target) = target else {
            self.recorder.note_unstable(pid, path, Question::Link);
            return Err(stale());
        };
        self.recorder.note(pid, path, Question::Link, Given::Digest(answers::link(&target)));
        let target: Arc<[u8]> = target.into();
        inside.target = Some(Arc::clone(&target));
        Ok(target)
    }
}

fn only_source(node: &Node) -> io::Result<&Source> {
    node.resolved.sources.first().ok_or_else(stale)
}

/// Starts to fetch from the disk what will be asked for next, while this piece is copied.
fn fetch_ahead(opened: &OpenedFile, piece: Piece) {
    let Some(length) =
        NonZero::new(piece.size as u64).filter(|size| size.get() >= LARGE_PIECE_BYTES)
    else {
        return;
    };
    let end = piece.offset.saturating_add(length.get());
    let (start, length) = if piece.offset == 0 {
        (end, length.saturating_add(FETCHED_AHEAD_BYTES))
    } else {
        (end.saturating_add(FETCHED_AHEAD_BYTES), length)
    };
    if start < opened.facts.stamp.size {
        // Only speed depends on it.
        let _ = rustix::fs::fadvise(&opened.descriptor, start, Some(length), Advice::WillNeed);
    }
}

fn fill<'buffer>(
    opened: &OpenedFile,
    piece: Piece,
    buffer: &'buffer mut Vec<u8>,
) -> io::Result<&'buffer [u8]> {
    let remaining = opened.facts.stamp.size.saturating_sub(piece.offset);
    let wanted = piece.size.min(usize::try_from(remaining).unwrap_or(usize::MAX));
    if buffer.len() < wanted {
        buffer.resize(wanted, 0);
    }
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..wanted).filter(|free| !free.is_empty()) {
        match rustix::io::pread(&opened.descriptor, free, piece.offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}
