//! What steps reach: nothing, other machines through pasta, or this machine itself. With a real server on loopback and on a
//! second interface, in a network namespace of its own that has both.

#![expect(clippy::unwrap_used, reason = "a test: a panic is a failed case")]

use layerc_tests::layerc::{Outcome, program};
use layerc_tests::ordinary_user::{is_root, on_path};
use layerc_tests::skip::skipped;
use layerc_tests::workflow::{Workflow, can_run};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Makes a host: a way out whose own address steps get too, a second network, and a server on all of its addresses. Then
/// becomes the command.
const HOST: &str = r#"
    set -e
    busybox ip link set lo up
    busybox ip link add out type veth
    busybox ip link set veth0 up
    busybox ip addr add 198.51.100.1/24 dev out
    busybox ip link set out up
    busybox ip route add default via 198.51.100.254
    busybox ip link add second type veth
    busybox ip link set veth1 up
    busybox ip addr add 203.0.113.1/24 dev second
    busybox ip link set second up
    busybox httpd -p 8080 -h "$0"
    exec "$@"
"#;

/// Tells which addresses answer.
const PROBE: &str = r#"
    for address in 127.0.0.1 localhost ::1 198.51.100.1 198.51.100.254 169.254.1.53 203.0.113.1; do \
        timeout 2 bash -c "exec 3<>/dev/tcp/$address/8080" 2>/dev/null && echo $address; \
    done; true"#;

fn can_make_hosts(test: &str) -> bool {
    if !is_root() {
        skipped(test, "making a network namespace with interfaces needs root");
        return false;
    }
    if let Some(missing) = ["busybox", "unshare", "pasta"].iter().find(|name| !on_path(name)) {
        skipped(
            test,
            &format!("{missing} is not installed (packages busybox-static, util-linux, passt)"),
        );
        return false;
    }
    let made = Command::new("unshare")
        .args(["-n", "busybox", "ip", "link", "add", "x", "type", "veth"])
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        skipped(test, "the kernel has no pairs of interfaces (veth)");
        return false;
    }
    can_run(test)
}

/// `layerc run` on a made host.
fn on_host(place: &Workflow, arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", HOST]);
    command
        .arg(place.repository.path())
        .arg(program())
        .args(["run", "--format", "plain", "--store"]);
    command.arg(place.store()).args(arguments).current_dir(place.repository.path());
    command
}

fn reached(place: &Workflow, arguments: &[&str]) -> (Vec<String>, Outcome) {
    let ran = Outcome::of(&mut on_host(place, arguments)).expect_success("layerc run");
    let lines = ran.stdout.lines().filter_map(|line| line.strip_prefix("  | "));
    (lines.map(str::to_owned).collect(), ran)
}

#[test]
fn steps_reach_other_machines_and_never_services_of_this_one() {
    if !can_make_hosts("the network of steps") {
        return;
    }
    let layerfile = format!("FROM vm/ubuntu:22.04\nRUN {}\n", PROBE.trim());
    let place = Workflow::with(&[("Layerfile", &layerfile)]);
    let (found, ran) = reached(&place, &[]);
    assert_eq!(found, ["203.0.113.1"], "{}", ran.everything());
    assert!(
        ran.stderr.contains("note: steps reach other machines through pasta"),
        "{}",
        ran.stderr
    );
    let (found, _) = reached(&place, &["--no-cache", "--network", "none"]);
    assert_eq!(found, [""; 0]);
    let (found, ran) = reached(&place, &["--no-cache", "--network", "host"]);
    assert_eq!(
        found,
        ["127.0.0.1", "localhost", "::1", "198.51.100.1", "203.0.113.1"],
        "{}",
        ran.everything()
    );
    assert!(ran.stderr.contains("reach everything that listens"), "{}", ran.stderr);
    place
        .repository
        .write("layerc.toml", "[images]\n\"*\" = \"host\"\n[run]\nnetwork = \"none\"\n");
    assert_eq!(reached(&place, &["--no-cache"]).0, [""; 0], "as the repository says");
}

#[test]
fn runners_with_a_way_out_have_loopbacks_of_their_own() {
    if !can_make_hosts("loopbacks of runners") {
        return;
    }
    let layerfile = "FROM vm/ubuntu:22.04\nSPLIT 2\nRUN BACKGROUND perl -MIO::Socket::INET -e \
        'my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => \"127.0.0.1:7000\") or die; sleep 60'\n\
        RUN for try in $(seq 100); do bash -c 'exec 3<>/dev/tcp/127.0.0.1/7000' 2>/dev/null && echo own && \
        exit; sleep 0.1; done; exit 1\n";
    let place = Workflow::with(&[("Layerfile", layerfile)]);
    let (said, ran) = reached(&place, &["--jobs", "2"]);
    assert_eq!(said, ["own", "own"], "{}", ran.everything());
}

#[test]
fn without_a_route_or_without_pasta_steps_run_and_say_so() {
    if !can_make_hosts("hosts without a way out") {
        return;
    }
    let place = Workflow::with(&[("Layerfile", "FROM vm/ubuntu:22.04\nRUN echo ran\n")]);
    let mut cut_off = Command::new("unshare");
    cut_off
        .arg("--net")
        .arg(program())
        .args(["run", "--format", "plain", "--store"])
        .arg(place.store());
    let ran =
        Outcome::of(cut_off.current_dir(place.repository.path())).expect_success("layerc run");
    assert!(
        ran.stdout.contains("reach no other machine: pasta could not start"),
        "{}",
        ran.everything()
    );
    let mut without = place.command();
    let ran =
        Outcome::of(without.arg("--no-cache").env("PATH", "/nowhere")).expect_success("layerc run");
    assert!(
        ran.stdout.contains("`pasta` is not installed (package `passt`)"),
        "{}",
        ran.everything()
    );
    let mut wanted = place.command();
    wanted.args(["--no-cache", "--network", "pasta"]).env("PATH", "/nowhere");
    let ran = Outcome::of(&mut wanted);
    assert_eq!(ran.code(), 3);
    assert!(ran.stdout.contains("install it, or choose `--network none`"), "{}", ran.everything());
}

#[test]
fn nothing_of_the_network_outlives_a_killed_run() {
    if !can_make_hosts("a killed run") {
        return;
    }
    let place = Workflow::with(&[("Layerfile", "FROM vm/ubuntu:22.04\nRUN echo up; sleep 60\n")]);
    let mut command = place.command();
    let mut run =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("pasta runs", || processes_of(&place) > 0);
    run.kill().unwrap();
    run.wait().unwrap();
    wait_until("pasta is gone", || processes_of(&place) == 0);
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Processes of pasta that were started for this store.
fn processes_of(place: &Workflow) -> usize {
    let store = place.store().display().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| {
            let line = String::from_utf8_lossy(line);
            line.contains("pasta") && line.contains(&store)
        })
        .count()
}
