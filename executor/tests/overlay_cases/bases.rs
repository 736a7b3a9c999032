//! Bases other than the host: a folder and archives of it.

use super::{Case, Lab, has_program, output, run, skipped};
use layerc_executor::backend::{Backend, CommandEnd, Freeze, ImageSource, Layer};
use std::path::Path;
use std::process::Command;

pub(crate) const CASES: &[Case] = &[
    ("a folder is a base", folder_is_base),
    ("archives are bases, packed or not", archives_are_bases),
    ("a base that can't be used says why", bad_bases),
];

/// A root file system of bash and a few programs of this machine, with the libraries they need.
fn small_root(target: &Path) {
    let script = r#"
        set -e
        mkdir -p "$0"/bin "$0"/etc "$0"/root "$0"/tmp "$0"/usr
        chmod 1777 "$0"/tmp
        echo root:x:0:0:root:/root:/bin/bash > "$0"/etc/passwd
        echo root:x:0: > "$0"/etc/group
        for program in bash cat ls stat mkdir; do
            file=$(readlink -f "$(command -v $program)")
            cp "$file" "$0"/bin/$program
            for library in $(ldd "$file" | grep -o '/[^ ]*'); do
                mkdir -p "$0$(dirname "$library")"
                cp -n "$library" "$0$library"
            done
        done"#;
    let status = Command::new("bash").args(["-c", script]).arg(target).status().unwrap();
    assert!(status.success());
}

fn check(lab: &Lab, source: &ImageSource) -> [u8; 32] {
    let base = lab.backend.prepare_base(source, &|_| {}).unwrap();
    assert_eq!(base, lab.backend.prepare_base(source, &|_| {}).unwrap(), "the same twice");
    let identity = base.identity;
    let lab = lab.on(base);
    let mut machine = lab.start(&[]);
    assert_eq!(
        output(&mut *machine, "ls /; cat /etc/hostname; echo new > /bin/new"),
        "bin\ndev\netc\nlib\nlib64\nproc\nroot\nsys\ntmp\nusr\nlab\n"
    );
    let Freeze::Frozen(layer) = machine.freeze().unwrap() else { panic!("nothing frozen") };
    drop(machine);
    assert_eq!(
        output(&mut *lab.start(&[Layer::Frozen(layer)]), "cat /bin/new; stat -c %a /tmp"),
        "new\n1777\n"
    );
    identity
}

fn folder_is_base() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    small_root(folder.path());
    let source = ImageSource::RootFileSystem(folder.path().to_owned());
    let first = check(&lab, &source);
    std::fs::write(folder.path().join("etc/more"), "x").unwrap();
    assert_ne!(
        first,
        lab.backend.prepare_base(&source, &|_| {}).unwrap().identity,
        "a changed folder is another base"
    );
    assert!(!folder.path().join("bin/new").exists(), "the base itself is never written");
}

fn archives_are_bases() {
    let lab = Lab::new();
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    std::fs::create_dir(&root).unwrap();
    small_root(&root);
    for (name, option, program) in [
        ("a.tar", "-c", "tar"),
        ("a.tar.gz", "-cz", "gzip"),
        ("a.tar.xz", "-cJ", "xz"),
        ("a.tar.zst", "-c --zstd", "zstd"),
    ] {
        if !has_program(program) {
            skipped(&format!("{name}: {program} is not installed"));
            continue;
        }
        let archive = directory.path().join(name);
        let status = Command::new("tar")
            .args(option.split(' '))
            .arg("-f")
            .arg(&archive)
            .arg("-C")
            .arg(&root)
            .arg(".")
            .status()
            .unwrap();
        assert!(status.success());
        check(&lab, &ImageSource::RootFileSystem(archive));
    }
}

fn bad_bases() {
    let lab = Lab::new();
    // Of its own, so that what others are making in the shared one is not counted.
    std::fs::remove_file(lab.store.path().join("bases")).unwrap();
    std::fs::create_dir(lab.store.path().join("bases")).unwrap();
    let error =
        |source: &ImageSource| lab.backend.prepare_base(source, &|_| {}).unwrap_err().to_string();
    let missing = error(&ImageSource::RootFileSystem("/nowhere/at/all".into()));
    assert!(
        missing.starts_with("the root file system `/nowhere/at/all` can't be used"),
        "{missing}"
    );
    let empty = tempfile::tempdir().unwrap();
    let empty = error(&ImageSource::RootFileSystem(empty.path().to_owned()));
    assert_eq!(empty, "the root file system has no /bin/bash, which runs the steps");
    let around = error(&ImageSource::RootFileSystem(lab.store.path().parent().unwrap().to_owned()));
    assert!(around.contains("contains the store"), "{around}");
    let text = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        text.path(),
        "this is no archive, only text that is longer than a tar header ".repeat(20),
    )
    .unwrap();
    let text = error(&ImageSource::RootFileSystem(text.path().to_owned()));
    assert!(text.starts_with("cannot unpack"), "{text}");
    let bases = std::fs::read_dir(lab.store.path().join("bases")).unwrap().flatten();
    let half_made = bases.filter(|entry| entry.file_name().to_string_lossy().starts_with("new-"));
    assert_eq!(half_made.count(), 0);
    assert_eq!(run(&mut *lab.start(&[]), "true").end, CommandEnd::Exited(0));
}
