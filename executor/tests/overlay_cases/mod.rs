//! The cases, and the machine they run on.

mod bases;
mod basics;
mod copying;
mod escapes;
mod layers;
mod ordinary_user;
mod people;
mod processes;
mod served_tricks;
mod walls;

use layerc_executor::backend::{
    Attachment, Backend, BackendError, BaseImage, Command, CommandEnd, ImageSource, Layer, Machine,
    MachineStart, Stream,
};
use layerc_executor::overlay::{OverlayBackend, OverlayOptions};
use layerc_executor::tracked::{Repository, RepositoryOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tempfile::TempDir;

/// A case and its name.
pub(crate) type Case = (&'static str, fn());

/// All cases, by what they are about.
pub(crate) const GROUPS: &[&[Case]] = &[
    basics::CASES,
    processes::CASES,
    walls::CASES,
    escapes::CASES,
    served_tricks::CASES,
    people::CASES,
    layers::CASES,
    copying::CASES,
    bases::CASES,
    ordinary_user::CASES,
];

/// Names a store in the environment of a process that is to start a machine there and be killed.
pub(crate) const VICTIM: &str = "LAYERC_TEST_VICTIM";

/// Whether this process may do anything.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says loudly that a case did not run.
pub(crate) fn skipped(reason: &str) {
    println!("SKIPPED: {reason}");
}

/// Directory in the environment that all cases keep their bases in: making them anew for each takes most of the time.
const BASES: &str = "LAYERC_TEST_BASES";

fn share_bases(store: &Path) {
    static SHARED: OnceLock<PathBuf> = OnceLock::new();
    let shared = SHARED.get_or_init(|| match std::env::var_os(BASES) {
        Some(directory) => directory.into(),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).join("bases"),
    });
    std::fs::create_dir_all(shared).unwrap();
    // There already when several labs use one store.
    let _ = std::os::unix::fs::symlink(shared, store.join("bases"));
}

/// Whether a program is installed here.
pub(crate) fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

/// The life of a process that is to be killed: a machine with a daemon, then nothing.
pub(crate) fn be_victim(store: &Path) {
    let lab = Lab::in_store(store);
    let mut machine = lab.start(&[]);
    let marker = std::env::var("MARKER").unwrap();
    output(&mut *machine, &format!("sleep {marker} &"));
    std::thread::sleep(Duration::from_secs(60));
}

/// A store's directory.
pub(crate) enum Store {
    Own(TempDir),
    Shared(PathBuf),
}

impl Store {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Own(directory) => directory.path(),
            Self::Shared(path) => path,
        }
    }
}

/// A store, a repository and a backend.
pub(crate) struct Lab {
    /// Dropped first: it still removes directories of the store.
    pub(crate) backend: OverlayBackend,
    pub(crate) store: Store,
    pub(crate) repository: TempDir,
    pub(crate) base: Arc<BaseImage>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// A lab whose repository has these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let repository = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = repository.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self::over(Store::Own(tempfile::tempdir().unwrap()), repository)
    }

    /// A lab in a store that others use too.
    pub(crate) fn in_store(store: &Path) -> Self {
        Self::over(Store::Shared(store.to_owned()), tempfile::tempdir().unwrap())
    }

    fn over(store: Store, repository: TempDir) -> Self {
        share_bases(store.path());
        let opened =
            Arc::new(Repository::open(repository.path(), RepositoryOptions::default()).unwrap());
        let options = OverlayOptions {
            background_grace: Duration::from_millis(300),
            processes_limit: PROCESSES_LIMIT,
            ..OverlayOptions::default()
        };
        let backend = OverlayBackend::new(store.path(), opened, options).unwrap();
        let base = Arc::new(backend.prepare_base(&ImageSource::Host, &|_| {}).unwrap());
        Self { store, repository, backend, base }
    }

    /// The same on another base.
    pub(crate) fn on(&self, base: BaseImage) -> Self {
        let lab = Self::in_store(self.store.path());
        Self { base: Arc::new(base), ..lab }
    }

    /// Whether machines here can have users besides root.
    pub(crate) fn has_other_users(&self) -> bool {
        !self.base.notes.iter().any(|note| note.starts_with("steps run as root only"))
    }

    pub(crate) fn start(&self, layers: &[Layer]) -> Box<dyn Machine> {
        self.try_start(layers).unwrap()
    }

    pub(crate) fn start_limited(&self, memory_bytes: u64) -> Box<dyn Machine> {
        let start = MachineStart { memory_bytes: Some(memory_bytes), ..self.machine(&[]) };
        self.backend.start(&start).unwrap()
    }

    pub(crate) fn try_start(&self, layers: &[Layer]) -> Result<Box<dyn Machine>, BackendError> {
        self.backend.start(&self.machine(layers))
    }

    fn machine(&self, layers: &[Layer]) -> MachineStart {
        MachineStart {
            base: Arc::clone(&self.base),
            layers: layers.to_vec(),
            name: "lab".to_owned(),
            memory_bytes: None,
            followers: 0,
        }
    }
}

/// Most processes of a lab's machine.
pub(crate) const PROCESSES_LIMIT: u32 = 300;

/// A command as root in `/root`.
pub(crate) fn command(script: &str) -> Command {
    Command {
        script: script.to_owned(),
        user: "root".to_owned(),
        workdir: "/root".to_owned(),
        environment: BTreeMap::new(),
        setup_files: Vec::new(),
        mode: Attachment::Foreground,
        caches: Vec::new(),
    }
}

/// How a command ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) end: CommandEnd,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) answer: String,
}

/// Runs a command.
pub(crate) fn run_command(machine: &mut dyn Machine, command: &Command) -> Outcome {
    let mut texts: [Vec<u8>; 3] = Default::default();
    let end = machine.execute(command, &mut |stream, bytes| {
        let place = match stream {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
            Stream::Answer => 2,
        };
        texts[place].extend_from_slice(bytes);
    });
    let [stdout, stderr, answer] = texts.map(|text| String::from_utf8_lossy(&text).into_owned());
    Outcome { end: end.unwrap(), stdout, stderr, answer }
}

/// Runs a script as root.
pub(crate) fn run(machine: &mut dyn Machine, script: &str) -> Outcome {
    run_command(machine, &command(script))
}

/// Runs a script that must succeed and gives its output.
pub(crate) fn output(machine: &mut dyn Machine, script: &str) -> String {
    let outcome = run(machine, script);
    assert_eq!(outcome.end, CommandEnd::Exited(0), "{script}: {outcome:?}");
    outcome.stdout
}
