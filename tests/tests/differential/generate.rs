//! Random scenarios. Few names, so that everything often hits the same file; short texts, so that sizes often agree.

use crate::random::Random;
use crate::scenario::{Edit, Scenario};

/// Paths below `tree/`: some are directories in one scenario and files in the next.
const PATHS: &[&str] = &[
    "one",
    "two.txt",
    "tool",
    "a",
    "a/one",
    "a/two.txt",
    "a/three.txt",
    "a/tool",
    "a/deep",
    "a/deep/one",
    "a/deep/x.txt",
    "b",
    "b/one",
    "b/two.txt",
    "b/tool",
    "b/deep/one",
    "lib/one",
    "lib/x.txt",
];
const DIRECTORIES: &[&str] = &[".", "a", "b", "lib", "a/deep", "b/deep"];
const WORDS: &[&str] = &["red", "tan", "sky", "ash", "red tan", "sky ash"];
const MODES: &[u32] = &[0o644, 0o755, 0o600, 0o700];

/// A whole one.
pub(crate) fn scenario(random: &mut Random) -> Scenario {
    let tree = (0..random.between(3, 12)).map(|_| creation(random)).collect();
    let instructions: Vec<String> =
        (0..random.between(2, 8)).map(|_| instruction(random)).collect();
    let in_parent =
        if random.one_in(3) { random.between(1, instructions.len()) } else { instructions.len() };
    let batches = (0..random.between(2, 4)).map(|_| batch(random)).collect();
    Scenario { tree, instructions, in_parent, batches }
}

fn batch(random: &mut Random) -> Vec<Edit> {
    (0..random.between(1, 3)).map(|_| edit(random)).collect()
}

fn path(random: &mut Random) -> String {
    format!("tree/{}", random.pick(PATHS))
}

fn text(random: &mut Random, path: &str) -> String {
    let word = random.pick(WORDS);
    if path.ends_with("tool") {
        format!("#!/bin/bash\necho {word} >> /srv/out\n")
    } else {
        format!("{word}\n")
    }
}

fn creation(random: &mut Random) -> Edit {
    let path = path(random);
    if random.one_in(5) {
        let target = random.pick(&["one", "a", "deep", "../b", "two.txt", "nowhere", "."]);
        return Edit::Link(path, (*target).to_owned());
    }
    let text = text(random, &path);
    Edit::Write(path, text)
}

fn edit(random: &mut Random) -> Edit {
    match random.below(8) {
        0..=2 => creation(random),
        3 => Edit::Append(path(random), "more\n".to_owned()),
        4 => Edit::SetMode(path(random), *random.pick(MODES)),
        5 => Edit::Remove(path(random)),
        6 => Edit::Rename(path(random), path(random)),
        _ => {
            let path = path(random);
            let text = text(random, &path);
            Edit::Write(path, text)
        }
    }
}

/// Mostly RUN; the others change what a RUN sees.
fn instruction(random: &mut Random) -> String {
    match random.below(13) {
        0 => format!("WORKDIR /srv/work/{}", random.pick(DIRECTORIES)),
        1 => format!(
            "COPY /tree/{} /srv/second-{}",
            random.pick(&["*", ".", "a*", "[lt]*"]),
            random.below(3)
        ),
        2 => format!("ENV V=\"$(head --bytes 5 {} 2>/dev/null || true)\"", random.pick(PATHS)),
        3 => "CACHE /kept".to_owned(),
        _ => {
            let commands: Vec<String> =
                (0..random.between(1, 2)).map(|_| command(random)).collect();
            format!("RUN {}; true", commands.join("; "))
        }
    }
}

/// One command whose result is a function of what it sees: nothing with times, numbers of processes or random order,
/// and no two processes that write their words at the same time.
fn command(random: &mut Random) -> String {
    let (path, other) = (*random.pick(PATHS), *random.pick(PATHS));
    let directory = *random.pick(DIRECTORIES);
    let word = *random.pick(WORDS);
    let number = random.below(3);
    let command = match random.below(34) {
        0..=2 => format!("cat {path}"),
        3 => format!("test -e {path} && echo there || echo not there"),
        4 => format!("test -x {path} && echo executable || echo not executable"),
        5 => format!("test -d {path} && echo directory; test -L {path} && echo link"),
        6 | 7 => format!("ls {directory}"),
        8 => format!("ls --recursive --classify {directory}"),
        9 => format!("stat --format '%a %F' {path}"),
        10 => format!("test -f {path} && stat --format %s {path}"),
        11 => format!("find {directory} | LC_ALL=C sort"),
        12 => format!("find {directory} -type f -perm -100 | LC_ALL=C sort"),
        13 => format!("find {directory} -empty | LC_ALL=C sort"),
        14 => format!(
            "grep --recursive {} {directory} | LC_ALL=C sort",
            word.split(' ').next().unwrap()
        ),
        15 => format!("cp --recursive {directory} /srv/copy-{number}"),
        16 => format!("cp --archive {path} /srv/taken-{number}"),
        17 => format!("mv {path} {other}"),
        18 => format!("mv {path} /srv/moved-{number}"),
        19 => format!("ln --symbolic {path} {other}"),
        20 => format!("ln {path} {other}"),
        21 => format!("readlink {path}"),
        22 => format!("mkdir --parents {other}"),
        23 => format!("echo {word} >> {path}"),
        24 => format!("echo {word} > {path}"),
        25 => format!("rm --recursive --force {path}"),
        26 => format!("chmod 711 {path}"),
        27 => format!("echo {directory}/*"),
        28 => format!("{directory}/tool"),
        29 => format!("sed --in-place s/red/blue/ {path}"),
        30 => format!("cmp {path} {other} && echo equal"),
        // What is in a cache shows nowhere; what was read to put it there was read.
        31 | 32 => format!(
            "(mkdir --parents /kept; cp --recursive {path} /kept/{number}; rm --recursive --force /kept/{}) \
             > /dev/null 2>&1",
            2 - number
        ),
        _ => format!("tar --create --sort=name --mtime=@0 {directory} 2>/dev/null | sha256sum"),
    };
    format!("({command}) >> /srv/out 2>&1")
}
