//! Three real workloads from end to end, cold and after a change of one file, in layerc and in docker: the same files,
//! the same instructions in the way most people write them, the same root file system below.
//!
//! docker gets the host's network, its fastest, and needs none: packages come from caches among the files.

use crate::clock::{median, milliseconds};
use crate::peers::{docker, import};
use crate::real_builds::projects::{self, Prepared, write};
use crate::table::{Goal, Table, Unit};
use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::project_files::root;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Edits after the first build; each is built by both, in turn.
const ROUNDS: usize = 3;

/// What the root file system of both is made of.
const PACKAGES: &[&str] = &[
    "bash",
    "ca-certificates",
    "coreutils",
    "dash",
    "findutils",
    "gcc",
    "git",
    "grep",
    "libc6-dev",
    "make",
    "nodejs",
    "perl-base",
    "python3",
    "python3-pip",
    "sed",
];

/// How docker calls it.
const IMAGE: &str = "layerc-bench-workloads";

/// Something that people build.
struct Workload {
    name: &'static str,
    /// The project and what it fetched.
    prepare: fn() -> Result<Prepared, String>,
    /// Files of its own over that.
    files: &'static [(&'static str, &'static str)],
    /// A prefix of RUN in layerc for the step that builds; docker has no such thing.
    repeatable: &'static str,
    /// What runs behind the build.
    test: &'static str,
    /// The file that is edited, and how a line of comment begins in it.
    edited: (&'static str, &'static str),
}

const NODE_SERVER: &str = "const express = require('express');\nconst app = express();\n\
    app.get('/greet/:name', (request, response) => response.send(`hello ${request.params.name}`));\nmodule.exports = app;\n";
const NODE_TEST: &str = "const server = require('./server').listen(0, async () => {\n\
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/greet/you`);\n\
    if (await answer.text() !== 'hello you') process.exit(1);\n  process.exit(0);\n});\n";
const PYTHON_APP: &str = "import flask\n\napp = flask.Flask(__name__)\n\n\n@app.get('/greet/<name>')\ndef greet(name):\n    return f'hello {name}'\n";
const PYTHON_TEST: &str =
    "from app import app\n\nassert app.test_client().get('/greet/you').text == 'hello you'\n";
const C_TEST: &str = "#include \"lua.h\"\n#include \"lauxlib.h\"\n#include \"lualib.h\"\n\
    int main(void) { lua_State *state = luaL_newstate(); luaL_openlibs(state); return luaL_dostring(state, \"assert(6 * 7 == 42)\"); }\n";

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "Node service: npm ci, then its test",
        prepare: projects::node,
        files: &[("server.js", NODE_SERVER), ("test.js", NODE_TEST)],
        repeatable: "",
        test: "node test.js",
        edited: ("server.js", "//"),
    },
    Workload {
        name: "Python service: pip install, then its test",
        prepare: projects::python,
        files: &[("app.py", PYTHON_APP), ("test.py", PYTHON_TEST)],
        repeatable: "",
        test: "PYTHONPATH=/srv/site python3 test.py",
        edited: ("app.py", "#"),
    },
    Workload {
        name: "C program: make of Lua, then its test",
        prepare: projects::lua,
        files: &[("test.c", C_TEST)],
        repeatable: "REPEATABLE ",
        test: "gcc -o /srv/test -Ivendor/lua-src/lua-5.4.9 test.c liblua.a -lm && /srv/test",
        edited: ("vendor/lua-src/lua-5.4.9/lstrlib.c", "//"),
    },
];

pub(crate) fn measure(table: &mut Table) {
    let unmeasured = |table: &mut Table, reason: &str| {
        for workload in WORKLOADS {
            table.unmeasured(workload.name, reason);
        }
    };
    let place = tempfile::tempdir().expect("a temporary directory");
    let archive = place.path().join("root.tar");
    if let Err(reason) = make_root(&archive) {
        return unmeasured(table, &reason);
    }
    let docker = docker().and_then(|program| import(&program, &archive, IMAGE).map(|()| program));
    if let Err(reason) = &docker {
        table.unmeasured("the workloads in docker", reason);
    }
    for workload in WORKLOADS {
        match (workload.prepare)() {
            Ok(prepared) => {
                eprintln!("  {} …", workload.name);
                let docker = docker.as_deref().ok();
                if let Err(reason) = compare(workload, &prepared, &archive, docker, table) {
                    table.unmeasured(workload.name, &reason);
                }
            }
            Err(reason) => table.unmeasured(workload.name, &reason),
        }
    }
}

