//! The project's figures, measured and printed as one table beside their goals.
//!
//! ```sh
//! cargo bench --package layerc-tests              # everything
//! cargo bench --package layerc-tests -- steps     # only groups whose name contains this
//! ```
//!
//! Figures are medians over rounds; costs are compared in pairs that are measured in turn, because a computer's speed
//! drifts. What can't be measured on a machine gets a row that says why. Nothing here fails for being slow.

mod clock;
mod copies;
mod depths;
mod front_end;
mod lab_machines;
mod language_peers;
mod language_server;
mod machines;
mod parallel;
mod peers;
mod processes;
mod real_builds;
mod repositories;
mod steps;
mod table;
mod tracked_reads;
mod workloads;

use table::Table;

/// A group of figures: its name on the command line, and what measures it.
type Group = (&'static str, fn(&mut Table));

const GROUPS: &[Group] = &[
    ("front-end", front_end::measure),
    ("language-server", language_server::measure),
    ("steps", steps::measure),
    ("repositories", repositories::measure),
    ("copies", copies::measure),
    ("tracked-reads", tracked_reads::measure),
    ("real-builds", real_builds::measure),
    ("machines", machines::measure),
    ("lab-machines", lab_machines::measure),
    ("peers", peers::measure),
    ("workloads", workloads::measure),
    ("depths", depths::measure),
    ("parallel", parallel::measure),
];

fn main() {
    if lab_machines::is_inside() {
        return;
    }
    // Cargo adds `--bench`; the other words choose groups.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let mut table = Table::default();
    for (name, measure) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            eprintln!("measuring {name} …");
            measure(&mut table);
        }
    }
    println!("{}\n\n{table}", circumstances());
}

/// What the figures depend on besides the code.
fn circumstances() -> String {
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown").to_owned();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{processors} processors, load {load} at the end, Linux {}", kernel.trim())
}
