//! Machines in memory. Their commands are words of a little language whose results depend on everything asked:
//!
//! ```text
//! read P      content of a file          stat P      size and mode       list P    names in a directory
//! probe P     whether it is there        env N       a variable          print T   output
//! write P     a digest of all so far     daemon N    a process stays     end N     it ends
//! edit P=T    changes the repository (as a person would, while the step runs)
//! fail        exit code 1                die         the machine breaks
//! ```
//!
//! `ENV` scripts are answered with the values in the bash text, as far as they are plain.

use super::repository::ModelRepository;
use crate::backend::{
    Attachment, Backend, BackendError, BaseImage, Command, CommandEnd, CopiedEntry, CopiedFiles,
    CopyRequest, Freeze, Heard, ImageSource, Keeps, Layer, LayerId, Machine, MachineStart, Ports,
    Stream,
};
use crate::read_set::{Answer, FingerprintSource, Question, ReadSet, Reader, TrackedPath};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

type Files = BTreeMap<String, String>;

/// What was kept of machines: what came since the state before, and the processes.
type Layers = Arc<Mutex<BTreeMap<LayerId, (Vec<Item>, BTreeSet<String>)>>>;

/// Makes model machines; keeps what they froze.
#[derive(Debug)]
pub(crate) struct ModelBackend {
    repository: Arc<ModelRepository>,
    layers: Layers,
    /// Whether processes are kept too.
    pub(crate) keeps: Keeps,
    pub(crate) base_identity: Mutex<[u8; 32]>,
    /// How many machines were started.
    pub(crate) started: Mutex<usize>,
    /// Layers that somebody removed.
    pub(crate) lost: Mutex<BTreeSet<LayerId>>,
    directory: PathBuf,
}

impl ModelBackend {
    pub(crate) fn new(repository: Arc<ModelRepository>) -> Self {
        Self {
            repository,
            layers: Arc::default(),
            keeps: Keeps::Files,
            base_identity: Mutex::new([1; 32]),
            started: Mutex::new(0),
            lost: Mutex::default(),
            directory: PathBuf::from("/nonexistent"),
        }
    }

    /// The files of a state, repository files as they are now.
    pub(crate) fn resolve(&self, layers: &[Layer]) -> Files {
        let mut machine = self.machine(layers);
        let frozen = self.layers.lock().unwrap();
        let mut paths: BTreeSet<String> = BTreeSet::new();
        for layer in layers {
            let Layer::Frozen(id) = layer else { continue };
            for item in &frozen[id].0 {
                if let Item::Written(files) = item {
                    paths.extend(files.keys().cloned());
                }
            }
        }
        drop(frozen);
        paths.into_iter().map(|path| (path.clone(), machine.read(&path))).collect()
    }

    fn machine(&self, layers: &[Layer]) -> ModelMachine {
        let frozen = self.layers.lock().unwrap();
        let (mut stack, mut processes, mut chain) = (Vec::new(), BTreeSet::new(), Vec::new());
        for layer in layers {
            match layer {
                Layer::Frozen(id) => {
                    let (items, alive) = &frozen[id];
                    stack.extend(items.iter().cloned());
                    processes.clone_from(alive);
                    chain.push(id.clone());
                }
                Layer::Copied(files) => stack.push(Item::Copied(files.entries.clone())),
            }
        }
        ModelMachine {
            repository: Arc::clone(&self.repository),
            layers: Arc::clone(&self.layers),
            keeps: self.keeps,
            kept: stack.len(),
            stack,
            writes: Files::new(),
            processes,
            chain,
            reads: ReadSet::default(),
        }
    }
}

impl Backend for ModelBackend {
    fn keeps(&self) -> Keeps {
        self.keeps
    }

    fn prepare_base(
        &self,
        _: &ImageSource,
        _: &(dyn Fn(&str) + Sync),
    ) -> Result<BaseImage, BackendError> {
        let identity = *self.base_identity.lock().unwrap();
        Ok(BaseImage {
            identity,
            directories: Vec::new(),
            notes: Vec::new(),
            environment: BTreeMap::new(),
        })
    }

