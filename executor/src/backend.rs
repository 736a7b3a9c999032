//! What a machine can do, whatever it is made of. The engine and the run driver see machines only through here.
//!
//! Knows nothing of plans, caches or Layerfiles: a backend is told what to do and says what happened.

mod base;

pub use crate::abilities::{ExecutorKind, Feature, Keeps};
use crate::caches::{CacheName, Publication};
use crate::read_set::{ReadSet, TrackedPath};
pub use base::{BaseImage, BaseTree, ImageSource};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

/// Names a frozen layer of the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayerId(pub String);

/// One layer over the base image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Layer {
    /// Files that steps wrote, frozen in the store.
    Frozen(LayerId),
    /// Repository files that COPY made visible; served and watched, not stored.
    Copied(CopiedFiles),
}

/// What a COPY makes visible: repository paths at machine paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CopiedFiles {
    /// In order; later entries win. A directory shows its contents at the machine path, a file itself.
    pub entries: Vec<CopiedEntry>,
}

/// One source of a COPY.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CopiedEntry {
    /// Path in the repository, `/`-separated, empty for its root. It exists.
    pub repository_path: String,
    /// Absolute path in the machine where exactly this file or this directory's contents appear, no link on the way.
    pub machine_path: String,
}

/// What keeps a state of an earlier run from showing today's repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resync {
    /// To be shown again, above everything.
    pub changed: CopiedFiles,
    /// Files of steps where the repository had something then and has nothing today: to be removed.
    pub gone: Vec<CopiedEntry>,
}

/// Today's repository, for a machine that is in a state of another day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Today {
    /// All COPY behind the state, with what their patterns match today.
    pub copies: Vec<CopyRequest>,
    /// What was written since counts as changed since, in nanoseconds since 1970.
    pub since_nanoseconds: i64,
    /// What the repository had when steps looked.
    pub had: Vec<TrackedPath>,
}

/// What a machine starts as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineStart {
    /// The base.
    pub base: Arc<BaseImage>,
    /// Over it, bottom first.
    pub layers: Vec<Layer>,
    /// The runner's name; its host name too.
    pub name: String,
    /// Limit on memory, where the backend is permitted to set one.
    pub memory_bytes: Option<u64>,
    /// How many others are to start where this one will have come to, as far as is known: those can be prepared for.
    pub followers: usize,
}

/// A command for a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Bash text.
    pub script: String,
    /// User name; made with a home and bash if missing.
    pub user: String,
    /// Absolute, or starting with `~`; made if missing.
    pub workdir: String,
    /// Set after the login files were read, so they win over those.
    pub environment: BTreeMap<String, String>,
    /// Repository files sourced, in order, before the script; reading them is watched.
    pub setup_files: Vec<String>,
    /// Whether to wait for it.
    pub mode: Attachment,
    /// Directories that outlive runs and that it sees.
    pub caches: Vec<CacheMount>,
}

/// A directory that outlives runs, in a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheMount {
    /// Which. Its path is where it appears.
    pub name: CacheName,
    /// Who owns it when it is new.
    pub owner: String,
}

/// What a command left in the caches.
#[derive(Debug, Default)]
pub struct KeptCaches {
    /// New versions, to be published before the step's record is.
    pub publications: Vec<Publication>,
    /// Names of processes that live on, if they are why nothing could be kept.
    pub alive: Vec<String>,
}

/// Whether a command is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Attachment {
    /// Until it ends. What it left running stays.
    Foreground,
    /// Detached; watched for a moment, then left alone. Early failure is a failure.
    Background,
}

/// Where output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// File descriptor 3: answers to the executor (evaluated variables), never shown.
    Answer,
}

/// Something that a machine has to say while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'bytes> {
    /// The command that runs wrote this.
    Output(Stream, &'bytes [u8]),
    /// Something that an earlier command left running wrote this.
    Late {
        /// Which command, by [`Machine::last_command`].
        command: u32,
        /// Where to.
        stream: Stream,
        /// What.
        bytes: &'bytes [u8],
    },
    /// A background command, after its first moment, ended badly.
    BackgroundEnded {
        /// Which command, by [`Machine::last_command`].
        command: u32,
        /// How.
        end: CommandEnd,
    },
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CommandEnd {
    /// With this exit code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It was put in the background and is still alive.
    LeftRunning,
}

/// Whether the state could be frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freeze {
    /// The files written since the last freeze are a layer now. The machine goes on over it.
    Frozen(LayerId),
    /// Nothing was written since.
    Unchanged,
    /// Processes live on; only a backend that keeps them can freeze this.
    ProcessesAlive(Vec<String>),
    /// It has heard a secret, and there is no key to encrypt it with.
    Secret,
}

