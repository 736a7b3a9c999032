//! What machines cost that boot a distribution's kernel, and what the same costs with Firecracker: in the lab
//! (`tests/kvm-lab/lab`), or on this machine where the processor itself runs virtual machines.
//!
//! LAYERC_BENCH_FIRECRACKER names Firecracker's program; without it there is nothing to compare with. Both monitors get the same
//! kernel (Debian's cloud kernel, as a plain file), the same first program, the same memory and one processor. In the lab the
//! processor is emulated: there, ratios say something, and milliseconds next to nothing.

mod firecracker;
mod guest_kernel;
mod inside;
mod marks;
mod memory;
mod ours;

use crate::table::{Goal, Table, Unit};
use layerc_executor::kvm::guest::initramfs::Initramfs;
use layerc_executor::kvm::probe;
use layerc_tests::kvm_lab::{MISSING, booting, give_layerc, pair, parts, preparing};
use layerc_tests::layerc::program;
use layerc_tests::project_files::root;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Argument of this program where it is started in the lab.
const INSIDE: &str = "--inside-lab";

/// Names Firecracker's program.
const FIRECRACKER: &str = "LAYERC_BENCH_FIRECRACKER";

/// Memory of the lab, in MiB: what ten machines wrote, twice, and Firecracker's files, which are as large as its guests.
const LAB_MEBIBYTES: &str = "6144";

/// Seconds for all of it in the lab.
const LAB_SECONDS: &str = "3000";

/// Seconds without a word after which it is stuck.
const SILENCE_SECONDS: &str = "240";

/// Does what is to be measured and returns true if this program was started for that.
pub(crate) fn is_inside() -> bool {
    if std::env::args().nth(1).as_deref() != Some(INSIDE) {
        return false;
    }
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let place = match named("LAYERC_KVM_BENCH_NATIVE") {
        Some(directory) => inside::Place {
            parts: parts(),
            guests: inside::Guests::of(&directory),
            program: program().to_owned(),
            firecracker: named(FIRECRACKER),
            results: directory,
        },
        None => inside::Place {
            parts: PathBuf::from("/guest"),
            guests: inside::Guests::of(Path::new("/bench")),
            program: PathBuf::from("/bin/layerc"),
            firecracker: Some(PathBuf::from("/bin/firecracker")).filter(|path| path.exists()),
            results: PathBuf::from("/results"),
        },
    };
    inside::measure(&place);
    true
}

pub(crate) fn measure(table: &mut Table) {
    let what = "virtual machines that boot a kernel";
    let directory = tempfile::tempdir().expect("a temporary directory");
    let measured = prepare(directory.path()).and_then(|()| run(directory.path()));
    match measured {
        Ok(figures) => tell(table, &figures),
        Err(reason) => table.unmeasured(what, &reason),
    }
}

/// Kernel and first programs.
fn prepare(directory: &Path) -> Result<(), String> {
    let prepared = preparing("prepare").output();
    let prepared = prepared.map_err(|error| error.to_string())?;
    if !prepared.status.success() {
        return Err(String::from_utf8_lossy(&prepared.stdout).trim().to_owned());
    }
    guest_kernel::unpack(&parts().join("vmlinuz"), &directory.join("kernel"))?;
    // One that writes to 16 MiB, rests for a tenth of a second, and so on; one that rests; and one that never does.
    first_program(directory, "eager", "1", "0")?;
    first_program(directory, "busy", "4096", "100000000")?;
    first_program(directory, "idle", "1", "900000000")
}

fn first_program(directory: &Path, name: &str, pages: &str, rest: &str) -> Result<(), String> {
    let built = directory.join(format!("{name}-program"));
    let source = root().join("tests/bench/lab_machines/first_program.S");
    let mut gcc = Command::new("gcc");
    gcc.args(["-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none"]);
    gcc.arg(format!("-Wa,--defsym,PAGES={pages},--defsym,REST_NANOSECONDS={rest}"));
    let status = gcc.arg("-o").arg(&built).arg(source).status();
    if !status.is_ok_and(|status| status.success()) {
        return Err("gcc can't assemble the guest's first program".to_owned());
    }
    let archive = Initramfs::new(&built).and_then(Initramfs::finish);
    let archive = archive.map_err(|error| error.to_string())?;
    fs::write(directory.join(name), archive).map_err(|error| error.to_string())
}

