//! Guests with an agent, a disk, sockets, randomness and the repository: what steps are made of.

use crate::guest::{part, shape};
use crate::tiny::nursery;
use layerc_executor::agent::guest::REPOSITORY_TAG;
use layerc_executor::agent::protocol::{GuestSetup, TrackedFiles};
use layerc_executor::backend::{
    Attachment, Command, CommandEnd, CopyRequest, Heard, Ports, Stream,
};
use layerc_executor::kvm::Secrecy;
use layerc_executor::kvm::devices::disk::{Delta, DiskFiles};
use layerc_executor::kvm::devices::files::FilesPart;
use layerc_executor::kvm::devices::network::{GUEST_NETWORK, NetworkPart};
use layerc_executor::kvm::devices::sockets::{Connector, SocketsPart};
use layerc_executor::kvm::guest::{
    AgentProgram, Beginning, GuestParts, GuestPorts, GuestSteps, KERNEL_PARAMETERS,
};
use layerc_executor::kvm::process::{HandedDevice, MachineProcess, Starting};
use layerc_executor::kvm::{BootFiles, Output, Snapshot};
use layerc_executor::read_set::{Question, ReadSet};
use layerc_executor::tracked::{Repository, RepositoryOptions, SavedFiles, TrackedServer};
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest wait for an agent.
const PATIENCE: Duration = Duration::from_secs(180);

/// What one command printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    out: String,
    err: String,
    end: CommandEnd,
}

/// A machine with its agent and what is behind its devices.
struct Guest {
    machine: MachineProcess,
    steps: GuestSteps,
    connector: Connector,
    /// What its disk writes now.
    written: File,
    /// The other end of the network card.
    network: UnixStream,
}

/// The host's ends of a guest's devices.
struct Host {
    devices: Vec<HandedDevice>,
    connector: Connector,
    written: File,
    network: UnixStream,
    guest: GuestParts,
}

fn host(frozen: Vec<Delta>, repository: &Path, saved: Option<&SavedFiles>) -> Host {
    let base = Arc::new(File::open(part("root-disk")).unwrap());
    let bytes = base.metadata().unwrap().len();
    let written = tempfile::tempfile().unwrap();
    let disk = DiskFiles { base, frozen, written: written.try_clone().unwrap().into() };
    let (sockets, connector) = SocketsPart::new().unwrap();
    let (files, socket) = FilesPart::new(REPOSITORY_TAG).unwrap();
    let repository = Repository::open(repository, RepositoryOptions::default());
    let repository = Arc::new(repository.unwrap());
    let server = TrackedServer::start_for_guest(socket, Arc::clone(&repository), saved).unwrap();
    let (stream, network) = UnixStream::pair().unwrap();
    let devices = vec![
        HandedDevice::Entropy,
        HandedDevice::Sockets(sockets),
        HandedDevice::Disk(disk, bytes, Secrecy::Open),
        HandedDevice::Files(files),
        HandedDevice::Network(NetworkPart { hardware_address: [2, 0, 0, 0, 0, 1], stream }),
        HandedDevice::Balloon,
    ];
    let grace = Duration::from_millis(300);
    let guest = GuestParts { connector: connector.clone(), server, repository, grace };
    Host { devices, connector, written, network, guest }
}

fn begin(guest: GuestParts, beginning: Beginning) -> GuestSteps {
    let setup = GuestSetup {
        hostname: "guest".to_owned(),
        tracked: TrackedFiles::Mounted,
        network: Some(GUEST_NETWORK),
    };
    let steps = GuestSteps::begin(guest, &setup, beginning, PATIENCE).unwrap();
    assert_eq!(steps.notes(), [] as [String; 0]);
    steps
}

/// The archive with this very program as the agent, and the libraries that it is running with.
fn initramfs() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let mut initramfs =
            AgentProgram::beside(&std::env::current_exe().unwrap()).unwrap().archive().unwrap();
        initramfs.add_modules(&part("modules")).unwrap();
        let path = std::env::temp_dir().join(format!("initramfs-{}", std::process::id()));
        fs::write(&path, initramfs.finish().unwrap()).unwrap();
        path
    })
}

impl Guest {
    fn boot(repository: &Path) -> Self {
        let Host { devices, connector, written, network, guest } =
            host(Vec::new(), repository, None);
        let kernel = part("vmlinuz");
        let files = BootFiles {
            kernel: &kernel,
            initramfs: Some(initramfs()),
            command_line: &format!("console=ttyS0 quiet {KERNEL_PARAMETERS}"),
        };
        let starting = Starting::new(nursery(), Box::new(std::io::stdout()));
        let machine = MachineProcess::boot(starting, shape(512, 1), &files, devices).unwrap();
        let steps = begin(guest, Beginning::Booted);
        Self { machine, steps, connector, written, network }
    }

