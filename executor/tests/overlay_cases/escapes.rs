//! Steps that try to get out: by tracing, mounting, control groups, set-user programs, into another machine, and through
//! the directories of the store that outlive them. What they must not be able to do is looked at from outside.

use super::{Case, Lab, command, has_program, is_root, output, run, run_command, skipped};
use layerc_executor::backend::{CacheMount, Command, CommandEnd, Freeze, Layer, LayerId, Machine};
use layerc_executor::caches::CacheName;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(crate) const CASES: &[Case] = &[
    ("no process outside can be traced, read or ended", nobody_is_traced),
    ("file systems that reach the host can't be mounted", mounts_reach_nothing),
    ("limits can't be lifted from inside", limits_stay),
    ("a set-user program of a step is nobody's on the host", set_user_programs_stay_inside),
    ("marks of the overlay can't be forged", marks_are_refused),
    ("one machine can't reach another", machines_are_apart),
    ("a cache holds strange files without harm", caches_hold_strange_files),
    ("a cache can't be led elsewhere", caches_stay_in_place),
];

fn frozen(machine: &mut dyn Machine) -> Layer {
    match machine.freeze().unwrap() {
        Freeze::Frozen(layer) => Layer::Frozen(layer),
        other => panic!("expected a layer, got {other:?}"),
    }
}

/// Numbers from `asm/unistd_64.h`; perl can make any call. What each gave: 0 or the error number (EPERM is 1).
fn nobody_is_traced() {
    if !cfg!(target_arch = "x86_64") {
        return skipped("the numbers of the calls are those of x86-64");
    }
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    // ptrace ATTACH and SEIZE, then pidfd_open and pidfd_getfd of the socket it speaks through.
    let script = "perl -e 'for ([101, 16, 1, 0, 0], [101, 0x4206, 1, 0, 0]) \
                  { $! = 0; my ($call, @rest) = @$_; syscall($call, @rest); print 0 + $!, \" \"; } \
                  my $handle = syscall(434, 1, 0); \
                  for my $number (0..20) { my $got = syscall(438, $handle, $number, 0); print \"got $number \" if $got >= 0; }'";
    assert_eq!(output(&mut *machine, script), "1 1 ");
    for script in ["exec 9< /proc/1/mem", "exec 9<> /proc/1/mem", "readlink /proc/1/task/1/fd/*"] {
        let outcome = run(&mut *machine, script);
        assert_ne!(outcome.end, CommandEnd::Exited(0), "succeeded: {script}: {outcome:?}");
    }
    run(&mut *machine, "sleep 60 & kill -9 -1");
    assert_eq!(output(&mut *machine, "echo alive"), "alive\n");
}

fn mounts_reach_nothing() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(&mut *machine, "mkdir -p /tmp/m; head -c 1M /dev/zero > /tmp/image");
    let kinds =
        ["devtmpfs", "debugfs", "tracefs", "securityfs", "configfs", "pstore", "cgroup2", "ext4"];
    for kind in kinds {
        let outcome = run(&mut *machine, &format!("mount -t {kind} /tmp/image /tmp/m"));
        assert_ne!(outcome.end, CommandEnd::Exited(0), "{kind} can be mounted");
    }
}

/// Root in a machine may have the number of the host's root, whom the files of control groups belong to. A namespace of
/// its own would let it mount them.
fn limits_stay() {
    let lab = Lab::new();
    let mut machine = lab.start_limited(64 << 20);
    if !machine.notes().is_empty() {
        return skipped(&machine.notes().join("; "));
    }
    let refused =
        "unshare -C true; unshare -UC true; unshare -Cmpf true; unshare -Um true && echo other";
    assert_eq!(run(&mut *machine, refused).stdout, "other\n");
    if cfg!(target_arch = "x86_64") {
        // clone3 (435): its arguments can't be looked into, so it isn't there.
        let script = "perl -e 'syscall(435, 0, 0); print 0 + $!'";
        assert_eq!(output(&mut *machine, script), "38");
    }
    let lift = "unshare -C --fork --mount bash -c '\
                mkdir -p /tmp/m; for kind in cgroup2 cgroup,pids cgroup,memory; do \
                mount -t ${kind%,*} -o ${kind#*,} none /tmp/m 2> /dev/null || mount -t cgroup2 none /tmp/m || continue; \
                find /tmp/m -name pids.max -o -name memory.max -o -name memory.limit_in_bytes | \
                while read file; do echo max > $file; echo -1 > $file; done; \
                for up in /tmp/m/.. /tmp/m/../..; do echo $$ > $up/cgroup.procs; done; umount /tmp/m; done; true' 2> /dev/null; true";
    output(&mut *machine, lift);
    let outcome =
        run(&mut *machine, "head -c 400M /dev/zero | tail -c 400M | wc -c; exit ${PIPESTATUS[1]}");
    assert_eq!(outcome.end, CommandEnd::Exited(137), "memory is limited no more: {outcome:?}");
    let forks = format!(
        "perl -e 'my @children; for (1..{}) {{ my $child = fork; last unless defined $child; \
         if (!$child) {{ sleep 60; exit }} push @children, $child; }} \
         print scalar(@children); kill 9, @children; wait for @children;'",
        super::PROCESSES_LIMIT + 100
    );
    let started: u32 = output(&mut *machine, &forks).parse().unwrap();
    assert!(started < super::PROCESSES_LIMIT, "processes are limited no more: {started}");
}

