//! Commands, exit codes, streams, and files that survive.

use super::{Case, Lab, output, run};
use layerc_executor::backend::{CommandEnd, Freeze, Layer};

pub(crate) const CASES: &[Case] = &[
    ("commands run and tell their end", commands_run),
    ("streams are kept apart", streams_are_kept_apart),
    ("files live on in layers", files_live_on),
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