    fn start(&self, start: &MachineStart) -> Result<Box<dyn Machine>, BackendError> {
        *self.started.lock().unwrap() += 1;
        Ok(Box::new(self.machine(&start.layers)))
    }

    fn layer_directory(&self) -> &Path {
        &self.directory
    }

    fn has_layer(&self, layer: &LayerId) -> bool {
        self.layers.lock().unwrap().contains_key(layer)
            && !self.lost.lock().unwrap().contains(layer)
    }
}

#[derive(Debug, Clone)]
enum Item {
    Written(Files),
    Copied(Vec<CopiedEntry>),
}

/// A process whose name is a number listens at that port.
struct ModelPorts(BTreeSet<String>);

impl Ports for ModelPorts {
    fn connect(&self, port: u16) -> std::io::Result<OwnedFd> {
        if self.0.contains(&port.to_string()) {
            Ok(UnixStream::pair()?.0.into())
        } else {
            Err(std::io::ErrorKind::ConnectionRefused.into())
        }
    }
}

struct ModelMachine {
    repository: Arc<ModelRepository>,
    layers: Layers,
    keeps: Keeps,
    stack: Vec<Item>,
    /// How many of these are in kept states.
    kept: usize,
    writes: Files,
    processes: BTreeSet<String>,
    /// The kept states that it is a difference to.
    chain: Vec<LayerId>,
    reads: ReadSet,
}

impl ModelMachine {
    fn ask(&mut self, path: &str, question: Question) {
        let path = TrackedPath::new(path);
        let fingerprint = self.repository.fingerprint(&path, question).unwrap();
        let reader = Reader { command: "model".to_owned(), pid: 42 };
        self.reads.answers.entry((path, question)).or_insert(Answer { fingerprint, reader });
    }

    /// Repository paths that a machine path may be, topmost first, down to a written file that hides the rest.
    fn resolve(&self, path: &str) -> (Vec<String>, Option<String>) {
        if let Some(text) = self.writes.get(path) {
            return (Vec::new(), Some(text.clone()));
        }
        let mut shown = Vec::new();
        for item in self.stack.iter().rev() {
            match item {
                Item::Written(files) => {
                    if let Some(text) = files.get(path) {
                        return (shown, Some(text.clone()));
                    }
                }
                Item::Copied(entries) => shown.extend(entries.iter().rev().filter_map(|entry| {
                    let rest = path.strip_prefix(&entry.machine_path)?;
                    let rest = if rest.is_empty() { rest } else { rest.strip_prefix('/')? };
                    let joined = [entry.repository_path.as_str(), rest].join("/");
                    Some(joined.trim_matches('/').to_owned())
                })),
            }
        }
        (shown, None)
    }

    fn look(&mut self, path: &str, question: Question) -> String {
        let (shown, written) = self.resolve(path);
        for candidate in shown {
            self.ask(&candidate, Question::Existence);
            let listed = self.repository.list(&candidate);
            let file = self.repository.file(&candidate);
            if file.is_none() && listed.is_none() {
                continue;
            }
            self.ask(&candidate, question);
            return match question {
                Question::Content => format!("{file:?}"),
                Question::Attributes => {
                    format!("{:?}", file.map(|(text, mode)| (text.len(), mode)))
                }
                Question::Listing => format!("{listed:?}"),
                Question::Existence | Question::Link => "there".to_owned(),
            };
        }
        written.map_or_else(|| "nothing".to_owned(), |text| format!("{question:?} {text}"))
    }

    fn read(&mut self, path: &str) -> String {
        self.look(path, Question::Content)
    }

