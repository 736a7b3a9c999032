//! COPY: what is seen, what is recorded, what keeps its attributes.

use super::{Case, Lab, output, run};
use layerc_executor::backend::{CopyRequest, Freeze, Layer, Machine};

pub(crate) const CASES: &[Case] = &[
    ("copied files are seen and their reading is recorded", copied_files_are_seen),
    ("a copy merges into what is there", copies_merge),
    ("destinations are followed through links and homes", destinations_are_followed),
    ("directories on the way keep their attributes", attributes_are_kept),
    ("bad destinations are refused", bad_destinations),
    ("copied files can be changed and removed", copies_can_be_changed),
    ("a copy reaches processes that live", live_copies),
];

fn copy(machine: &mut dyn Machine, sources: &[&str], destination: &str) -> Layer {
    Layer::Copied(machine.copy(&request(sources, destination)).unwrap())
}

fn request(sources: &[&str], destination: &str) -> CopyRequest {
    CopyRequest {
        sources: sources.iter().map(|&source| source.to_owned()).collect(),
        destination: destination.to_owned(),
        workdir: "/root".to_owned(),
        user: "root".to_owned(),
    }
}

fn copied_files_are_seen() {
    let lab = Lab::with(&[("src/a.txt", "A"), ("src/sub/b.txt", "B"), ("unread", "U")]);
    let mut machine = lab.start(&[]);
    let copied = copy(&mut *machine, &[""], "/tmp/app");
    let script = "cat /tmp/app/src/a.txt; echo x >> /tmp/app/src/sub/b.txt; stat -c %a /tmp";
    assert_eq!(output(&mut *machine, script), "A1777\n");
    let reads = machine.take_reads().answers;
    let reads: Vec<String> =
        reads.keys().map(|(path, question)| format!("{path} {question:?}")).collect();
    assert!(reads.contains(&"src/a.txt Content".to_owned()), "{reads:?}");
    assert!(!reads.iter().any(|path| path.starts_with("unread")), "{reads:?}");
    let Freeze::Frozen(layer) = machine.freeze().unwrap() else { panic!("nothing frozen") };
    drop(machine);
    std::fs::write(lab.repository.path().join("unread"), "new").unwrap();
    let mut machine = lab.start(&[copied, Layer::Frozen(layer)]);
    assert_eq!(output(&mut *machine, "cat /tmp/app/src/sub/b.txt /tmp/app/unread"), "Bx\nnew");
}

fn copies_merge() {
    let lab = Lab::with(&[
        ("web/index.html", "new"),
        ("web/js/a.js", "js"),
        ("other", "o"),
        ("more/x", "x"),
    ]);
    let mut machine = lab.start(&[]);
    output(
        &mut *machine,
        "mkdir -p /app/js; echo old > /app/index.html; echo kept > /app/js/kept; echo kept > /app/kept",
    );
    machine.freeze().unwrap();
    copy(&mut *machine, &["web", "other", "more"], "/app/");
    let script = "cd /app; find . | sort | tr '\\n' ' '; cat index.html js/kept other x";
    let expected = ". ./index.html ./js ./js/a.js ./js/kept ./kept ./other ./x newkept\nox";
    assert_eq!(output(&mut *machine, script), expected);
}

fn destinations_are_followed() {
    let lab = Lab::with(&[("f", "F")]);
    let mut machine = lab.start(&[]);
    output(&mut *machine, "mkdir -p /real/deep; ln -s /real /link; ln -s deep /real/inner");
    machine.freeze().unwrap();
    copy(&mut *machine, &["f"], "/link/inner/");
    copy(&mut *machine, &["f"], "~/sub/g");
    copy(&mut *machine, &["f"], "relative/../h");
    copy(&mut *machine, &["f"], "/bin/planted-tool");
    assert_eq!(
        output(
            &mut *machine,
            "cat /real/deep/f /root/sub/g /root/h /usr/bin/planted-tool; test -L /link"
        ),
        "FFFF"
    );
}

