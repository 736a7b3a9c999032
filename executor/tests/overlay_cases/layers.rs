//! Freezing and restoring.

use super::{Case, Lab, output, run};
use layerc_executor::backend::{CommandEnd, Freeze, Layer, LayerId, Machine};

pub(crate) const CASES: &[Case] = &[
    ("removals and replaced directories survive", removals_survive),
    ("a chain of 120 layers is restored", long_chain),
    ("machines over one layer are independent", forks_are_independent),
    ("a missing layer is told", missing_layer),
    ("parts freeze into one tree", parts_freeze_into_one_tree),
];

fn freeze(machine: &mut dyn Machine) -> LayerId {
    match machine.freeze().unwrap() {
        Freeze::Frozen(layer) => layer,
        other => panic!("expected a layer, got {other:?}"),
    }
}

fn removals_survive() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(
        &mut *machine,
        "mkdir -p /d/sub /e; echo 1 > /d/a; echo 2 > /d/sub/b; echo 3 > /e/f; ln -s a /d/link",
    );
    let first = freeze(&mut *machine);
    output(
        &mut *machine,
        "rm /d/a; rm -r /d/sub; mkdir /d/sub; echo new > /d/sub/c; rm -r /e; chmod 700 /d",
    );
    let second = freeze(&mut *machine);
    let script = "cd /; find d e 2>/dev/null | sort; stat -c %a /d";
    let expected = "d\nd/link\nd/sub\nd/sub/c\n700\n";
    assert_eq!(output(&mut *machine, script), expected);
    drop(machine);
    let layers = [Layer::Frozen(first.clone()), Layer::Frozen(second)];
    assert_eq!(output(&mut *lab.start(&layers), script), expected);
    assert_eq!(output(&mut *lab.start(&layers[..1]), "cat /d/sub/b /e/f /d/link"), "2\n3\n1\n");
}

fn long_chain() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    let mut layers = Vec::new();
    for number in 0..120 {
        output(
            &mut *machine,
            &format!(
                "echo {number} > /f{number}; echo {number} >> /usr/local/all; rm -f /f{}",
                number - 3
            ),
        );
        layers.push(Layer::Frozen(freeze(&mut *machine)));
    }
    drop(machine);
    let mut machine = lab.start(&layers);
    assert_eq!(
        output(&mut *machine, "cat /usr/local/all | wc -l; cat /f1[0-9][0-9]"),
        "120\n117\n118\n119\n"
    );
}

fn forks_are_independent() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(&mut *machine, "echo base > /tmp/x");
    let layer = [Layer::Frozen(freeze(&mut *machine))];
    let mut machines: Vec<_> = (0..3).map(|_| lab.start(&layer)).collect();
    for (number, machine) in machines.iter_mut().enumerate() {
        output(&mut **machine, &format!("echo {number} >> /tmp/x"));
    }
    for (number, machine) in machines.iter_mut().enumerate() {
        assert_eq!(output(&mut **machine, "cat /tmp/x"), format!("base\n{number}\n"));
    }
}

fn missing_layer() {
    let lab = Lab::new();
    let error = lab.try_start(&[Layer::Frozen(LayerId("gone".to_owned()))]).err().unwrap();
    assert_eq!(error.to_string(), "the layer `gone` is not in the store any more");
    super::processes::nothing_remains(lab.store.path());
}

fn parts_freeze_into_one_tree() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    assert_eq!(
        run(&mut *machine, "echo 1 > /usr/local/mine; echo 2 > /opt/mine; echo 3 > /var/mine").end,
        CommandEnd::Exited(0)
    );
    let LayerId(name) = freeze(&mut *machine);
    let layer = lab.store.path().join("layers").join(name);
    for path in ["usr/local/mine", "opt/mine", "var/mine"] {
        assert!(layer.join(path).is_file(), "{path}");
    }
}