fn make_root(archive: &Path) -> Result<(), String> {
    let mut script = Command::new(root().join("tests/bench/workloads/root"));
    let made = Outcome::of(script.arg(archive).args(PACKAGES));
    if made.status.success() {
        return Ok(());
    }
    Err(format!("no root file system: {}", made.stderr.lines().last().unwrap_or_default()))
}

/// Both files, with the same instructions.
fn write_instructions(workload: &Workload, prepared: &Prepared) -> Result<(), String> {
    let Workload { repeatable, test, .. } = workload;
    let build = &prepared.build;
    let write = |name: &str, text: &str| write(&prepared.directory, name, text);
    for (name, text) in workload.files {
        write(name, text)?;
    }
    write(
        "Layerfile",
        &format!(
            "FROM bench/root:1\nWORKDIR /srv/app\nCOPY . .\nRUN {repeatable}{build}\nRUN {test}\n"
        ),
    )?;
    write(
        "Dockerfile",
        &format!("FROM {IMAGE}\nWORKDIR /srv/app\nCOPY . .\nRUN {build}\nRUN {test}\n"),
    )
}

fn compare(
    workload: &Workload,
    prepared: &Prepared,
    archive: &Path,
    docker: Option<&str>,
    table: &mut Table,
) -> Result<(), String> {
    write_instructions(workload, prepared)?;
    let store = tempfile::tempdir().expect("a temporary directory");
    let own = || own_milliseconds(prepared, archive, &store);
    let peer = || docker.map(|program| docker_milliseconds(program, prepared)).transpose();
    make_ready(archive, &store);
    let cold = (own()?, peer()?);
    let (mut own_warm, mut peer_warm) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        edit(workload, prepared, round);
        own_warm.push(own()?);
        peer_warm.extend(peer()?);
    }
    let name = workload.name;
    let mut show = |what: &str, value| {
        table.figure(&format!("{name}, {what}"), value, Unit::Milliseconds, Goal::None);
    };
    show("cold", cold.0);
    let own_warm = median(own_warm);
    show("one file changed", own_warm);
    if let Some(cold) = cold.1 {
        let peer_warm = median(peer_warm);
        show("cold, docker", cold);
        show("one file changed, docker", peer_warm);
        let what = format!("{name}, one file changed: faster than docker");
        table.figure(&what, peer_warm / own_warm, Unit::Times, Goal::AtLeast(3.0));
    }
    Ok(())
}

/// Unpacks the root file system, as docker has done too when it is asked to build.
fn make_ready(archive: &Path, store: &TempDir) {
    let mut command = layerc(["image", "build", "--store"]);
    command.arg(store.path()).arg(format!("rootfs:{}", archive.display()));
    let outcome = Outcome::of(command.current_dir(store.path()));
    assert!(outcome.status.success(), "{}", outcome.stderr);
}

fn edit(workload: &Workload, prepared: &Prepared, round: usize) {
    let (name, comment) = workload.edited;
    let path = prepared.directory.path().join(name);
    let text = std::fs::read_to_string(&path).expect("the file that is edited");
    std::fs::write(&path, format!("{text}{comment} edit {round}\n")).expect("an edit");
}

fn own_milliseconds(prepared: &Prepared, archive: &Path, store: &TempDir) -> Result<f64, String> {
    let mut command = layerc(["run", "--format", "plain", "--image"]);
    command.arg(format!("bench/root:1=rootfs:{}", archive.display())).arg("--store");
    command.arg(store.path()).arg(prepared.directory.path());
    timed(&mut command)
}

fn docker_milliseconds(program: &str, prepared: &Prepared) -> Result<f64, String> {
    let mut command = Command::new(program);
    command.args(["build", "--quiet", "--network", "host"]).arg(prepared.directory.path());
    timed(command.env("DOCKER_BUILDKIT", "1"))
}

/// Milliseconds until it is done; what it said last if it fails.
fn timed(command: &mut Command) -> Result<f64, String> {
    command.stdin(Stdio::null());
    let (elapsed, outcome) = milliseconds(|| Outcome::of(command));
    if outcome.status.success() {
        return Ok(elapsed);
    }
    let said = outcome.everything();
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{} failed: {last}", command.get_program().display()))
}
