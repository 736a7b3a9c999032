//! Freezing and restoring.

use super::{Case, Lab, output, run};
use layerc_executor::backend::{CommandEnd, Freeze, Layer, LayerId, Machine};

pub(crate) const CASES: &[Case] = &[
    ("removals and replaced directories survive", removals_survive),
    ("a chain of 120 layers is restored, folded or not", long_chain),
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

/// Files written, written over and removed, directories removed and made anew, all over one another.
fn step_of_chain(number: i32) -> String {
    let more = match number % 10 {
        0 => format!("rm -rf /tree; mkdir -p /tree/{number}; echo {number} > /tree/same"),
        5 => format!(
            "rm -rf /tree/{}; touch -d @{number} /tree; mkdir -m 700 /again{number}",
            number - 5
        ),
        6 => format!("rmdir /again{}; echo file > /again{}", number - 1, number - 1),
        _ => String::new(),
    };
    format!(
        "echo {number} > /f{number}; echo {number} >> /usr/local/all; rm -f /f{}; {more}",
        number - 3
    )
}

/// Folded on the way or not, a chain is the same state.
fn long_chain() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    let (mut layers, mut folded) = (Vec::new(), Vec::new());
    for number in 0..120 {
        output(&mut *machine, &step_of_chain(number));
        let layer = Layer::Frozen(freeze(&mut *machine));
        layers.push(layer.clone());
        folded.push(layer);
        if let Some(made) = machine.fold(&folded).unwrap() {
            folded.splice(made.which, [Layer::Frozen(made.layer)]);
        }
    }
    assert!(folded.len() < 30, "{} layers", folded.len());
    let look = "cat /f1[0-9][0-9]; wc -l < /usr/local/all; cat /tree/same; \
        find /tree /again* /f* /usr/local/all -printf '%p %y %m %U %s %T@\\n' | sort";
    let live = output(&mut *machine, look);
    assert!(live.starts_with("117\n118\n119\n120\n110\n"), "{live}");
    drop(machine);
    assert_eq!(output(&mut *lab.start(&layers), look), live, "layer by layer");
    assert_eq!(output(&mut *lab.start(&folded), look), live, "folded");
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
