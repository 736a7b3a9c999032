//! What the executor and the guest agent say to each other: typed messages, each in a frame ([`super::frames`]).
//!
//! File descriptors never travel in here; a backend that can pass some does so beside the protocol.

pub(crate) use super::frames::receive_within;
pub use super::frames::{FRAME_LIMIT_BYTES, ProtocolError, receive, send};
use crate::archive::{Ownership, Unpacked};
use crate::backend::{Command, CommandEnd, Stream};
use crate::images::{PackOrder, Packed, UnpackOrder};
use crate::kvm::guest::DiskOrder;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::PathBuf;

/// Version of the messages. Both sides are the same program, so any difference is a mistake and refused.
pub const PROTOCOL_VERSION: u16 = 5;

/// Most output bytes in one frame.
pub const OUTPUT_CHUNK_BYTES: usize = 64 * 1024;

/// Names a command of a machine: counted up from 1 by the executor.
pub type CommandNumber = u32;

/// From the executor to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The first frame.
    Hello {
        /// [`PROTOCOL_VERSION`] of the sender.
        version: u16,
        /// What this agent is for.
        task: Task,
    },
    /// The user namespace's id maps are written.
    IdentitiesMapped,
    /// The handle of process 1 has arrived.
    Begin,
    /// What lies over the base, from now on. Takes effect when the root is mounted next.
    SetLayers(Vec<LayerPlace>),
    /// The descriptor that is passed along is the terminal of the next command.
    Terminal,
    /// The terminal of this name, which the machine made, is that of the next command in a virtual machine.
    TerminalAt(String),
    /// Run a command.
    Run(RunCommand),
    /// Lay files of the repository over the root.
    Copy {
        /// Directory at the root of the repository's mount.
        layer: String,
        /// What it shows.
        entries: Vec<LiveEntry>,
        /// As in [`LayerPlace::Tracked`].
        passages: Vec<String>,
    },
    /// Which directories at the root of the repository's mount has COPY shown so far, in a virtual machine?
    ShownLayers,
    /// Show today's repository in place of the one that a virtual machine saw in an earlier life.
    Renew(Renewal),
    /// Where does a COPY go?
    ResolveDestination(Destination),
    /// Move what was written to the caches to these new directories, one for each cache the machine knows.
    KeepCaches {
        /// Absolute paths; their parents exist.
        targets: Vec<String>,
    },
    /// Open the way to the machine's ports: a socket, passed right behind this, on which a [`PortRequest`] is answered
    /// with a [`PortReply`] while commands run.
    OpenPorts,
    /// Make some neighbouring layers, all of them stored, one layer in this new directory, and go on over that.
    Fold {
        /// Which, from the bottom.
        which: Range<usize>,
        /// Absolute path; its parent exists.
        target: String,
    },
    /// Make what was written a layer, in this new directory.
    Freeze {
        /// Absolute path; its parent exists.
        target: String,
    },
    /// Do something with a directory that outlives runs, in a virtual machine.
    Cache(CacheRequest),
    /// Say what came since the last request.
    Hear,
    /// The virtual machine goes on from a snapshot.
    Wake(Waking),
    /// End the virtual machine in order. Not answered: the machine is gone.
    PowerOff,
}

/// Today's repository, for a virtual machine in which COPY has shown another one. Paths are absolute machine paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// Directories at the root of the repository's mount: that of each COPY, and what takes its place.
    pub layers: Vec<(String, String)>,
    /// One more, with today's `changed` files at their machine paths.
    pub changed_layer: String,
    /// Files that the repository has changed since: shown again where a step wrote over them.
    pub changed: Vec<String>,
    /// Files that the repository had and has no more: removed where a step wrote over them.
    pub gone: Vec<String>,
}

/// What a virtual machine can't know when it goes on from a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waking {
    /// The time, in nanoseconds since 1970.
    pub wall_clock_nanoseconds: i64,
    /// Randomness of its own.
    pub randomness: [u8; 32],
}

/// What an agent is started for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Be a machine.
    Machine(MachineSetup),
    /// Be a virtual machine, booted already. Said again by whoever connects later.
    Guest(GuestSetup),
    /// Remove a directory whose owners only the machine's numbers know, then end.
    Remove {
        /// Absolute path.
        directory: String,
    },
    /// Unpack a layer of an image, then end.
    Unpack {
        /// What and where to.
        order: UnpackOrder,
        /// Whose the files become.
        ownership: Ownership,
    },
    /// Pack a directory as a layer of an image, then end.
    Pack {
        /// What and where to.
        order: PackOrder,
    },
    /// Make the disk of a virtual machine, then end.
    MakeDisk {
        /// Of what and where to.
        order: DiskOrder,
    },
}

