//! What depth costs: bringing a machine into a state of many layers, and freezing a change over many files.
//!
//! Measured at the backend, where a machine is started and asked: the time from asking for the machine until its first
//! command is done, less what a command takes by itself.

use crate::clock::{median, milliseconds};
use crate::table::{Goal, Table, Unit};
use layerc_executor::backend::{
    Attachment, Backend, Command, Freeze, ImageSource, Layer, Machine, MachineStart,
};
use layerc_executor::overlay::{NetworkChoice, OverlayBackend, OverlayOptions};
use layerc_executor::tracked::{Repository, RepositoryOptions};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const ROUNDS: usize = 21;

/// Steps behind a state, one layer each before they are folded.
const DEPTHS: [usize; 4] = [1, 50, 95, 500];

const FILES: usize = 100_000;

pub(crate) fn measure(table: &mut Table) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let backend = backend(place.path());
    let mut layers = Vec::new();
    let mut steps = 0;
    for depth in DEPTHS {
        grow(&backend, &mut layers, depth - steps);
        steps = depth;
        let rounds = (0..ROUNDS).map(|_| (restore(&backend, &[]), restore(&backend, &layers)));
        let rounds: Vec<(f64, f64)> = rounds.collect();
        let whole = median(rounds.iter().map(|(_, deep)| *deep).collect());
        let more = median(rounds.iter().map(|(base, deep)| deep - base).collect());
        let what = format!("state behind {depth} steps ({} layers)", layers.len());
        let shown = format!("{what}: a machine in it, from the asking to its first command");
        table.figure(&shown, whole, Unit::Milliseconds, Goal::None);
        let shown = format!("{what}: restoring it, more than the base alone");
        table.figure(&shown, more, Unit::Milliseconds, Goal::AtMost(5.0));
    }
    measure_freezing(&backend, table);
}

fn backend(store: &Path) -> OverlayBackend {
    let repository = Repository::open(store, RepositoryOptions::default()).expect("a repository");
    let options = OverlayOptions {
        agent_program: layerc_tests::layerc::program().to_owned(),
        network: NetworkChoice::None,
        ..OverlayOptions::default()
    };
    OverlayBackend::new(&store.join("store"), Arc::new(repository), options).expect("a backend")
}

fn start(backend: &OverlayBackend, layers: &[Layer]) -> Box<dyn Machine> {
    let base = backend.prepare_base(&ImageSource::Host, &|_| {}).expect("the base");
    let start = MachineStart {
        base: Arc::new(base),
        layers: layers.to_vec(),
        name: "measured".to_owned(),
        memory_bytes: None,
        followers: 0,
    };
    backend.start(&start).expect("a machine")
}

fn run(machine: &mut dyn Machine, script: &str) {
    let command = Command {
        script: script.to_owned(),
        user: "root".to_owned(),
        workdir: "/root".to_owned(),
        environment: BTreeMap::new(),
        setup_files: Vec::new(),
        mode: Attachment::Foreground,
        caches: Vec::new(),
    };
    let end = machine.execute(&command, &mut |_, _| {}).expect("a command");
    assert_eq!(end, layerc_executor::backend::CommandEnd::Exited(0), "{script}");
}

/// Adds steps to a state, each of which writes a file of its own and one that all write.
fn grow(backend: &OverlayBackend, layers: &mut Vec<Layer>, steps: usize) {
    let mut machine = start(backend, layers);
    for _ in 0..steps {
        run(&mut *machine, "mkdir -p /srv/steps; echo $$ > /srv/steps/$RANDOM; echo x >> /srv/all");
        freeze(&mut *machine, layers);
    }
}

fn freeze(machine: &mut dyn Machine, layers: &mut Vec<Layer>) {
    if let Freeze::Frozen(layer) = machine.freeze().expect("a freeze") {
        layers.push(Layer::Frozen(layer));
    }
    if let Some(folded) = machine.fold(layers).expect("a fold") {
        layers.splice(folded.which, [Layer::Frozen(folded.layer)]);
    }
}

/// Milliseconds from the asking to the first command, less those of a second command.
fn restore(backend: &OverlayBackend, layers: &[Layer]) -> f64 {
    let (first, mut machine) = milliseconds(|| {
        let mut machine = start(backend, layers);
        run(&mut *machine, "true");
        machine
    });
    let (second, ()) = milliseconds(|| run(&mut *machine, "true"));
    first - second
}

/// A state of many files, one of which each step changes.
fn measure_freezing(backend: &OverlayBackend, table: &mut Table) {
    let mut layers = Vec::new();
    let mut machine = start(backend, &layers);
    let script = format!(
        "mkdir -p /srv/many; cd /srv/many; for d in $(seq 1000); do mkdir $d; done; seq -f '%.0f' {FILES} | \
         while read n; do echo $n > $((n % 1000 + 1))/$n; done"
    );
    run(&mut *machine, &script);
    freeze(&mut *machine, &mut layers);
    let mut costs = Vec::new();
    for round in 0..ROUNDS {
        run(&mut *machine, &format!("echo {round} > /srv/many/7/6"));
        let (elapsed, ()) = milliseconds(|| freeze(&mut *machine, &mut layers));
        // Putting the root together again is part of what a snapshot costs the step behind it.
        let (next, ()) = milliseconds(|| run(&mut *machine, "true"));
        let (plain, ()) = milliseconds(|| run(&mut *machine, "true"));
        costs.push(elapsed + next - plain);
    }
    let what = format!("freezing one changed file of {FILES}, and going on over it");
    table.figure(&what, median(costs), Unit::Milliseconds, Goal::AtMost(10.0));
}
