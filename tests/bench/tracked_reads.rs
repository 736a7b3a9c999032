//! The rate of the tracked filesystem against the file system below, measured by a step inside a machine.

use crate::clock::median;
use crate::table::{Goal, Table, Unit};
use layerc_tests::workflow::{Ran, Workflow};

const ROUNDS: usize = 5;
const SMALL_FILES: usize = 20_000;

/// Bash text that prints the seconds that `command` takes, as `NAME=SECONDS`.
fn timed(name: &str, command: &str) -> String {
    format!(
        "begin=$EPOCHREALTIME; {command} > /dev/null; end=$EPOCHREALTIME; perl -e 'printf \"{name}=%.6f\\n\", $ARGV[1] - $ARGV[0]' $begin $end"
    )
}

/// The seconds printed under a name.
pub(crate) fn seconds(ran: &Ran, runner: &str, name: &str) -> f64 {
    let printed = ran.printed(runner);
    let value =
        printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
    value.unwrap_or_else(|| panic!("no `{name}=` was printed\n{}", ran.outcome.everything()))
}

/// The native copy is made by a step of its own, so that it lies in a frozen layer on the same disk. The machine that
/// measures is a new one in every round: nothing of the tracked files is in its page cache yet, everything of the
/// native ones is, which favours those.
fn layerfile() -> String {
    let read = |directory: &str| format!("find {directory} -type f -print0 | xargs -0 cat");
    let steps = [
        timed("large_native", "cat /srv/native/large"),
        timed("large_native_again", "cat /srv/native/large"),
        timed("large_tracked", "cat /srv/tracked/large"),
        timed("small_native", &read("/srv/native/small")),
        timed("small_native_again", &read("/srv/native/small")),
        timed("small_tracked", &read("/srv/tracked/small")),
        timed("small_tracked_again", &read("/srv/tracked/small")),
    ];
    format!(
        "FROM vm/ubuntu:22.04\nCOPY /files /srv/tracked\nRUN cp -r /srv/tracked /srv/native\nSECRET ENV NONCE\nRUN {}\n",
        steps.join("; ")
    )
}

pub(crate) fn measure(table: &mut Table) {
    let workflow = Workflow::with(&[("Layerfile", &layerfile())]);
    for number in 0..SMALL_FILES {
        workflow.repository.write(
            &format!("files/small/{}/{number}", number / 100),
            &format!("{number}\n").repeat(100),
        );
    }
    let large = std::fs::File::create(workflow.repository.join("files/large")).expect("a file");
    write_gibibyte(large);
    let rounds: Vec<Ran> = (0..=ROUNDS)
        .map(|round| {
            Ran::of(workflow.command().env("LAYERC_SECRET_NONCE", format!("round-{round}")))
                .expect_success()
        })
        .skip(1)
        .collect();
    let over_rounds = |figure: &dyn Fn(&Ran) -> f64| median(rounds.iter().map(figure).collect());
    let of = |ran: &Ran, name: &str| seconds(ran, "main-layerfile", name);
    let rate = over_rounds(&|ran| of(ran, "large_native_again") / of(ran, "large_tracked") * 100.0);
    table.figure(
        "reading 1 GiB through the tracked filesystem, of the native rate",
        rate,
        Unit::Percent,
        Goal::AtLeast(60.0),
    );
    let per_file = 1e6 / f64::from(u32::try_from(SMALL_FILES).unwrap_or(u32::MAX));
    let first = over_rounds(&|ran| (of(ran, "small_tracked") - of(ran, "small_native")) * per_file);
    table.figure(
        "20,000 small files, first touch: over native, a file",
        first,
        Unit::Microseconds,
        Goal::AtMost(25.0),
    );
    let second = over_rounds(&|ran| of(ran, "small_tracked_again") / of(ran, "small_native_again"));
    table.figure("the same, second touch: of native", second, Unit::Times, Goal::AtMost(1.3));
}

fn write_gibibyte(mut file: std::fs::File) {
    use std::io::Write;
    let block: Vec<u8> = (0..1_u32 << 18)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    for _ in 0..1024 {
        file.write_all(&block).expect("there is room for 1 GiB");
    }
}
