//! What a machine's root must not see and must not do.

use super::{Case, Lab, is_root, output, run, skipped};
use layerc_executor::backend::{CommandEnd, Freeze, Layer};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const CASES: &[Case] = &[
    ("kernel settings of the host can't be written", settings_are_safe),
    ("mounts of the agent can't be undone", mounts_are_locked),
    ("devices can't be made", devices_cannot_be_made),
    ("the agent can't be looked into", agent_is_opaque),
    ("the host's names are not touched", names_are_own),
    ("the network is the machine's own", network_is_own),
    ("calls past all namespaces are refused", calls_are_filtered),
    ("planted secrets are not found", secrets_are_hidden),
    ("accounts are the system's without passwords", accounts_are_clean),
    ("a nested user namespace gains nothing", nested_namespaces),
    ("a store inside a system directory is left out of it", store_inside),
];

fn fails(lab: &Lab, scripts: &[&str]) {
    let mut machine = lab.start(&[]);
    for script in scripts {
        let outcome = run(&mut *machine, script);
        assert_ne!(outcome.end, CommandEnd::Exited(0), "succeeded: {script}: {outcome:?}");
    }
}

fn settings_are_safe() {
    fails(
        &Lab::new(),
        &[
            "cat /proc/sys/kernel/panic > /proc/sys/kernel/panic",
            "echo core > /proc/sys/kernel/core_pattern",
            "echo h > /proc/sysrq-trigger && test -s /proc/sysrq-trigger",
            "echo 1 > /sys/kernel/uevent_seqnum",
            "touch /sys/x",
            "echo 0 > /proc/irq/default_smp_affinity",
            "test -s /proc/kcore",
        ],
    );
}

fn mounts_are_locked() {
    fails(
        &Lab::new(),
        &[
            "umount /proc/sys",
            "umount /proc",
            "umount -l /proc/kcore",
            "mount -o remount,bind,rw /proc/sys",
            "mount -o remount,rw /sys",
            "umount /usr",
            "mkdir -p /tmp/p && mount -t proc p /tmp/p && cat /tmp/p/sys/kernel/panic > /tmp/p/sys/kernel/panic",
            "mkdir -p /tmp/s && mount -t sysfs s /tmp/s && touch /tmp/s/x",
            "mkdir -p /tmp/r && mount --bind / /tmp/r && umount /tmp/r/proc",
        ],
    );
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(
        &mut *machine,
        "mkdir /tmp/own && mount -t tmpfs own /tmp/own && touch /tmp/own/x && umount /tmp/own",
    );
}

fn devices_cannot_be_made() {
    fails(
        &Lab::new(),
        &["mknod /tmp/disk b 254 0", "mknod /dev/mem2 c 1 1", "ls /dev/vda /dev/sda /dev/mem"],
    );
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(
        &mut *machine,
        "echo x > /dev/null && head -c 4 /dev/urandom | wc -c && ls /dev/fd/0 /dev/shm /dev/pts /dev/ptmx",
    );
}

fn agent_is_opaque() {
    fails(
        &Lab::new(),
        &[
            "ls /proc/1/root/",
            "for file in /proc/1/fd/* /proc/1/cwd /proc/1/exe; do readlink $file && exit 0; done; exit 1",
            "for file in /proc/1/fd/*; do (exec 9< $file) && exit 0; done; exit 1",
            "cat /proc/1/environ | grep .",
            "cat /proc/1/maps | grep .",
            "nsenter -t 1 -m true",
            "test -e /.layerc -o -e /stage",
        ],
    );
}

fn names_are_own() {
    let before = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    assert_eq!(output(&mut *machine, "hostname changed; hostname"), "changed\n");
    assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), before);
}

fn network_is_own() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    assert_eq!(output(&mut *machine, "ls /sys/class/net 2>/dev/null || echo lo"), "lo\n");
    let script = "exec 9<>/dev/tcp/127.0.0.1/1";
    let outcome = run(&mut *machine, script);
    assert!(outcome.stderr.contains("Connection refused"), "loopback is up: {outcome:?}");
    // Two machines can use one port.
    let listen = "python3 -c 'import socket; s = socket.create_server((\"127.0.0.1\", 8765)); print(\"ok\")'";
    let mut other = lab.start(&[]);
    for machine in [&mut machine, &mut other] {
        let outcome = run(
            &mut **machine,
            &format!("command -v python3 > /dev/null || {{ echo ok; exit; }}; {listen}"),
        );
        assert_eq!(outcome.stdout, "ok\n", "{outcome:?}");
    }
}

/// Numbers from `asm/unistd_64.h`; perl can make any call. EPERM is 1, ENOSYS 38.
fn calls_are_filtered() {
    if !cfg!(target_arch = "x86_64") {
        return skipped("the numbers of the calls are those of x86-64");
    }
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    // keyctl, bpf, perf_event_open, io_uring_setup, open_by_handle_at; the second number of getpid, and the first.
    let script = "perl -e 'use Socket; \
                  for ([250, 0], [321, 0, 0, 0], [298, 0], [425, 1, 0], [304, 0, 0, 0], [0x40000027], [39]) \
                  { $! = 0; my ($call, @rest) = @$_; syscall($call, @rest); print 0 + $!, \" \"; } \
                  print socket(my $s, 40, SOCK_STREAM, 0) ? \"vsock\" : 0 + $!;'";
    assert_eq!(output(&mut *machine, script), "1 1 1 1 1 38 0 1");
}

