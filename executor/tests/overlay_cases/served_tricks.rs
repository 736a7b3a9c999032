//! What a step may try with copied files, which lie in a file system of the executor: odd names, endless questions, other
//! calls than reading, and races with COPY itself. The repository is never written, and the executor goes on.

use super::{Case, Lab, output, run, run_command};
use layerc_executor::backend::{Attachment, Command, CommandEnd, CopyRequest};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(crate) const CASES: &[Case] = &[
    ("odd names and endless questions are answered", odd_questions),
    ("nothing that is done to copied files reaches the repository", repository_is_safe),
    ("the file system behind copied files is out of sight", server_is_out_of_sight),
    ("COPY is not led out of the machine by a race", copies_stay_inside),
];

const FILES: &[(&str, &str)] =
    &[("d/a", "first\n"), ("d/b", "second\n"), ("d/c", "third\n"), ("d/deep/e", "fourth\n")];

fn request(source: &str, destination: &str) -> CopyRequest {
    CopyRequest {
        sources: vec![source.to_owned()],
        destination: destination.to_owned(),
        workdir: "/root".to_owned(),
        user: "root".to_owned(),
    }
}

/// Name, content, mode and time of everything.
fn look(directory: &Path) -> Vec<String> {
    let mut seen = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let metadata = entry.metadata().unwrap();
        let (mode, changed) = (metadata.mode(), metadata.ctime_nsec());
        seen.push(format!("{:?} {mode:o} {changed} {}", entry.file_name(), metadata.nlink()));
        if metadata.is_dir() {
            seen.extend(look(&entry.path()));
        } else {
            seen.push(fs::read_to_string(entry.path()).unwrap());
        }
    }
    seen.sort();
    seen
}

fn odd_questions() {
    let lab = Lab::with(FILES);
    let mut machine = lab.start(&[]);
    machine.copy(&request("d", "/x")).unwrap();
    let script = r#"perl -e '
        my @found = grep { lstat "/x/$_" } ("a\nb", "\xff\xfe", "x" x 255, "x" x 256, "...", " ", "a/", "a/b", "\x01", "deep/../a");
        print "found: @found\n";
        open(my $file, "<", "/x/a"); print sysread($file, my $all, 1 << 30), "\n";
        sysseek($file, 1 << 62, 0); print sysread($file, $all, 4096), "\n";
        for (1..20000) { stat "/x/none$_"; } for (1..2000) { stat "/x/a"; opendir(my $d, "/x"); readdir $d; }
    '; cat /x/b"#;
    assert_eq!(output(&mut *machine, script), "found: deep/../a\n6\n0\nsecond\n");
    assert!(machine.take_reads().answers.len() > 20_000, "every question is known");
    assert_eq!(output(&mut *machine, "cat /x/c"), "third\n");
}

fn repository_is_safe() {
    let lab = Lab::with(FILES);
    let before = look(lab.repository.path());
    let mut machine = lab.start(&[]);
    machine.copy(&request("d", "/x")).unwrap();
    let script = r#"cd /x; exec 2> /dev/null
        flock a true && perl -e 'use Fcntl; open(my $f, "+<", "/x/b"); my $lock = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0); fcntl($f, F_SETLK, $lock) or die;
            for my $call (0xC0045877, 0x40086602, 0x8004e500, 0x5421, 0x40049409) { my $nothing = pack("q4", 0, 0, 0, 0); ioctl($f, $call, $nothing); }' &&
        echo more >> a && dd if=/dev/zero of=b bs=1 count=2 conv=notrunc && truncate -s 1M c && ln a hard && chmod 4777 a && { chown 1:1 b || true; } &&
        touch -d 1999-01-01 c && mv deep/e moved && rm -r deep && mkdir deep && echo new > deep/f;
        setfattr -n user.x -v y a; ls; cat a; exec 5<> a; echo through >&5; cat /proc/self/fd/5 > /dev/null; echo x > /proc/self/fd/5; rm a"#;
    let seen = output(&mut *machine, script);
    assert_eq!(seen, "a\nb\nc\ndeep\nhard\nmoved\nfirst\nmore\n");
    drop(machine);
    assert_eq!(look(lab.repository.path()), before);
}

fn server_is_out_of_sight() {
    let lab = Lab::with(FILES);
    let mut machine = lab.start(&[]);
    machine.copy(&request("d", "/x")).unwrap();
    let script = "exec 5< /x/a; grep -c fuse /proc/self/mountinfo; readlink /proc/*/fd/* 2> /dev/null | grep -c -e fuse -e layerc; \
                  test -e /dev/fuse; echo $?; stat -f -c %T /x/a; ls /sys/fs/fuse/connections 2> /dev/null";
    assert_eq!(run(&mut *machine, script).stdout, "0\n0\n1\noverlayfs\n");
    let outcome = run(
        &mut *machine,
        "mknod /tmp/fuse c 10 229 || mount -t fuse -o fd=0,rootmode=40000,user_id=0,group_id=0 f /mnt",
    );
    assert_ne!(outcome.end, CommandEnd::Exited(0), "{outcome:?}");
}

/// A process of the machine exchanges the destination with a link to a place that exists on the host alone.
fn copies_stay_inside() {
    let lab = Lab::with(FILES);
    let outside = tempfile::tempdir().unwrap();
    let away = outside.path().display();
    let before = look(lab.repository.path());
    let mut machine = lab.start(&[]);
    let racing = format!(
        "mkdir -p /t; while :; do mkdir /t/dst; rmdir /t/dst; ln -s {away} /t/dst; rm -f /t/dst; ln -s ../../../../../../{away} /t/dst; rm -f /t/dst; done 2> /dev/null"
    );
    let racing = Command { mode: Attachment::Background, ..super::command(&racing) };
    assert_eq!(run_command(&mut *machine, &racing).end, CommandEnd::LeftRunning);
    let mut arrived = 0;
    for number in 0..30 {
        let source = if number % 2 == 0 { "d" } else { "d/a" };
        // It may arrive, or be refused because the destination was something else at the wrong moment.
        arrived += usize::from(machine.copy(&request(source, "/t/dst")).is_ok());
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "written to the host");
    assert_eq!(look(lab.repository.path()), before);
    let outcome = run(&mut *machine, "echo alive");
    assert_eq!(outcome.stdout, "alive\n", "after {arrived} copies: {outcome:?}");
}