fn attributes_are_kept() {
    let lab = Lab::with(&[("f", "F"), ("d/x", "X")]);
    let mut machine = lab.start(&[]);
    output(&mut *machine, "mkdir -m 751 -p /data/in; chmod 2770 /data; chmod 733 /data/in");
    machine.freeze().unwrap();
    copy(&mut *machine, &["f"], "/data/in/f");
    copy(&mut *machine, &["d"], "/data");
    copy(&mut *machine, &["f"], "/usr/local/share/f");
    assert_eq!(
        output(&mut *machine, "stat -c %a /data /data/in /tmp /root; cat /data/x"),
        "2770\n733\n1777\n700\nX"
    );
    let modes = output(&mut *machine, "stat -c %a /usr/local/share /usr/local");
    let host: Vec<String> = ["/usr/local/share", "/usr/local"]
        .iter()
        .map(|path| {
            use std::os::unix::fs::MetadataExt;
            format!("{:o}\n", std::fs::metadata(path).unwrap().mode() & 0o7777)
        })
        .collect();
    assert_eq!(modes, host.concat());
}

fn bad_destinations() {
    let lab = Lab::with(&[("d/x", "X"), ("f", "F")]);
    let mut machine = lab.start(&[]);
    output(&mut *machine, "echo > /file; ln -s /nowhere /dangling");
    machine.freeze().unwrap();
    let mut refused = |sources: &[&str], destination: &str| {
        machine.copy(&request(sources, destination)).unwrap_err().to_string()
    };
    assert_eq!(refused(&["d"], "/file"), "cannot copy a directory over the file `/file`");
    assert_eq!(refused(&["f"], "/file/x"), "cannot copy to `/file/x`: `/file` is not a directory");
    assert_eq!(refused(&["f"], "/dangling"), "`/dangling` is a link that leads nowhere");
}

fn copies_can_be_changed() {
    let lab = Lab::with(&[("d/a", "A"), ("d/b", "B"), ("d/sub/c", "C")]);
    let mut machine = lab.start(&[]);
    let copied = copy(&mut *machine, &["d"], "/d");
    output(
        &mut *machine,
        "cd /d; rm a; mv b moved; rm -r sub; mkdir sub; chmod 600 moved; chown 0:0 moved",
    );
    let Freeze::Frozen(layer) = machine.freeze().unwrap() else { panic!("nothing frozen") };
    drop(machine);
    let mut machine = lab.start(&[copied, Layer::Frozen(layer)]);
    assert_eq!(
        output(&mut *machine, "cd /d; find . | sort | tr '\\n' ' '; cat moved"),
        ". ./moved ./sub B"
    );
    let on_disk = std::fs::read_to_string(lab.repository.path().join("d/a")).unwrap();
    assert_eq!(on_disk, "A", "the repository itself is never written");
    assert_eq!(run(&mut *machine, "true").stderr, "");
}

fn live_copies() {
    let files = [
        ("web/index.html", "new"),
        ("web/js/a.js", "js"),
        ("unread/x", "x"),
        ("one", "1"),
        ("sub/deep", "d"),
    ];
    let lab = Lab::with(&files);
    let mut machine = lab.start(&[]);
    let script = "mkdir -p /app/js; echo old > /app/index.html; echo kept > /app/kept; chmod 711 /app; \
                  (while sleep 0.02; do cat /app/index.html > /tmp/s; mv /tmp/s /tmp/seen; done) & echo";
    output(&mut *machine, script);
    assert!(matches!(machine.freeze().unwrap(), Freeze::ProcessesAlive(_)));
    copy(&mut *machine, &["web", "unread"], "/app/");
    copy(&mut *machine, &["one"], "/tmp/one");
    copy(&mut *machine, &["one"], "/brand/new/");
    copy(&mut *machine, &["sub"], "/app/js/sub");
    copy(&mut *machine, &["sub"], "/usr/local/share/fresh");
    // Over a directory in which one was copied to before.
    copy(&mut *machine, &["web"], "/usr/local/share");
    let script = "cd /app; find . | sort | tr '\\n' ' '; cat index.html js/a.js js/sub/deep kept; stat -c %a .; \
                  cat /tmp/one /brand/new/one /usr/local/share/fresh/deep /usr/local/share/index.html; sleep 0.2; cat /tmp/seen";
    let expected = ". ./index.html ./js ./js/a.js ./js/sub ./js/sub/deep ./kept ./x newjsdkept\n711\n11dnewnew";
    assert_eq!(output(&mut *machine, script), expected);
    output(&mut *machine, "echo changed > /app/index.html; rm /app/kept; test ! -e /app/kept");
    let reads = machine.take_reads().answers;
    let reads: Vec<String> =
        reads.keys().map(|(path, question)| format!("{path} {question:?}")).collect();
    assert!(reads.contains(&"one Content".to_owned()), "{reads:?}");
    assert!(!reads.contains(&"unread/x Content".to_owned()), "{reads:?}");
}