    fn run_as(&mut self, user: &str, script: &str, mode: Attachment) -> Ran {
        let command = command(user, script, mode);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let ended = self.steps.execute_and_hear(&command, &mut |heard| match heard {
            Heard::Output(Stream::Stdout, bytes)
            | Heard::Late { stream: Stream::Stdout, bytes, .. } => out.extend(bytes),
            Heard::Output(_, bytes) | Heard::Late { bytes, .. } => err.extend(bytes),
            Heard::BackgroundEnded { .. } => {}
        });
        let end = ended.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { out: text(out), err: text(err), end }
    }

    /// What a command prints that must succeed.
    fn run(&mut self, script: &str) -> String {
        let ran = self.run_as("root", script, Attachment::Foreground);
        assert_eq!((ran.end, ran.err.as_str()), (CommandEnd::Exited(0), ""), "{script}");
        ran.out
    }

    fn copy(&mut self, from: &str, to: &str) {
        let request = CopyRequest {
            sources: vec![from.to_owned()],
            destination: to.to_owned(),
            workdir: "/work".to_owned(),
            user: "root".to_owned(),
        };
        self.steps.copy(&request).unwrap();
    }
}

/// Everything that a machine is restored from.
struct Saved {
    directory: PathBuf,
    frozen: Vec<Delta>,
    files: SavedFiles,
}

impl Guest {
    fn save(&mut self, directory: &Path) -> Saved {
        self.machine.pause().unwrap();
        let next = tempfile::tempfile().unwrap();
        self.machine.freeze_disk(&next, &Secrecy::Open).unwrap();
        let frozen = vec![std::mem::replace(&mut self.written, next).into()];
        let files = self.steps.save_files();
        self.machine.snapshot(directory, "one", &Secrecy::Open).unwrap();
        Saved { directory: directory.join("one"), frozen, files }
    }
}

impl Saved {
    fn restore(&self, repository: &Path) -> Guest {
        let Host { devices, connector, written, network, guest } =
            host(self.frozen.clone(), repository, Some(&self.files));
        let snapshot = Snapshot::open(&self.directory).unwrap();
        let output: Output = Box::new(std::io::sink());
        let starting = Starting::new(nursery(), output);
        let machine = MachineProcess::restore(starting, &snapshot, devices).unwrap();
        let steps = begin(guest, Beginning::Restored);
        Guest { machine, steps, connector, written, network }
    }
}

fn write(repository: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = repository.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn questions(reads: &ReadSet) -> Vec<(String, Question)> {
    let asked = reads.answers.keys();
    asked.map(|(path, question)| (path.to_string(), *question)).collect()
}

/// Commands, users, disks, ports and the repository in a guest that was booted, and what of all that is still so in two
/// copies of it over another commit.
pub(super) fn steps_run_and_survive() -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let (repository, snapshots) = (place.path().join("repository"), place.path().join("snapshots"));
    fs::create_dir_all(&snapshots)?;
    write(
        &repository,
        &[("app/read", "read before\n"), ("app/unread", "old\n"), ("app/sub/x", "")],
    );
    let mut guest = Guest::boot(&repository);
    runs_commands(&mut guest);
    reaches_its_network(&mut guest);
    guest.copy("app", "app");
    assert_eq!(
        guest.run("cat app/read; test ! -e app/absent; echo more >app/written"),
        "read before\n"
    );
    let asked = questions(&guest.steps.take_reads());
    let expected = [
        ("app", Question::Existence),
        ("app/absent", Question::Existence),
        ("app/read", Question::Content),
        ("app/written", Question::Existence),
    ];
    assert_eq!(asked, expected.map(|(path, question)| (path.to_owned(), question)));
    leaves_a_server_behind(&mut guest);
    let saved = guest.save(&snapshots);
    assert_eq!(guest.run("cat app/written"), "more\n", "the machine goes on");
    drop(guest);
    write(
        &repository,
        &[("app/unread", "another commit\n"), ("app/new", "new\n"), ("app/sub/y", "y\n")],
    );
    fs::remove_file(repository.join("app/sub/x"))?;
    let mut copies = [saved.restore(&repository), saved.restore(&repository)];
    for copy in &mut copies {
        goes_on_over_another_commit(copy);
    }
    let drawn = copies.each_mut().map(|copy| copy.run("head -c 16 /dev/urandom | md5sum"));
    assert_ne!(drawn[0], drawn[1], "copies draw the same randomness");
    let [killed, other] = copies;
    ends_in_the_middle_of_a_step(killed);
    drop(other);
    Ok(())
}