/// What a machine is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSetup {
    /// Its name to itself.
    pub hostname: String,
    /// The store's directory.
    pub store_directory: String,
    /// A directory of its own in the store, empty.
    pub run_directory: String,
    /// Directories that make up the root, bottom first.
    pub base: Vec<String>,
    /// Directories of this machine that appear inside the root, each with layers of its own.
    pub parts: Vec<PartSetup>,
    /// Whether to mount the repository.
    pub tracked: TrackedFiles,
    /// What it reaches besides itself.
    pub network: Network,
    /// What it may take of the store's file system.
    pub disk: DiskLimits,
}

/// What a step may take of the store's file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskLimits {
    /// Bytes that it may write, if there is such a limit. Something is always left for others.
    pub most_bytes: Option<u64>,
}

/// What a virtual machine is told by whoever begins to speak with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestSetup {
    /// Its name to itself.
    pub hostname: String,
    /// Whether the repository comes through a device.
    pub tracked: TrackedFiles,
    /// Its way to other machines.
    pub network: Option<GuestNetwork>,
}

/// Addresses of a virtual machine's network card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestNetwork {
    /// Its own.
    pub address: Ipv4Addr,
    /// Bits of it that name the network.
    pub prefix: u8,
    /// Who leads on.
    pub gateway: Ipv4Addr,
    /// Who knows names.
    pub name_server: Ipv4Addr,
}

/// A machine's network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// Its own loopback interface.
    Loopback,
    /// That, and other machines through this program (pasta).
    Outbound {
        /// Absolute path.
        program: String,
    },
    /// The host's own network, loopback included.
    Host,
}

/// A directory of the base that comes from elsewhere than the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSetup {
    /// Path below the root, no leading slash.
    pub path: String,
    /// Directories that appear there, bottom first.
    pub sources: Vec<String>,
}

/// Whether a machine sees repository files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrackedFiles {
    /// Through a FUSE mount whose device goes to the executor.
    Mounted,
    /// The same, and through a second one for large files.
    MountedTwice,
    /// None.
    Absent,
}

/// Where a layer's files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerPlace {
    /// An overlay directory of the store.
    Stored(String),
    /// A directory at the root of the repository's mount.
    Tracked {
        /// Its name.
        name: String,
        /// Machine paths (no leading slash) of the directories that only lead to copied files or into which
        /// directories were merged: they keep the attributes they had.
        passages: Vec<String>,
    },
}

/// Something that a COPY shows, if it must be shown to processes that live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveEntry {
    /// Absolute, without links.
    pub machine_path: String,
    /// Whether it is a directory's contents.
    pub is_directory: bool,
}

impl LiveEntry {
    /// The path without its leading slash.
    pub fn below_root(&self) -> PathBuf {
        PathBuf::from(self.machine_path.trim_matches('/'))
    }
}

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCommand {
    /// Its number.
    pub number: CommandNumber,
    /// What to run. Its setup files are paths below the root of the repository's mount here.
    pub command: Command,
    /// How long a background command is watched.
    pub grace_milliseconds: u32,
    /// The machine's caches, those of earlier commands first.
    pub caches: Vec<CachePlace>,
}

/// A directory that outlives runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachePlace {
    /// Where it appears: absolute, or starting with `~`.
    pub path: String,
    /// Who owns it when it is new, and whose home `~` is.
    pub owner: String,
    /// Directories of the store it is made of when the machine sees it first, bottom first.
    pub layers: Vec<String>,
}

/// A directory that outlives runs, in a virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestCache {
    /// Where it appears; it is made of no directories of the store.
    pub place: CachePlace,
    /// Names what is in it. Empty where nothing was kept yet.
    pub version: String,
}

/// What is to be done with one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CacheRequest {
    /// Show it. Answered with [`Reply::CacheWanted`] where the machine has another version, or none.
    Show(GuestCache),
    /// The next piece of the archive of a version.
    Receive(Vec<u8>),
    /// That was all: show it with these files.
    Fill(GuestCache),
    /// Pack what is in it. Answered with [`Reply::Unchanged`] where that is its version, with [`Reply::Alive`] where
    /// processes write to it.
    Pack {
        /// Which, as it was written.
        path: String,
    },
    /// Give the next piece of what was packed, as [`Reply::CachePiece`].
    Send,
    /// What was packed is this version from now on.
    Kept {
        /// Which, as it was written.
        path: String,
        /// Its name.
        version: String,
    },
}