fn set_user_programs_stay_inside() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(
        &mut *machine,
        "cp /usr/bin/id /suid-id && chmod 6755 /suid-id && ls -l /suid-id | grep -q rws",
    );
    let Layer::Frozen(LayerId(layer)) = frozen(&mut *machine) else { panic!("no layer") };
    // Even where somebody opened the store's own directory to everybody.
    fs::set_permissions(lab.store.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let again = Lab::in_store(lab.store.path());
    for name in ["layers", "runs", "caches", "images", "clones"] {
        let mode = fs::metadata(again.store.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "`{name}` is open to others: {mode:o}");
    }
    let program = lab.store.path().join("layers").join(layer).join("suid-id");
    assert!(program.is_file(), "{}", program.display());
    if !is_root() || !has_program("setpriv") {
        return skipped("trying as another user of the host needs root and setpriv");
    }
    let tried = std::process::Command::new("setpriv")
        .args(["--reuid", "12345", "--regid", "12345", "--clear-groups", "--"])
        // By a shell: setpriv itself has root's powers until it becomes another program.
        .args(["sh", "-c", "\"$0\""])
        .arg(&program)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tried.stderr);
    assert!(!tried.status.success() && said.contains("ermission denied"), "{tried:?}");
}

/// Whiteouts and opaque directories are how a layer hides what is below it.
fn marks_are_refused() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(&mut *machine, "mkdir -p /base/below && echo seen > /base/below/file");
    let bottom = frozen(&mut *machine);
    drop(machine);
    let mut machine = lab.start(std::slice::from_ref(&bottom));
    let script = "mknod /base/hidden c 0 0 && echo made; mv /base/hidden /base/below/file 2> /dev/null; \
                  perl -e 'for my $space (\"user\", \"trusted\") { for my $mark (\"opaque\", \"redirect\", \"metacopy\") { \
                  my ($path, $name, $value) = (\"/base/below\", \"$space.overlay.$mark\", \"y\"); \
                  syscall(188, $path, $name, $value, 1, 0); } }'; touch /base/below/new; ls /base /base/below";
    let seen = run(&mut *machine, script).stdout;
    assert_eq!(seen, "/base:\nbelow\n\n/base/below:\nfile\nnew\n");
    let top = frozen(&mut *machine);
    drop(machine);
    let mut machine = lab.start(&[bottom, top]);
    assert_eq!(
        output(&mut *machine, "ls /base /base/below; cat /base/below/file"),
        format!("{seen}seen\n")
    );
}

fn machines_are_apart() {
    let lab = Lab::new();
    let mut first = lab.start(&[]);
    output(&mut *first, "echo original > /shared");
    let layer = frozen(&mut *first);
    drop(first);
    let (mut one, mut other) =
        (lab.start(std::slice::from_ref(&layer)), lab.start(std::slice::from_ref(&layer)));
    let script = "ln /shared /hard; echo changed > /hard; chmod 777 /shared; echo x > /dev/shm/x; echo x > /tmp/x; \
                  perl -e 'use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, sockaddr_un(\"\\0layerc\")) or die; \
                  listen($s, 1); syscall(29, 4711, 4096, 01777) >= 0 or die; sleep 600' & \
                  while ! grep -q @layerc /proc/net/unix; do sleep 0.02; done; cat /shared; hostname taken";
    assert_eq!(output(&mut *one, script), "changed\n");
    let seen = output(
        &mut *other,
        "cat /shared; stat -c %a /shared; ls /dev/shm /tmp; grep -c @layerc /proc/net/unix; hostname; pgrep perl; true",
    );
    assert_eq!(seen, "original\n644\n/dev/shm:\n\n/tmp:\n0\nlab\n");
    // The key of a shared memory segment means nothing here, nor does a number of a process.
    let script = "perl -e 'exit(syscall(29, 4711, 4096, 0) >= 0 ? 0 : 1)'";
    assert_ne!(run(&mut *other, script).end, CommandEnd::Exited(0), "shared memory is shared");
    run(&mut *other, "kill -9 $(seq 2 4000) 2> /dev/null; true");
    assert_eq!(output(&mut *one, "pgrep -c perl"), "1\n");
    let Layer::Frozen(LayerId(id)) = layer else { panic!("no layer") };
    let file = lab.store.path().join("layers").join(id).join("shared");
    assert_eq!(fs::read_to_string(file).unwrap(), "original\n");
}