/// Several layers made one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// Which, from the bottom.
    pub which: Range<usize>,
    /// What stands for them now.
    pub layer: LayerId,
}

/// Keeps a machine awake as long as it lives.
pub type KeptAwake = Box<dyn Send + Sync>;

/// The way to the TCP ports of a machine, open from any thread while commands run in it, and for as long as it lives.
pub trait Ports: Send + Sync {
    /// Connects to a port that something in the machine listens at on its own loopback: a stream socket in
    /// non-blocking mode, of whatever family the backend has (an internet socket of the machine's network, a Unix socket
    /// that leads into a virtual machine).
    ///
    /// # Errors
    /// `ConnectionRefused` when nothing listens; anything else when the machine is gone or out of resources.
    fn connect(&self, port: u16) -> std::io::Result<OwnedFd>;

    /// Wakes the machine if it was put to sleep, and keeps it awake as long as the answer lives. Blocks until it is up.
    ///
    /// # Errors
    /// Says why it does not wake.
    fn keep_awake(self: Arc<Self>) -> std::io::Result<KeptAwake> {
        Ok(Box::new(()))
    }
}

/// A machine that runs. Dropping it ends it and everything in it.
pub trait Machine: Send {
    /// Runs a command to its end (or, in the background, to the end of its first moment).
    ///
    /// # Errors
    /// When the machine itself failed; a failing command is a [`CommandEnd`].
    fn execute_and_hear(
        &mut self,
        command: &Command,
        hear: &mut dyn FnMut(Heard<'_>),
    ) -> Result<CommandEnd, BackendError>;

    /// The same, where what earlier commands left running counts as the command's own.
    ///
    /// # Errors
    /// As [`Self::execute_and_hear`].
    fn execute(
        &mut self,
        command: &Command,
        output: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<CommandEnd, BackendError> {
        self.execute_and_hear(command, &mut |heard| match heard {
            Heard::Output(stream, bytes) | Heard::Late { stream, bytes, .. } => {
                output(stream, bytes);
            }
            Heard::BackgroundEnded { .. } => {}
        })
    }

    /// What came since, while no command ran.
    ///
    /// # Errors
    /// When the machine is gone.
    fn hear(&mut self, _hear: &mut dyn FnMut(Heard<'_>)) -> Result<(), BackendError> {
        Ok(())
    }

    /// The number of the command that was executed last.
    fn last_command(&self) -> u32 {
        0
    }

    /// Gives the next command this terminal for its input and both outputs, and for its signals.
    ///
    /// # Errors
    /// When this kind of machine can't, or is gone.
    fn give_terminal(&mut self, _terminal: BorrowedFd<'_>) -> Result<(), BackendError> {
        Err(BackendError::Unavailable("this machine has no terminals".to_owned()))
    }

    /// Makes repository files visible. `destination` is as written; relative to `workdir`, `~` is the home of `user`.
    /// Sources are resolved repository paths, globs already expanded. Returns what to put in a record.
    ///
    /// # Errors
    /// When the destination can't hold them.
    fn copy(&mut self, request: &CopyRequest) -> Result<CopiedFiles, BackendError>;

    /// Shows today's repository in place of the one that the state was made with: what no step wrote over as it is, what
    /// one wrote over if the repository has changed it since. For a machine that is kept as a whole, before its first command.
    ///
    /// # Errors
    /// `Refused` when processes use what would have to be replaced. The machine is of no further use then.
    fn start_over(&mut self, _today: &Today) -> Result<(), BackendError> {
        Err(BackendError::Refused("this machine shows today's files by itself".to_owned()))
    }

    /// Keeps what was written to the caches since the last call, if nothing runs. What a command that failed wrote is
    /// never asked for.
    ///
    /// # Errors
    /// When the store can't take it.
    fn keep_caches(&mut self) -> Result<KeptCaches, BackendError> {
        Ok(KeptCaches::default())
    }

    /// Commands are told secrets from now on: what is kept of its memory and disk must not show them. Answers what the
    /// user should know of that, if anything.
    ///
    /// # Errors
    /// When it can't be done. The machine must not be told any secret then.
    fn hears_secrets(&mut self) -> Result<Option<String>, BackendError> {
        Ok(None)
    }

    /// Freezes what was written, if nothing runs.
    ///
    /// # Errors
    /// When the store can't take it (disk full, …). The machine is then of no further use.
    fn freeze(&mut self) -> Result<Freeze, BackendError>;

    /// Makes one layer of some neighbours where they have become many, right after a freeze. `layers` is what the machine
    /// is made of. What it shows stays the same.
    ///
    /// # Errors
    /// When the store can't take it. The machine is then of no further use.
    fn fold(&mut self, _layers: &[Layer]) -> Result<Option<Folded>, BackendError> {
        Ok(None)
    }

    /// The frozen states that its memory and disk are differences to, oldest first, where it keeps such. A state of it
    /// can be restored as long as all of them are there.
    fn stands_on(&self) -> Vec<LayerId> {
        Vec::new()
    }

    /// What was asked of the repository since the last call.
    fn take_reads(&mut self) -> ReadSet;

    /// What the host did not allow this machine, for the user to hear once.
    fn notes(&self) -> &[String] {
        &[]
    }

    /// The way to its ports.
    ///
    /// # Errors
    /// When the machine can't open one.
    fn ports(&mut self) -> Result<Arc<dyn Ports>, BackendError>;

    /// A handle that ends the machine from another thread.
    fn stopper(&self) -> Box<dyn Fn() + Send + Sync>;
}

/// A COPY for a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRequest {
    /// Repository paths that exist, globs expanded.
    pub sources: Vec<String>,
    /// As written.
    pub destination: String,
    /// Working directory of the moment (absolute or `~…`).
    pub workdir: String,
    /// User of the moment, for `~`.
    pub user: String,
}

/// Makes machines.
pub trait Backend: Send + Sync {
    /// What it keeps of a machine.
    fn keeps(&self) -> Keeps {
        Keeps::Files
    }

    /// What plans may ask for in vain.
    fn lacks(&self) -> &'static [Feature] {
        &[]
    }

    /// Makes an image ready: unpacks or installs it when it isn't, computes its identity.
    ///
    /// # Errors
    /// Names what is missing and the ways out.
    fn prepare_base(
        &self,
        source: &ImageSource,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<BaseImage, BackendError>;

    /// The image, if it is ready: telling its identity takes no download, unpacking or installing. A backend that can't
    /// tell knows of none.
    ///
    /// # Errors
    /// When what is there can't be used.
    fn ready_base(&self, _source: &ImageSource) -> Result<Option<BaseImage>, BackendError> {
        Ok(None)
    }

    /// Starts a machine.
    ///
    /// # Errors
    /// When the host doesn't allow it, a layer is gone, or resources are out.
    fn start(&self, start: &MachineStart) -> Result<Box<dyn Machine>, BackendError>;

    /// Removes a frozen layer, whoever its files belong to. No machine may use it.
    ///
    /// # Errors
    /// When something of it can't be removed.
    fn remove_layer(&self, layer: &LayerId) -> Result<(), BackendError> {
        let directory = self.layer_directory().join(&layer.0);
        std::fs::remove_dir_all(&directory).map_err(|source| BackendError::System {
            action: format!("remove {}", directory.display()),
            source,
        })
    }

    /// Repository files that steps wrote over in these layers, and that have changed since a moment (in nanoseconds
    /// since 1970). The repository `had` these when steps looked, in order.
    fn resync(&self, layers: &[Layer], since_nanoseconds: i64, had: &[TrackedPath]) -> Resync {
        let _ = (layers, since_nanoseconds, had);
        Resync::default()
    }

    /// What machines of a base show of it, bottom first.
    ///
    /// # Errors
    /// When what is copied of this machine can't be made ready.
    fn trees(&self, base: &BaseImage) -> Result<Vec<BaseTree>, BackendError> {
        Ok(base.trees())
    }

    /// Where frozen layers are kept.
    fn layer_directory(&self) -> &Path;

    /// The frozen layers that machines alive are made of, in whichever process.
    fn layers_in_use(&self) -> Vec<LayerId> {
        Vec::new()
    }

    /// Whether a frozen layer is still there.
    fn has_layer(&self, layer: &LayerId) -> bool {
        self.layer_directory().join(&layer.0).is_dir()
    }
}

/// Why a backend could not do it.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The host lacks something; the text says what and how to get it.
    #[error("{0}")]
    Unavailable(String),
    /// The machine died or was stopped.
    #[error("the machine stopped: {0}")]
    Stopped(String),
    /// The request can't be met: a bad destination, an unknown user that can't be made.
    #[error("{0}")]
    Refused(String),
    /// The operating system said no.
    #[error("cannot {action}")]
    System {
        /// Verb phrase with object: `mount the overlay at /x`.
        action: String,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
}
