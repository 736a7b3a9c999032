//! The same trivial steps in docker and buildah, where they are installed and work, beside ours.

use crate::clock::{median, process_milliseconds};
use crate::steps::layerfile;
use crate::table::{Goal, Table, Unit};
use layerc_tests::layerc::Outcome;
use layerc_tests::repository::Repository;
use layerc_tests::workflow::Workflow;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const ROUNDS: usize = 9;

/// What a daemon still writes after a build is on disk by then.
const REST: Duration = Duration::from_millis(400);

const IMAGE: &str = "layerc-bench-base";

/// A program that builds images, and its words for what is measured.
struct Peer {
    name: &'static str,
    program: &'static str,
    probe: &'static [&'static str],
    build: &'static [&'static str],
    uncached: &'static str,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "docker",
        program: "docker",
        probe: &["info"],
        // It does not depend on the host having a bridge for containers then.
        build: &["build", "--quiet", "--network", "none"],
        uncached: "--no-cache",
    },
    Peer {
        name: "buildah",
        program: "buildah",
        probe: &["info"],
        build: &["build", "--layers", "--quiet", "--isolation", "chroot"],
        uncached: "--no-cache",
    },
];

pub(crate) fn measure(table: &mut Table) {
    for peer in PEERS {
        let what = format!("{}: 20 trivial RUN steps, nothing cached", peer.name);
        match prepare(peer) {
            Ok(repository) => measure_peer(peer, &repository, table),
            Err(reason) => table.unmeasured(&what, &reason),
        }
    }
}

/// By turns, so that both meet the same moments of this machine.
fn measure_peer(peer: &Peer, repository: &Repository, table: &mut Table) {
    let theirs = |options: &[&str]| {
        let mut command = Command::new(program(peer.program));
        command.args(peer.build).args(options).arg(repository.path());
        command.env("DOCKER_BUILDKIT", "1");
        command
    };
    let workflow = Workflow::with(&[("Layerfile", &layerfile(0))]);
    // What they build reaches no network either.
    let ours = || {
        let mut command = workflow.command();
        command.args(["--network", "none"]);
        command
    };
    let name = peer.name;
    process_milliseconds(1, ours);
    let cold = by_turns(
        |round| {
            workflow.repository.write("Layerfile", &layerfile(round + 1));
            process_milliseconds(1, ours)
        },
        || process_milliseconds(1, || theirs(&[peer.uncached])),
    );
    tell(table, &format!("{name}: 20 trivial RUN steps, nothing cached"), cold, 10.0);
    process_milliseconds(1, || theirs(&[]));
    let cached =
        by_turns(|_| process_milliseconds(1, ours), || process_milliseconds(1, || theirs(&[])));
    tell(table, &format!("{name}: the same, all cached"), cached, 8.0);
}

/// The medians of ours and of theirs. Each begins when the daemon of the other has come to rest.
fn by_turns(ours: impl Fn(usize) -> f64, theirs: impl Fn() -> f64) -> (f64, f64) {
    let rest = || std::thread::sleep(REST);
    let turns = (0..ROUNDS).map(|round| {
        rest();
        let ours = ours(round);
        rest();
        (ours, theirs())
    });
    let (ours, theirs) = turns.unzip();
    (median(ours), median(theirs))
}

fn tell(table: &mut Table, what: &str, (ours, theirs): (f64, f64), least: f64) {
    table.figure(what, theirs, Unit::Milliseconds, Goal::None);
    table.figure("layerc beside it", ours, Unit::Milliseconds, Goal::None);
    table.figure(
        "as many times as long as layerc",
        theirs / ours,
        Unit::Times,
        Goal::AtLeast(least),
    );
}

/// A base image of this machine's own bash and what it links to, so that nothing is downloaded, and a build over it.
fn prepare(peer: &Peer) -> Result<Repository, String> {
    works(peer)?;
    let repository = Repository::new();
    let root = repository.join("root");
    base_image(&root)?;
    let steps: String = (0..20).map(|number| format!("RUN true {number}\n")).collect();
    let dockerfile = if peer.program == "docker" {
        let archive = repository.join("root.tar");
        pack(&root, &archive)?;
        import(&program(peer.program), &archive, IMAGE)?;
        std::fs::remove_file(archive).map_err(|error| error.to_string())?;
        format!("FROM {IMAGE}\n{steps}")
    } else {
        format!("FROM scratch\nCOPY root /\n{steps}")
    };
    repository.write("Dockerfile", &dockerfile);
    Ok(repository)
}

fn base_image(root: &Path) -> Result<(), String> {
    let script = "set -e; mkdir -p \"$0\"/bin \"$0\"/proc \"$0\"/etc \"$0\"/tmp; cp -L /bin/bash \"$0\"/bin/sh; cp -L /bin/true \"$0\"/bin/true; \
        for library in $(ldd /bin/bash /bin/true | grep -o '/[^ ]*' | grep -v ':' | sort -u); do mkdir -p \"$0\"$(dirname $library); cp -L $library \"$0\"$library; done";
    let made = Outcome::of(Command::new("bash").args(["-c", script]).arg(root));
    if made.status.success() {
        Ok(())
    } else {
        Err(format!("its base could not be made: {}", made.stderr.trim()))
    }
}

fn pack(root: &Path, archive: &Path) -> Result<(), String> {
    let mut tar = Command::new("tar");
    let made = Outcome::of(
        tar.arg("--create").arg("--file").arg(archive).arg("--directory").arg(root).arg("."),
    );
    if made.status.success() { Ok(()) } else { Err(made.stderr) }
}

/// Gives docker an image of these files.
pub(crate) fn import(docker: &str, archive: &Path, image: &str) -> Result<(), String> {
    let made = Outcome::of(Command::new(docker).arg("import").arg(archive).arg(image));
    if made.status.success() {
        Ok(())
    } else {
        Err(format!("its base could not be imported: {}", made.stderr.trim()))
    }
}

/// The docker that works here.
pub(crate) fn docker() -> Result<String, String> {
    let peer = PEERS.iter().find(|peer| peer.program == "docker");
    let peer = peer.ok_or("docker is not among the peers")?;
    works(peer).map(|()| program(peer.program))
}

/// The distribution's own program, which fits its daemon, before others of that name.
fn program(name: &str) -> String {
    let own = format!("/usr/bin/{name}");
    if Path::new(&own).is_file() { own } else { name.to_owned() }
}

fn works(peer: &Peer) -> Result<(), String> {
    if !layerc_tests::ordinary_user::on_path(peer.program) {
        return Err("it is not installed".to_owned());
    }
    let probe = Outcome::of(Command::new(program(peer.program)).args(peer.probe));
    if probe.status.success() {
        return Ok(());
    }
    Err(format!("it does not work: {}", probe.stderr.lines().last().unwrap_or_default()))
}