fn with_cache(path: &str, image: &str, script: &str) -> Command {
    let (repository, image) = ("/r".to_owned(), image.to_owned());
    let name = CacheName { repository, image, path: path.to_owned(), home_of: String::new() };
    Command { caches: vec![CacheMount { name, owner: "root".to_owned() }], ..command(script) }
}

/// Runs a command with a cache, and publishes what it left.
fn keep(lab: &Lab, command: &Command) -> super::Outcome {
    let mut machine = lab.start(&[]);
    let outcome = run_command(&mut *machine, command);
    let kept = machine.keep_caches().unwrap();
    kept.publications.iter().for_each(|publication| publication.publish().unwrap());
    outcome
}

fn caches_hold_strange_files() {
    let lab = Lab::new();
    let outside = tempfile::tempdir().unwrap();
    let away = outside.path().display();
    let script = format!(
        "cd /c && ln -s {away} away && ln -s /etc/passwd accounts && mkfifo pipe && cp /usr/bin/id suid && chmod 6755 suid \
         && ln suid hard && perl -e 'use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, sockaddr_un(\"socket\"))'; \
         ln /etc/passwd stolen; mknod disk b 8 0; mknod hidden c 0 0; ls"
    );
    let outcome = keep(&lab, &with_cache("/c", "i", &script));
    assert_eq!(outcome.stdout, "accounts\naway\nhard\npipe\nsocket\nsuid\n", "{outcome:?}");
    let script =
        "cd /c; echo x > away/written; echo broken > accounts; rm hard; ls; stat -c %h suid";
    let outcome = keep(&lab, &with_cache("/c", "i", script));
    assert!(outcome.stdout.starts_with("accounts\naway\npipe\n"), "{outcome:?}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "written to the host");
    assert!(fs::read_to_string("/etc/passwd").unwrap().contains("root:"), "the host's accounts");
    for other in [with_cache("/c", "another image", "ls /c"), with_cache("/d", "i", "ls /d")] {
        assert_eq!(keep(&lab, &other).stdout, "", "another cache");
    }
    // Many versions are made one by hard links, whatever kinds of files they have.
    for number in 0..12 {
        keep(
            &lab,
            &with_cache("/c", "i", &format!("echo {number} > /c/number; touch /c/{number}")),
        );
    }
    let script = "cd /c; cat number; test -p pipe && test -S socket && readlink accounts";
    assert_eq!(keep(&lab, &with_cache("/c", "i", script)).stdout, "11\n/etc/passwd\n");
}

fn caches_stay_in_place() {
    let lab = Lab::new();
    let outside = tempfile::tempdir().unwrap();
    let away = outside.path().display();
    let script = format!(
        "echo good > /p/c/file; rm -rf /p/c 2> /dev/null; ln -sfn {away} /p/c/link; \
         mv /p /q && mkdir -p /p {away} && ln -s {away} /p/c && echo led > /p/c/led; ls {away}"
    );
    let outcome = keep(&lab, &with_cache("/p/c", "i", &script));
    assert_eq!(outcome.stdout, "led\n", "it led to a place of the machine: {outcome:?}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "written to the host");
    assert_eq!(keep(&lab, &with_cache("/p/c", "i", "ls /p/c")).stdout, "link\n");
    // A link that was there before the cache is followed in the machine.
    let mut machine = lab.start(&[]);
    output(
        &mut *machine,
        &format!("ln -s /proc /l1; ln -s / /l2; ln -s {away} /l3; mkdir -p {away}"),
    );
    for (path, is_refused) in [("/l1", true), ("/l2", true), ("/l3", false)] {
        let command = with_cache(path, "i", &format!("echo x > {path}/x"));
        let ended = machine.execute(&command, &mut |_, _| {});
        assert_eq!(ended.is_err(), is_refused, "{path}: {ended:?}");
        machine = restarted(&lab, machine);
    }
    assert!(!Path::new("/proc/x").exists());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "written to the host");
}

/// A machine in the same state that knows of no cache.
fn restarted(lab: &Lab, mut machine: Box<dyn Machine>) -> Box<dyn Machine> {
    let layers = match machine.freeze().unwrap() {
        Freeze::Frozen(layer) => vec![Layer::Frozen(layer)],
        _ => Vec::new(),
    };
    drop(machine);
    lab.start(&layers)
}
