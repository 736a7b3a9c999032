//! The builds: what each is, and how its files are prepared on this machine.

use layerc_tests::layerc::Outcome;
use layerc_tests::project_files::root;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A build.
#[derive(Debug)]
pub(crate) struct Project {
    /// What it is.
    pub(crate) name: &'static str,
    /// Makes its files, or says why that can't be done.
    pub(crate) prepare: fn() -> Result<Prepared, String>,
}

/// A build whose files are ready.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Its files.
    pub(crate) directory: TempDir,
    /// Bash text that builds in the directory of the files.
    pub(crate) build: String,
}

/// All of them.
pub(crate) const ALL: &[Project] = &[
    Project { name: "C: Lua 5.4 with make", prepare: lua },
    Project { name: "Rust: globset 0.4 and its dependencies with cargo", prepare: rust },
    Project { name: "Node: npm ci of express 4 from a local cache", prepare: node },
    Project { name: "Python: pip install of flask 3 from local wheels", prepare: python },
    Project { name: "git: clone, log, grep and status of 400 commits", prepare: git },
];

/// Where machines look for programs; what lies elsewhere is hidden from them.
fn visible(program: &str) -> Result<PathBuf, String> {
    let directories = ["/usr/local/bin", "/usr/bin", "/bin"].map(Path::new);
    let found =
        directories.iter().map(|directory| directory.join(program)).find(|path| path.is_file());
    found.ok_or_else(|| format!("no `{program}` in /usr/bin or /usr/local/bin"))
}

fn directory() -> Result<TempDir, String> {
    tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))
}

pub(crate) fn write(directory: &TempDir, path: &str, text: &str) -> Result<(), String> {
    let full = directory.path().join(path);
    let parent = full.parent().unwrap_or(directory.path());
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(&full, text))
        .map_err(|error| format!("{path}: {error}"))
}

fn run(command: &mut Command) -> Result<(), String> {
    let outcome = Outcome::of(command);
    let last = outcome.stderr.lines().last().unwrap_or_default();
    if outcome.status.success() {
        Ok(())
    } else {
        Err(format!("`{:?}` failed: {last}", command.get_program()))
    }
}

/// Vendors crates into a project, through cargo and the registry.
fn vendor(directory: &TempDir, dependencies: &str) -> Result<(), String> {
    let manifest = format!(
        "[package]\nname = \"measured\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n\n[dependencies]\n{dependencies}"
    );
    write(directory, "Cargo.toml", &manifest)?;
    run(Command::new(env!("CARGO"))
        .args(["vendor", "--quiet", "vendor"])
        .current_dir(directory.path()))
}

/// Lua's sources, as the crate `lua-src` carries them, with a makefile of one rule.
pub(crate) fn lua() -> Result<Prepared, String> {
    visible("make").and(visible("gcc"))?;
    let directory = directory()?;
    write(&directory, "src/lib.rs", "")?;
    vendor(&directory, "lua-src = \"=551.1.0\"\n")?;
    let makefile = "SOURCES := $(wildcard vendor/lua-src/lua-5.4*/*.c)\nOBJECTS := $(SOURCES:.c=.o)\n\
        liblua.a: $(OBJECTS)\n\tar rcs $@ $^\n%.o: %.c $(wildcard vendor/lua-src/lua-5.4*/*.h)\n\tgcc -O1 -c -o $@ $<\n";
    write(&directory, "Makefile", makefile)?;
    Ok(Prepared { directory, build: "make -j2".to_owned() })
}

/// The toolchain comes along as files of the repository when it lies where machines can't see it.
fn rust() -> Result<Prepared, String> {
    let directory = directory()?;
    write(&directory, "src/lib.rs", "pub use globset::GlobSet;\n")?;
    vendor(&directory, "globset = \"=0.4.18\"\n")?;
    write(
        &directory,
        ".cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n",
    )?;
    let sysroot =
        Outcome::of(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()));
    let sysroot = PathBuf::from(sysroot.stdout.trim());
    let toolchain = directory.path().join("toolchain");
    for part in ["bin", "lib"] {
        std::fs::create_dir_all(&toolchain).map_err(|error| error.to_string())?;
        run(Command::new("cp").arg("--recursive").arg(sysroot.join(part)).arg(&toolchain))?;
    }
    let build = "export PATH=$PWD/toolchain/bin:$PATH CARGO_HOME=/srv/cargo; cargo build --offline --jobs 2".to_owned();
    Ok(Prepared { directory, build })
}

/// Express and what it needs; the cache is filled from the registry once.
pub(crate) fn node() -> Result<Prepared, String> {
    visible("node").and(visible("npm"))?;
    let directory = directory()?;
    write(
        &directory,
        "package.json",
        "{\"name\":\"measured\",\"version\":\"1.0.0\",\"dependencies\":{\"express\":\"4.21.2\"}}\n",
    )?;
    let quiet = ["--cache", "npm-cache", "--no-audit", "--no-fund", "--ignore-scripts"];
    // Without the addresses in the lock file, which people may have turned off, the cache alone is not enough.
    let install = ["install", "--omit-lockfile-registry-resolved=false"];
    run(Command::new("npm").args(install).args(quiet).current_dir(directory.path()))?;
    std::fs::remove_dir_all(directory.path().join("node_modules"))
        .map_err(|error| error.to_string())?;
    Ok(Prepared { directory, build: format!("npm ci --offline {}", quiet.join(" ")) })
}

/// Flask and what it needs, as wheels from the registry.
pub(crate) fn python() -> Result<Prepared, String> {
    let python = visible("python3")?;
    let directory = directory()?;
    run(Command::new(&python)
        .args(["-m", "pip", "download", "--quiet", "--dest", "wheels", "flask==3.0.3"])
        .current_dir(directory.path()))?;
    Ok(Prepared { directory, build: "/usr/bin/python3 -m pip install --no-index --find-links wheels --target /srv/site flask==3.0.3".to_owned() })
}

/// A history made here: 400 commits over 600 files, as a bare repository (which, unlike `.git`, COPY brings along).
fn git() -> Result<Prepared, String> {
    visible("git")?;
    let directory = directory()?;
    let script = "set -e; git init --quiet work; cd work; git config user.name T; git config user.email t@example.org; \
        for i in $(seq 600); do mkdir -p d$((i % 30)); seq $i $((i + 60)) > d$((i % 30))/$i.txt; done; git add .; git commit --quiet -m 0; \
        for i in $(seq 400); do echo line $i >> d$((i % 30))/$((i + 30)).txt; git add .; git commit --quiet -m $i; done; \
        cd ..; git clone --quiet --bare work history; rm -rf work";
    run(Command::new("bash").args(["-c", script]).current_dir(directory.path()))?;
    let build = "git clone --no-local history /srv/clone && cd /srv/clone && git log --stat && git grep -c line && git status && git -C /srv/project/history fsck".to_owned();
    Ok(Prepared { directory, build })
}