/// What became of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeptCache {
    /// Nothing was written to it.
    Unchanged,
    /// What was written is a new directory on top of the others.
    Added {
        /// On disk.
        bytes: u64,
    },
    /// The new directory has the files of all of them.
    Merged {
        /// On disk.
        bytes: u64,
    },
}

/// A COPY destination as written, and what it is relative to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// As written.
    pub destination: String,
    /// Absolute, or starting with `~`.
    pub workdir: String,
    /// Whose home `~` is.
    pub user: String,
}

/// From the agent to the executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The user namespace exists: write its maps.
    MapIdentities,
    /// The repository is mounted; the FUSE device was passed along.
    RepositoryMounted,
    /// The repository can't be mounted, and why. The machine goes on without.
    NoRepository(String),
    /// Process 1 of the machine exists; its handle was passed along.
    InitStarted,
    /// The machine can take commands.
    Ready {
        /// What the host did not allow.
        notes: Vec<String>,
    },
    /// Done, nothing to say.
    Done,
    /// The layer is unpacked.
    Unpacked(Unpacked),
    /// A directory was packed.
    Packed(Packed),
    /// A command wrote something. Comes before the answer of the request during which it was seen.
    Output {
        /// Which command.
        command: CommandNumber,
        /// Where to.
        stream: Stream,
        /// What; at most [`OUTPUT_CHUNK_BYTES`].
        bytes: Vec<u8>,
    },
    /// The command ended.
    Ended(CommandEnd),
    /// A background command, left running, has ended badly. Comes like output.
    BackgroundEnded {
        /// Which command.
        command: CommandNumber,
        /// How.
        end: CommandEnd,
    },
    /// Where a COPY goes.
    Resolved {
        /// Absolute machine path without links, except perhaps in parts that don't exist yet.
        path: String,
        /// What is there.
        found: Found,
    },
    /// In order.
    ShownLayers(Vec<String>),
    /// What became of each cache.
    CachesKept(Vec<KeptCache>),
    /// Send the files of this version.
    CacheWanted,
    /// A piece of an archive; an empty one is its end.
    CachePiece(Vec<u8>),
    /// The layer is in place.
    Frozen,
    /// Nothing was written.
    Unchanged,
    /// Not frozen: these live.
    Alive(Vec<String>),
    /// The request can't be met; the machine goes on.
    Refused(String),
    /// The operating system said no; the machine may be of no further use.
    Failed {
        /// Verb phrase with object.
        action: String,
        /// The error number, 0 when there is none.
        errno: i32,
        /// What it said.
        text: String,
    },
}

/// Connect to a TCP port of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRequest {
    /// Which.
    pub port: u16,
}

/// What came of a [`PortRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortReply {
    /// Connected; a socket is passed right behind this.
    Connected,
    /// Not, with this error number.
    Failed(i32),
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A directory.
    Directory,
    /// Something else.
    File,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(reply: &Reply) -> Reply {
        let mut bytes = Vec::new();
        send(&mut bytes, reply).unwrap();
        receive(&mut bytes.as_slice()).unwrap()
    }

    #[test]
    fn what_is_sent_is_received() {
        let reply = Reply::Output { command: 7, stream: Stream::Answer, bytes: vec![0, 255, 10] };
        assert_eq!(round_trip(&reply), reply);
    }

    #[test]
    fn a_frame_that_claims_to_be_huge_is_refused_before_memory_is_taken() {
        let answer = receive::<Reply>(&mut [0xff_u8; 64].as_slice());
        assert!(matches!(answer, Err(ProtocolError::TooLong(_))), "{answer:?}");
    }

    #[test]
    fn bytes_after_a_message_are_refused() {
        let mut bytes = Vec::new();
        send(&mut bytes, &Reply::Done).unwrap();
        bytes[0] += 1;
        bytes.push(0);
        assert!(matches!(receive::<Reply>(&mut bytes.as_slice()), Err(ProtocolError::Malformed)));
    }

    #[test]
    fn a_cut_message_means_the_other_side_is_gone() {
        let mut bytes = Vec::new();
        send(&mut bytes, &Reply::Refused("no".to_owned())).unwrap();
        for length in 0..bytes.len() {
            let answer = receive::<Reply>(&mut &bytes[..length]);
            assert!(matches!(answer, Err(ProtocolError::Closed)), "{length}: {answer:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = receive::<Request>(&mut bytes.as_slice());
            let _ = receive::<Reply>(&mut bytes.as_slice());
        }
    }
}