type Figures = BTreeMap<String, f64>;

fn run(directory: &Path) -> Result<Figures, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = if probe().is_native() {
        let mut command = Command::new(this);
        command.arg(INSIDE).env("LAYERC_KVM_BENCH_NATIVE", directory);
        command
    } else {
        in_lab(&this, directory)
    };
    let status = command.status().map_err(|error| error.to_string())?;
    if status.code() == Some(MISSING) {
        return Err("there is no lab here".to_owned());
    }
    let text = fs::read_to_string(directory.join("figures")).unwrap_or_default();
    let figures: Figures = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect();
    match figures.is_empty() {
        true => Err(format!("the lab brought no figures: {status}")),
        false => Ok(figures),
    }
}

fn in_lab(this: &Path, directory: &Path) -> Command {
    let mut lab = booting();
    lab.args(["--memory", LAB_MEBIBYTES, "--seconds", LAB_SECONDS]);
    lab.args(["--silence", SILENCE_SECONDS]);
    for name in inside::Guests::NAMES {
        lab.args(["--file", &pair(&directory.join(name), &format!("bench/{name}"))]);
    }
    give_layerc(&mut lab);
    if let Some(firecracker) = std::env::var_os(FIRECRACKER) {
        lab.args(["--program", &pair(Path::new(&firecracker), "bin/firecracker")]);
    }
    lab.arg("--results").arg(directory).arg(this).arg(INSIDE);
    lab
}

/// A row of the table.
struct Row {
    what: &'static str,
    /// The figure,
    of: &'static str,
    /// over this one.
    to: Option<&'static str>,
    unit: Unit,
    goal: Goal,
}

const fn figure(what: &'static str, of: &'static str, unit: Unit) -> Row {
    Row { what, of, to: None, unit, goal: Goal::None }
}

const fn ratio(what: &'static str, of: &'static str, to: &'static str) -> Row {
    Row { what, of, to: Some(to), unit: Unit::Times, goal: Goal::None }
}

impl Row {
    const fn at_most(self, most: f64) -> Self {
        Self { goal: Goal::AtMost(most), ..self }
    }
}

