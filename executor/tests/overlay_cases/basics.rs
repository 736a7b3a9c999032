//! Commands, exit codes, streams, and files that survive.

use super::{Case, Lab, output, run};
use layerc_executor::backend::{CommandEnd, CopyRequest, Freeze, Layer};

pub(crate) const CASES: &[Case] = &[
    ("commands run and tell their end", commands_run),
    ("streams are kept apart", streams_are_kept_apart),
    ("files live on in layers", files_live_on),
    ("copied files are seen and their reading is recorded", copied_files_are_seen),
    ("nothing is left of a machine", nothing_is_left),
];

fn commands_run() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    assert_eq!(run(&mut *machine, "true").end, CommandEnd::Exited(0));
    assert_eq!(run(&mut *machine, "exit 7").end, CommandEnd::Exited(7));
    assert_eq!(run(&mut *machine, "false; true").end, CommandEnd::Exited(0));
    assert_eq!(run(&mut *machine, "kill -TERM $$").end, CommandEnd::Signalled(15));
    assert_eq!(run(&mut *machine, "no-such-program").end, CommandEnd::Exited(127));
    assert_eq!(
        output(&mut *machine, "pwd; id -un; hostname; echo $HOME"),
        "/root\nroot\nlab\n/root\n"
    );
}

fn streams_are_kept_apart() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    let outcome = run(&mut *machine, "echo out; echo err >&2; echo answer >&3; cat");
    assert_eq!(
        (&*outcome.stdout, &*outcome.stderr, &*outcome.answer),
        ("out\n", "err\n", "answer\n")
    );
}

fn files_live_on() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(
        &mut *machine,
        "echo one > /tmp/a; mkdir /usr/local/mine; echo two > /usr/local/mine/b; rm /etc/os-release",
    );
    let Freeze::Frozen(first) = machine.freeze().unwrap() else { panic!("nothing frozen") };
    assert_eq!(machine.freeze().unwrap(), Freeze::Unchanged);
    assert_eq!(
        output(&mut *machine, "cat /tmp/a /usr/local/mine/b; ls /etc/os-release 2>/dev/null; true"),
        "one\ntwo\n"
    );
    assert_eq!(machine.freeze().unwrap(), Freeze::Unchanged);
    drop(machine);
    let mut machine = lab.start(&[Layer::Frozen(first)]);
    assert_eq!(
        output(&mut *machine, "cat /tmp/a /usr/local/mine/b; ls /etc/os-release 2>/dev/null; true"),
        "one\ntwo\n"
    );
}

fn copied_files_are_seen() {
    let lab = Lab::with(&[("src/a.txt", "A"), ("src/sub/b.txt", "B"), ("unread", "U")]);
    let mut machine = lab.start(&[]);
    let request = |destination: &str| CopyRequest {
        sources: vec![String::new()],
        destination: destination.to_owned(),
        workdir: "~".to_owned(),
        user: "root".to_owned(),
    };
    let copied = machine.copy(&request("/tmp/app")).unwrap();
    assert_eq!(
        output(
            &mut *machine,
            "cat /tmp/app/src/a.txt; echo x >> /tmp/app/src/sub/b.txt; stat -c %a /tmp"
        ),
        "A1777\n"
    );
    let paths: Vec<String> = machine
        .take_reads()
        .answers
        .keys()
        .map(|(path, question)| format!("{path} {question:?}"))
        .collect();
    assert!(paths.contains(&"src/a.txt Content".to_owned()), "{paths:?}");
    assert!(!paths.iter().any(|path| path.starts_with("unread")), "{paths:?}");
    let Freeze::Frozen(layer) = machine.freeze().unwrap() else { panic!("nothing frozen") };
    drop(machine);
    std::fs::write(lab.repository.path().join("unread"), "new").unwrap();
    let mut machine = lab.start(&[Layer::Copied(copied), Layer::Frozen(layer)]);
    assert_eq!(output(&mut *machine, "cat /tmp/app/src/sub/b.txt /tmp/app/unread"), "Bx\nnew");
}

fn nothing_is_left() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(&mut *machine, "sleep 1000 & disown");
    assert_eq!(machine.freeze().unwrap(), Freeze::ProcessesAlive(vec!["sleep".to_owned()]));
    drop(machine);
    let runs = std::fs::read_dir(lab.store.path().join("runs")).unwrap();
    assert_eq!(runs.count(), 0);
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(lab.store.path().to_str().unwrap()), "{mounts}");
}