/// A step of a machine whose process is killed fails at once.
fn ends_in_the_middle_of_a_step(mut guest: Guest) {
    let life = Arc::clone(guest.machine.life());
    let mut killed = false;
    let script = "echo begun; sleep 1000";
    let command = command("root", script, Attachment::Foreground);
    let ended = guest.steps.execute_and_hear(&command, &mut |heard| {
        if matches!(heard, Heard::Output(_, bytes) if bytes.starts_with(b"begun")) {
            killed = true;
            life.end();
        }
    });
    assert!(killed && ended.is_err(), "{ended:?}");
    assert_eq!(life.how_it_ended(PATIENCE), "it was ended from outside");
}

fn command(user: &str, script: &str, mode: Attachment) -> Command {
    Command {
        script: script.to_owned(),
        user: user.to_owned(),
        workdir: "/work".to_owned(),
        environment: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
        setup_files: Vec::new(),
        mode,
        caches: Vec::new(),
    }
}

fn runs_commands(guest: &mut Guest) {
    let ran = guest.run_as(
        "root",
        "echo $GREETING from $PWD; echo no >&2; exit 7",
        Attachment::Foreground,
    );
    let expected = Ran {
        out: "hello from /work\n".to_owned(),
        err: "no\n".to_owned(),
        end: CommandEnd::Exited(7),
    };
    assert_eq!(ran, expected);
    let ran = guest.run_as("builder", "id -un; echo $HOME", Attachment::Foreground);
    assert_eq!((ran.out.as_str(), ran.end), ("builder\n/home/builder\n", CommandEnd::Exited(0)));
    assert_eq!(guest.run("hostname; cat /etc/hostname; ls /sys/block"), "guest\nguest\nvda\n");
    assert!(guest.run("cat /proc/mounts").contains("/dev/vda / ext4 rw"));
    assert_eq!(
        guest.run("test ! -e /sys/module/tun && echo none"),
        "none\n",
        "modules that nothing needs"
    );
    assert_eq!(
        guest.run(": <>/dev/net/tun && echo there"),
        "there\n",
        "modules that a command speaks of"
    );
    guest.run("head -c 3000000 /dev/urandom >/work/large; sync; md5sum /work/large >/work/sum");
    guest.run("echo 3 >/proc/sys/vm/drop_caches; md5sum -c /work/sum >/dev/null");
}

/// The card has its address, and what is sent to the network comes out of the stream.
fn reaches_its_network(guest: &mut Guest) {
    let shown = guest.run("ip -4 address show eth0; ip route");
    assert!(shown.contains("inet 10.0.2.15/24"), "{shown}");
    assert!(shown.contains("default via 10.0.2.2"), "{shown}");
    assert!(guest.run("cat /etc/resolv.conf").contains("nameserver 10.0.2.3"));
    guest.run("nc -w 1 10.0.2.2 80 </dev/null 2>/dev/null || true");
    // Who has 10.0.2.2? A frame behind its length, in the middle of what a card says of itself when it comes up.
    let mut frames = vec![0; 4096];
    let length = guest.network.read(&mut frames).unwrap();
    let question = [8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
    assert!(frames[..length].windows(question.len()).any(|part| part == question));
}

/// A process that counts, and one that listens at a port.
fn leaves_a_server_behind(guest: &mut Guest) {
    let script = "while true; do echo still here | nc -l -p 8080; done";
    let ran = guest.run_as("root", script, Attachment::Background);
    assert_eq!(ran.end, CommandEnd::LeftRunning);
    assert_eq!(ask_port(guest), "still here\n");
}

fn ask_port(guest: &Guest) -> String {
    let ports = GuestPorts::new(guest.connector.clone());
    loop {
        // Between two connections nobody listens for a moment.
        let Ok(socket) = ports.connect(8080) else { continue };
        let mut socket = UnixStream::from(socket);
        socket.set_nonblocking(false).unwrap();
        let mut text = String::new();
        if socket.read_to_string(&mut text).is_ok() && !text.is_empty() {
            return text;
        }
    }
}

fn goes_on_over_another_commit(guest: &mut Guest) {
    assert_eq!(ask_port(guest), "still here\n");
    assert_eq!(guest.run("cat app/read app/written"), "read before\nmore\n");
    assert_eq!(
        guest.run("test ! -e app/absent; cat app/unread app/new app/sub/y; ls app/sub"),
        "another commit\nnew\ny\ny\n"
    );
    assert_eq!(
        guest.run("md5sum -c /work/sum >/dev/null; echo 1 >/work/mine; cat /work/mine"),
        "1\n"
    );
    let told: i64 = guest.run("date +%s").trim().parse().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(
        told.abs_diff(i64::try_from(now).unwrap()) < 60,
        "the clock is wrong: {told}, not {now}"
    );
}