/// A file that is removed again, with the directories made for it.
struct Planted {
    made: Vec<PathBuf>,
}

impl Planted {
    fn plant(path: &str, text: &str) -> Self {
        let path = Path::new(path);
        let mut made = vec![path.to_owned()];
        made.extend(
            path.ancestors().skip(1).take_while(|parent| !parent.exists()).map(Path::to_owned),
        );
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        Self { made }
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        for path in &self.made {
            let _ = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
        }
    }
}

/// Where secrets lie on hosts.
const SECRET_PLACES: &[&str] = &[
    "/root/.ssh/layerc-planted-key",
    "/root/layerc-planted",
    "/root/.aws/layerc-planted",
    "/root/.docker/layerc-planted.json",
    "/root/.kube/layerc-planted",
    "/home/layerc-planted-person/.netrc",
    "/tmp/layerc-planted",
    "/run/layerc-planted",
    "/var/tmp/layerc-planted",
    "/mnt/layerc-planted/data",
    "/media/layerc-planted/stick",
    "/srv/layerc-planted",
    "/layerc-planted-top/data",
    "/etc/ssh/ssh_host_layerc_planted_key",
    "/etc/ssl/private/layerc-planted.pem",
    "/etc/layerc-planted.key",
    "/etc/cloud/layerc-planted.cfg",
    "/etc/kubernetes/layerc-planted.conf",
    "/etc/docker/layerc-planted.json",
    "/etc/sudoers.d/layerc-planted",
    "/etc/NetworkManager/system-connections/layerc-planted",
    "/etc/wireguard/layerc-planted.conf",
    "/etc/letsencrypt/live/layerc-planted/privkey.pem",
    "/var/lib/cloud/instance/layerc-planted",
    "/var/lib/docker/layerc-planted",
    "/var/lib/kubelet/layerc-planted",
    "/var/lib/postgresql/layerc-planted",
    "/var/log/layerc-planted.log",
    "/var/spool/cron/crontabs/layerc-planted",
    "/var/backups/layerc-planted.bak",
    "/var/www/layerc-planted",
];

fn secrets_are_hidden() {
    if !is_root() {
        return skipped("planting secrets needs root");
    }
    // Put together at run time, so that this program's own bytes are no finding.
    let secret = ["planted", "secret", &std::process::id().to_string()].join("-");
    let planted: Vec<Planted> =
        SECRET_PLACES.iter().map(|path| Planted::plant(path, &secret)).collect();
    let lab = Lab::with(&[("secret-file", &secret)]);
    fs::write(lab.store.path().join("secret-file"), &secret).unwrap();
    let mut machine = lab.start(&[]);
    let script = "find / -xdev -name '*planted*' 2>/dev/null; \
                  grep -rIls --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr --exclude-dir=opt \"$NEEDLE\" / ; true";
    let mut command = super::command(script);
    command.environment.insert("NEEDLE".to_owned(), secret.clone());
    let outcome = super::run_command(&mut *machine, &command);
    let findings: Vec<&str> =
        outcome.stdout.lines().filter(|line| !line.starts_with("/dev/fd")).collect();
    assert!(findings.is_empty(), "{findings:?}");
    let parent = lab.store.path().parent().unwrap().display();
    assert_eq!(
        output(
            &mut *machine,
            &format!("ls -A {parent} /root /home /srv /mnt /media | grep -v : | grep .; true")
        ),
        ""
    );
    drop(planted);
}

fn accounts_are_clean() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    let people =
        output(&mut *machine, "awk -F: '$3 >= 1000 && $3 != 65534' /etc/passwd /etc/group");
    assert_eq!(people, "");
    let passwords = output(&mut *machine, "awk -F: '$2 != \"*\" && $2 != \"!\"' /etc/shadow");
    assert_eq!(passwords, "");
}

fn nested_namespaces() {
    fails(
        &Lab::new(),
        &[
            "unshare -Urm sh -c 'umount /proc/sys'",
            "unshare -Urm sh -c 'cat /proc/sys/kernel/panic > /proc/sys/kernel/panic'",
            "unshare -Urmpf sh -c 'mount -t proc p /proc && cat /proc/sys/kernel/panic > /proc/sys/kernel/panic'",
            "unshare -Urn sh -c 'ls /proc/1/root/'",
        ],
    );
}

fn store_inside() {
    let Ok(place) = tempfile::tempdir_in("/opt") else {
        return skipped("making a store in /opt needs root");
    };
    fs::create_dir_all(place.path().join("beside")).unwrap();
    fs::write(place.path().join("beside/file"), "seen").unwrap();
    let lab = Lab::in_store(&place.path().join("store"));
    let mut machine = lab.start(&[]);
    let path = place.path().display();
    assert_eq!(
        output(
            &mut *machine,
            &format!("ls {path}; cat {path}/beside/file; echo x > {path}/beside/new")
        ),
        "beside\nseen"
    );
    let layer = match machine.freeze().unwrap() {
        Freeze::Frozen(layer) => Layer::Frozen(layer),
        other => panic!("expected a layer, got {other:?}"),
    };
    drop(machine);
    assert_eq!(output(&mut *lab.start(&[layer]), &format!("cat {path}/beside/new")), "x\n");
}