    fn word(
        &mut self,
        words: (&str, &str),
        all: &mut String,
        command: &Command,
        output: &mut dyn FnMut(Stream, &[u8]),
    ) -> Option<Result<CommandEnd, BackendError>> {
        let (verb, path) = words;
        match verb {
            "read" => all.push_str(&self.read(path)),
            "stat" => all.push_str(&self.look(path, Question::Attributes)),
            "list" => all.push_str(&self.look(path, Question::Listing)),
            "probe" => all.push_str(&self.look(path, Question::Existence)),
            "env" => all.push_str(command.environment.get(path).map_or("", String::as_str)),
            "print" => output(Stream::Stdout, path.as_bytes()),
            "printenv" => output(Stream::Stdout, command.environment[path].as_bytes()),
            "write" => {
                let text = blake3::hash(all.as_bytes()).to_hex().to_string();
                self.writes.insert(path.to_owned(), text);
            }
            "daemon" => drop(self.processes.insert(path.to_owned())),
            "end" => drop(self.processes.remove(path)),
            "edit" => {
                let (path, text) = path.split_once('=').unwrap();
                self.repository.write(path, text);
            }
            "fail" => return Some(Ok(CommandEnd::Exited(1))),
            "die" => return Some(Err(BackendError::Stopped("its agent was killed".to_owned()))),
            other => panic!("the model knows no `{other}`"),
        }
        None
    }
}

impl Machine for ModelMachine {
    fn execute_and_hear(
        &mut self,
        command: &Command,
        hear: &mut dyn FnMut(Heard<'_>),
    ) -> Result<CommandEnd, BackendError> {
        let output = &mut |stream, bytes: &[u8]| hear(Heard::Output(stream, bytes));
        if command.script.starts_with("__layerc_value=") {
            let lines =
                command.script.lines().filter_map(|line| line.strip_prefix("__layerc_value="));
            for value in lines.filter_map(|line| line.strip_suffix(" || exit")) {
                let variable =
                    value.strip_prefix('$').and_then(|name| command.environment.get(name));
                output(Stream::Answer, variable.map_or(value, String::as_str).as_bytes());
                output(Stream::Answer, &[0]);
            }
            return Ok(CommandEnd::Exited(0));
        }
        let mut all = format!("{} {} ", command.user, command.workdir);
        for file in command.setup_files.clone() {
            self.ask(&file, Question::Content);
            all.push_str(&format!("{:?}", self.repository.file(&file)));
        }
        for line in command.script.split(';') {
            let words = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            if let Some(end) = self.word(words, &mut all, command, output) {
                return end;
            }
        }
        let is_background = command.mode == Attachment::Background && !self.processes.is_empty();
        Ok(if is_background { CommandEnd::LeftRunning } else { CommandEnd::Exited(0) })
    }

    fn copy(&mut self, request: &CopyRequest) -> Result<CopiedFiles, BackendError> {
        if !self.writes.is_empty() {
            let writes = std::mem::take(&mut self.writes);
            self.stack.push(Item::Written(writes));
        }
        let entries: Vec<CopiedEntry> = request
            .sources
            .iter()
            .map(|source| {
                let is_file = self.repository.file(source).is_some();
                let name = source.rsplit('/').next().unwrap_or_default();
                let destination = request.destination.trim_end_matches('/').to_owned();
                let machine_path =
                    if is_file { format!("{destination}/{name}") } else { destination };
                CopiedEntry { repository_path: source.clone(), machine_path }
            })
            .collect();
        self.stack.push(Item::Copied(entries.clone()));
        Ok(CopiedFiles { entries })
    }

    fn freeze(&mut self) -> Result<Freeze, BackendError> {
        if self.keeps == Keeps::Files {
            if !self.processes.is_empty() {
                return Ok(Freeze::ProcessesAlive(self.processes.iter().cloned().collect()));
            }
            if self.writes.is_empty() {
                return Ok(Freeze::Unchanged);
            }
            // What COPY shows is not a part of a layer.
            self.kept = self.stack.len();
        }
        self.stack.push(Item::Written(std::mem::take(&mut self.writes)));
        let new = self.stack[self.kept..].to_vec();
        self.kept = self.stack.len();
        let mut layers = self.layers.lock().unwrap();
        let id = LayerId(format!("layer-{}", layers.len()));
        layers.insert(id.clone(), (new, self.processes.clone()));
        self.chain.push(id.clone());
        Ok(Freeze::Frozen(id))
    }

    fn stands_on(&self) -> Vec<LayerId> {
        self.chain.clone()
    }

    fn take_reads(&mut self) -> ReadSet {
        std::mem::take(&mut self.reads)
    }

    fn ports(&mut self) -> Result<Arc<dyn Ports>, BackendError> {
        Ok(Arc::new(ModelPorts(self.processes.clone())))
    }

    fn stopper(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| {})
    }
}