const ROWS: &[Row] = &[
    figure(
        "boot until the agent answers (disk, sockets), 512 MiB",
        "boot.agent",
        Unit::Milliseconds,
    ),
    figure(
        "the same until it has answered its first order (all modules)",
        "boot.order",
        Unit::Milliseconds,
    ),
    figure("boot of the same kernel to a first program alone", "boot.mark", Unit::Milliseconds),
    figure(
        "Firecracker: boot of the same kernel to the same first program",
        "boot.firecracker",
        Unit::Milliseconds,
    ),
    ratio(
        "boot until the agent answers ÷ Firecracker's boot to a first program",
        "boot.agent",
        "boot.firecracker",
    )
    .at_most(1.0),
    ratio("boot to the same first program ÷ Firecracker's", "boot.mark", "boot.firecracker")
        .at_most(1.0),
    figure(
        "restore until the guest runs, 256 MiB (prepared for, as machines of a run are)",
        "restore.256",
        Unit::Milliseconds,
    ),
    figure("the same, 512 MiB", "restore.512", Unit::Milliseconds),
    figure("the same, 2 GiB", "restore.2048", Unit::Milliseconds),
    figure("the same, 8 GiB", "restore.8192", Unit::Milliseconds),
    figure(
        "the first of a run, 512 MiB: nothing is prepared",
        "restore.unprepared",
        Unit::Milliseconds,
    ),
    figure(
        "restore until the monitor says that the guest runs, 256 MiB",
        "told.256",
        Unit::Milliseconds,
    ),
    figure("the same, 512 MiB", "told.512", Unit::Milliseconds),
    figure("the same, 2 GiB", "told.2048", Unit::Milliseconds),
    figure("the same, 8 GiB", "told.8192", Unit::Milliseconds),
    figure(
        "Firecracker: load until it says so, 512 MiB, without its start",
        "told.firecracker",
        Unit::Milliseconds,
    ),
    ratio("restore until told ÷ Firecracker's load until told", "told.512", "told.firecracker")
        .at_most(0.5),
    figure("restore until the agent answers, 512 MiB", "restore.agent", Unit::Milliseconds),
    figure(
        "Firecracker: start, load and run until the guest runs, 512 MiB",
        "restore.firecracker",
        Unit::Milliseconds,
    ),
    figure(
        "Firecracker: the same without its start",
        "restore.firecracker.load",
        Unit::Milliseconds,
    ),
    ratio(
        "restore until the guest runs ÷ Firecracker's start, load and run",
        "restore.512",
        "restore.firecracker",
    )
    .at_most(0.5),
    ratio(
        "restore until the guest runs ÷ Firecracker's load and run alone",
        "restore.512",
        "restore.firecracker.load",
    ),
    ratio(
        "nothing prepared ÷ Firecracker's start, load and run",
        "restore.unprepared",
        "restore.firecracker",
    ),
    figure("a second snapshot, 16 MiB written since: all of it", "keep.again", Unit::Milliseconds),
    figure("the guest stands still for", "keep.pause", Unit::Milliseconds),
    ratio("pause ÷ all of it", "keep.pause", "keep.again").at_most(0.25),
    figure("Firecracker: a full snapshot", "keep.firecracker.full", Unit::Milliseconds),
    figure("Firecracker: a differential one", "keep.firecracker.diff", Unit::Milliseconds),
    ratio("a second snapshot ÷ Firecracker's full one", "keep.again", "keep.firecracker.full")
        .at_most(0.2),
    figure("a chain of 20 snapshots: each adds to a restore", "chain.link", Unit::Milliseconds)
        .at_most(1.0),
    figure("10 copies at once, until all agents answer", "fork.ten", Unit::Milliseconds),
    ratio("10 copies at once ÷ one", "fork.ten", "restore.agent").at_most(4.0),
    figure("a freshly booted machine's snapshot ÷ its memory", "fresh.percent", Unit::Percent)
        .at_most(30.0),
    figure("a machine at the end of its boot holds", "held.booted", Unit::Mebibytes),
    figure("one idle copy holds", "held.one", Unit::Mebibytes),
    figure(
        "one idle copy, and a process prepared for the next",
        "held.one.and.prepared",
        Unit::Mebibytes,
    ),
    figure("10 idle copies hold", "held.ten", Unit::Mebibytes),
    ratio("10 idle copies ÷ one idle copy", "held.ten", "held.one").at_most(1.5),
    ratio("10 idle copies ÷ the machine that they are copies of", "held.ten", "held.booted"),
    figure("beside the guest's memory, a machine", "held.booted.monitor", Unit::Mebibytes)
        .at_most(5.0),
    figure(
        "beside the guest's memory, each of 10 idle copies",
        "held.ten.monitor",
        Unit::Mebibytes,
    )
    .at_most(0.5),
    figure(
        "Firecracker: beside the guest's memory, a machine",
        "held.firecracker.booted.monitor",
        Unit::Mebibytes,
    ),
    figure(
        "Firecracker: the same, each of 10 idle copies",
        "held.firecracker.ten.monitor",
        Unit::Mebibytes,
    ),
];

fn tell(table: &mut Table, figures: &Figures) {
    for Row { what, of, to, unit, goal } in ROWS {
        let divisor = to.map_or(Some(1.0), |to| figures.get(to).copied());
        let value = figures.get(*of).zip(divisor).map(|(of, to)| of / to);
        match value {
            Some(value) => table.figure(what, value, *unit, *goal),
            None if !figures.contains_key("boot.firecracker") && what.contains("Firecracker") => {
                table.unmeasured(what, &format!("no binary given ({FIRECRACKER})"));
            }
            None => table.unmeasured(what, "the lab ended before"),
        }
    }
    let restore = |size: &u64| figures.get(&format!("told.{size}")).copied();
    let what = "restore until told: the slowest of these sizes ÷ the fastest";
    match inside::SIZES.iter().map(restore).collect::<Option<Vec<f64>>>() {
        Some(restores) => {
            let most = restores.iter().copied().fold(0.0, f64::max);
            let least = restores.iter().copied().fold(f64::MAX, f64::min);
            table.figure(what, most / least, Unit::Times, Goal::AtMost(1.2));
        }
        None => table.unmeasured(what, "the lab ended before"),
    }
}
