//! Users, homes, working directories, environments, setup files.

use super::{Case, Lab, command, is_root, output, run, run_command, skipped};
use layerc_executor::backend::{Command, CommandEnd};

pub(crate) const CASES: &[Case] = &[
    ("a missing user is made", missing_user_is_made),
    ("working directories are made", workdirs_are_made),
    ("variables win over login files", variables_win),
    ("nothing but files survives a command", nothing_survives),
    ("setup files are sourced in order and watched", setup_files),
    ("a user name that is none is refused", bad_user),
    ("a user can become root", user_can_become_root),
];

fn as_user(name: &str, script: &str) -> Command {
    Command { user: name.to_owned(), workdir: "~".to_owned(), ..command(script) }
}

fn missing_user_is_made() {
    let lab = Lab::new();
    if !lab.has_other_users() {
        return skipped("other users need root or newuidmap");
    }
    let mut machine = lab.start(&[]);
    let script = "id -un; pwd; echo $HOME $USER $LOGNAME $SHELL; id -Gn | tr ' ' '\\n' | sort; stat -c %U ~; touch ~/x";
    let outcome = run_command(&mut *machine, &as_user("ci", script));
    let expected = "ci\n/home/ci\n/home/ci ci ci /bin/bash\nci\nroot\nci\n";
    assert_eq!((outcome.end, &*outcome.stdout), (CommandEnd::Exited(0), expected), "{outcome:?}");
    assert_eq!(
        output(&mut *machine, "stat -c %U:%G /home/ci/x; getent group root"),
        "ci:ci\nroot:x:0:ci\n"
    );
    let in_roots_home = Command { workdir: "/root".to_owned(), ..as_user("ci", "echo $PWD") };
    let outcome = run_command(&mut *machine, &in_roots_home);
    assert_eq!((&*outcome.stdout, &*outcome.stderr), ("/root\n", ""));
    let again = run_command(&mut *machine, &as_user("ci", "id -u"));
    assert_eq!(again.stdout, "1000\n");
    assert_ne!(
        run_command(&mut *machine, &as_user("ci", "touch /etc/x")).end,
        CommandEnd::Exited(0)
    );
}

fn workdirs_are_made() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    let place = |workdir: &str| Command {
        workdir: workdir.to_owned(),
        ..command("pwd; stat -c %u:%a .; echo $PWD")
    };
    let outcome = run_command(&mut *machine, &place("/a/b c/d"));
    assert_eq!(outcome.stdout, "/a/b c/d\n0:755\n/a/b c/d\n");
    assert_eq!(run_command(&mut *machine, &place("~/x")).stdout, "/root/x\n0:755\n/root/x\n");
    assert_eq!(run_command(&mut *machine, &place("~")).stdout, "/root\n0:700\n/root\n");
}

fn variables_win() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(
        &mut *machine,
        "echo 'export A=profile B=profile' >> /etc/profile; echo 'C=rc' > ~/.profile",
    );
    let mut wanted = command("echo $A $B $C \"$D\" $BASH_ENV; env | grep -c ^a-b=; umask");
    wanted.environment = [("A", "mine"), ("D", "it's \"x\" $HOME\n`y`"), ("a-b", "1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let outcome = run_command(&mut *machine, &wanted);
    assert_eq!(outcome.stdout, "mine profile rc it's \"x\" $HOME\n`y`\n1\n0022\n");
    let debian = "echo $DEBIAN_FRONTEND; cat /etc/hosts | head -2; apt-config dump 2>/dev/null | grep -i assume || true";
    let outcome = run(&mut *machine, debian);
    assert!(outcome.stdout.contains("localhost"), "{outcome:?}");
}

fn nothing_survives() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(&mut *machine, "cd /tmp; export X=1; f() { :; }; alias g=h; set -e");
    let outcome = run(&mut *machine, "pwd; echo [$X]; type f; false; echo on");
    assert_eq!(outcome.stdout, "/root\n[]\non\n");
    assert!(outcome.stderr.starts_with("bash: line 1: type: f: not found"), "{outcome:?}");
    let outcome = run(&mut *machine, "echo 'a\nb'\n\nno-such-thing");
    assert!(
        outcome.stderr.starts_with("bash: line 4: no-such-thing"),
        "line numbers are the script's: {outcome:?}"
    );
}

fn setup_files() {
    let files = [
        ("x/.env", "A=1\nB=$A$A"),
        ("setup.sh", "C=3\nf() { echo f $B; }\necho set up"),
        ("bad.sh", "false"),
    ];
    let lab = Lab::with(&files);
    let mut machine = lab.start(&[]);
    let mut wanted =
        command("f; env | grep -E '^(A|B|C)=' | sort; ls /proc/self/fd | tr '\\n' ' '");
    wanted.setup_files = ["x/.env", "setup.sh", "bad.sh"].map(str::to_owned).into();
    let outcome = run_command(&mut *machine, &wanted);
    assert_eq!(outcome.stdout, "set up\nf 11\nA=1\nB=11\n0 1 2 3 4 ", "{outcome:?}");
    let reads: Vec<String> = machine
        .take_reads()
        .answers
        .keys()
        .map(|(path, question)| format!("{path} {question:?}"))
        .collect();
    for path in ["x/.env Content", "setup.sh Content", "bad.sh Content"] {
        assert!(reads.contains(&path.to_owned()), "{path}: {reads:?}");
    }
}

fn bad_user() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    let answer = machine.execute(&as_user("../x", "true"), &mut |_, _| {});
    assert_eq!(answer.unwrap_err().to_string(), "`../x` is not a user name");
    output(&mut *machine, "true");
}

fn user_can_become_root() {
    let lab = Lab::new();
    if !is_root() {
        return skipped("in an ordinary user's machine the host's `sudo` does not belong to root");
    }
    let mut machine = lab.start(&[]);
    if run(&mut *machine, "command -v sudo").end != CommandEnd::Exited(0) {
        return skipped("sudo is not installed");
    }
    let outcome = run_command(&mut *machine, &as_user("ci", "sudo -n id -u"));
    assert_eq!(outcome.stdout, "0\n", "{outcome:?}");
}
