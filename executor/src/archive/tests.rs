//! Archives that mean harm, and layers.

use super::*;
use std::fs;
use tar::{Builder, Header};

fn header(kind: EntryType, mode: u32, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header.set_uid(u64::from(rustix::process::getuid().as_raw()));
    header.set_gid(u64::from(rustix::process::getgid().as_raw()));
    header.set_mtime(1_000_000_000);
    header
}

fn add(builder: &mut Builder<File>, kind: EntryType, name: &str, link: &str, text: &str) {
    let mut header =
        header(kind, if kind == EntryType::Directory { 0o750 } else { 0o640 }, text.len());
    if !link.is_empty() {
        header.set_link_name_literal(link).unwrap();
    }
    // Written literally: the library itself would refuse `..`.
    let field = &mut header.as_mut_bytes()[..100];
    field[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    builder.append(&header, text.as_bytes()).unwrap();
}

#[test]
fn hostile_paths_stay_inside() {
    let directory = tempfile::tempdir().unwrap();
    let (archive, target, outside) = (
        directory.path().join("a.tar"),
        directory.path().join("target"),
        directory.path().join("outside"),
    );
    fs::create_dir(&target).unwrap();
    fs::create_dir(&outside).unwrap();
    let mut builder = Builder::new(File::create(&archive).unwrap());
    add(&mut builder, EntryType::Regular, "../../outside/a", "", "1");
    add(&mut builder, EntryType::Regular, "/absolute", "", "2");
    add(&mut builder, EntryType::Symlink, "up", "..", "");
    add(&mut builder, EntryType::Regular, "up/outside/b", "", "3");
    add(&mut builder, EntryType::Symlink, "abs", outside.to_str().unwrap(), "");
    add(&mut builder, EntryType::Symlink, "file", "/etc/passwd", "");
    add(&mut builder, EntryType::Regular, "file", "", "4");
    add(&mut builder, EntryType::Char, "device", "", "");
    add(&mut builder, EntryType::Directory, "closed", "", "");
    add(&mut builder, EntryType::Regular, "closed/x", "", "5");
    add(&mut builder, EntryType::Link, "hard", "closed/x", "");
    drop(builder.into_inner().unwrap());
    unpack(File::open(&archive).unwrap(), &target, Ownership::Kept, Meaning::Tree).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    let read = |name: &str| fs::read_to_string(target.join(name)).unwrap();
    assert_eq!(
        [read("outside/a"), read("absolute"), read("outside/b"), read("file"), read("hard")]
            .concat(),
        "12345"
    );
    assert!(!target.join("device").exists());
    use std::os::unix::fs::MetadataExt;
    let closed = fs::metadata(target.join("closed")).unwrap();
    assert_eq!((closed.mode() & 0o7777, closed.mtime()), (0o750, 1_000_000_000));
}

/// An archive of these entries.
fn archive(entries: &[(EntryType, &str, &str, &str)]) -> File {
    let mut builder = Builder::new(tempfile::tempfile().unwrap());
    for (kind, name, link, text) in entries {
        add(&mut builder, *kind, name, link, text);
    }
    let mut file = builder.into_inner().unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    file
}

/// A directory that a layer was unpacked to over others.
fn layer(
    entries: &[(EntryType, &str, &str, &str)],
    below: &[PathBuf],
) -> (tempfile::TempDir, Unpacked) {
    let target = tempfile::tempdir().unwrap();
    let meaning = Meaning::Layer { below };
    let unpacked = unpack(archive(entries), target.path(), Ownership::Own, meaning).unwrap();
    (target, unpacked)
}

fn is_whiteout(path: &Path) -> bool {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    path.symlink_metadata()
        .is_ok_and(|found| found.file_type().is_char_device() && found.rdev() == 0)
}

fn is_opaque(path: &Path) -> bool {
    let mut value = [0; 4];
    rustix::fs::getxattr(path, "user.overlay.opaque", &mut value).is_ok_and(|length| length == 1)
}

use EntryType::{Directory, Link, Regular, Symlink};

#[test]
fn what_a_layer_takes_away_is_hidden_the_way_overlays_do() {
    let (made, unpacked) = layer(
        &[
            (Directory, "a", "", ""),
            (Regular, "a/.wh.gone", "", ""),
            (Regular, "a/.wh..wh.plnk", "", ""),
            (Directory, "b", "", ""),
            (Regular, "b/.wh..wh..opq", "", ""),
            (Regular, "b/kept", "", "1"),
            // Taken away and put there again by the same layer, in both orders.
            (Regular, ".wh.file", "", ""),
            (Regular, "file", "", "2"),
            (Regular, "other", "", "3"),
            (Regular, ".wh.other", "", ""),
            (Regular, ".wh.tree", "", ""),
            (Directory, "tree", "", ""),
            (Directory, "forest", "", ""),
            (Regular, ".wh.forest", "", ""),
            (Regular, ".wh.implied", "", ""),
            (Regular, "implied/x", "", "4"),
        ],
        &[],
    );
    let root = made.path();
    assert!(is_whiteout(&root.join("a/gone")));
    assert!(!root.join("a/.wh..wh.plnk").exists());
    for directory in ["b", "tree", "forest", "implied"] {
        assert!(is_opaque(&root.join(directory)), "{directory}");
    }
    assert!(!is_opaque(&root.join("a")));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    assert_eq!([read("b/kept"), read("file"), read("other"), read("implied/x")].concat(), "1234");
    assert!(!unpacked.depends_on_below);
}

#[test]
fn what_takes_nothing_away_is_refused() {
    for name in [".wh.", "a/.wh..", "a/.wh..."] {
        let target = tempfile::tempdir().unwrap();
        let entries = [(Regular, name, "", "")];
        let meaning = Meaning::Layer { below: &[] };
        let refused = unpack(archive(&entries), target.path(), Ownership::Own, meaning);
        assert!(refused.is_err(), "{name}");
    }
}

#[test]
fn directories_without_an_entry_are_like_those_below() {
    use std::os::unix::fs::MetadataExt;
    let (below, _) =
        layer(&[(Directory, "closed", "", ""), (Regular, "closed/file", "", "text")], &[]);
    let below = [below.path().to_owned()];
    let (over, unpacked) = layer(&[(Regular, "closed/new", "", "")], &below);
    assert!(unpacked.depends_on_below);
    assert_eq!(fs::metadata(over.path().join("closed")).unwrap().mode() & 0o7777, 0o750);
    let (over, unpacked) =
        layer(&[(Directory, "closed", "", ""), (Regular, "closed/new", "", "")], &below);
    assert!(!unpacked.depends_on_below, "it says itself what its directory is like");
    drop(over);
    let (over, unpacked) = layer(&[(Link, "second", "closed/file", "")], &below);
    assert!(unpacked.depends_on_below, "the file is copied from below");
    assert_eq!(fs::read_to_string(over.path().join("second")).unwrap(), "text");
}

#[test]
fn hostile_layers_stay_inside_too() {
    let outside = tempfile::tempdir().unwrap();
    let away = outside.path().to_str().unwrap();
    let (made, _) = layer(
        &[
            (Symlink, "link", away, ""),
            (Symlink, "up", "../../../../../..", ""),
            (Regular, "up/up-file", "", "2"),
            (Regular, "../../.wh.sneaky", "", ""),
            (Symlink, "replaced", away, ""),
            (Directory, "replaced", "", ""),
            (Regular, "replaced/file", "", "3"),
        ],
        &[],
    );
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    let root = made.path();
    assert!(is_whiteout(&root.join("sneaky")));
    assert_eq!(fs::read_to_string(root.join("up-file")).unwrap(), "2");
    assert!(root.join("replaced").symlink_metadata().unwrap().is_dir());
}

#[test]
fn a_sparse_file_of_any_size_is_refused() {
    let mut head = header(EntryType::GNUSparse, 0o644, 0);
    head.set_path("huge").unwrap();
    let sparse = head.as_gnu_mut().unwrap();
    sparse.set_real_size(u64::MAX >> 2);
    head.set_cksum();
    let mut builder = Builder::new(Vec::new());
    builder.append(&head, &b""[..]).unwrap();
    let bytes = builder.into_inner().unwrap();
    let target = tempfile::tempdir().unwrap();
    let refused = unpack(&bytes[..], target.path(), Ownership::Own, Meaning::Tree);
    assert!(refused.is_err());
    assert!(fs::metadata(target.path().join("huge")).map_or(0, |found| found.len()) < 1 << 20);
}

#[test]
fn extended_attributes_are_kept_except_those_that_speak_to_the_kernel() {
    let records = [
        ("SCHILY.xattr.user.note", &b"kept\0binary"[..]),
        ("SCHILY.xattr.user.overlay.redirect", b"/etc"),
        ("SCHILY.xattr.user.overlay.opaque", b"y"),
        ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
    ];
    let mut builder = Builder::new(Vec::new());
    builder.append_pax_extensions(records).unwrap();
    let mut head = header(EntryType::Regular, 0o4755, 0);
    head.set_path("file").unwrap();
    head.set_cksum();
    builder.append(&head, &b""[..]).unwrap();
    let bytes = builder.into_inner().unwrap();
    let target = tempfile::tempdir().unwrap();
    let meaning = Meaning::Layer { below: &[] };
    let unpacked = unpack(&bytes[..], target.path(), Ownership::Own, meaning).unwrap();
    assert_eq!(unpacked.attributes_left_out, 0);
    let file = target.path().join("file");
    let mut names = [0; 1024];
    let length = rustix::fs::listxattr(&file, &mut names).unwrap();
    assert_eq!(String::from_utf8_lossy(&names[..length]), "user.note\0");
    use std::os::unix::fs::MetadataExt;
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o4755);
}

#[test]
fn nothing_is_written_through_a_link_that_leads_out() {
    let outside = tempfile::tempdir().unwrap();
    let away = outside.path().to_str().unwrap();
    for name in ["link/through", "link/.wh.through", "link/deep/er"] {
        let entries = [(Symlink, "link", away, ""), (Regular, name, "", "1")];
        for meaning in [Meaning::Tree, Meaning::Layer { below: &[] }] {
            let target = tempfile::tempdir().unwrap();
            let refused = unpack(archive(&entries), target.path(), Ownership::Own, meaning);
            // In a tree `.wh.` means nothing, but the path is the same.
            let error = refused.unwrap_err().to_string();
            assert!(
                error.contains("leads to nothing") || error.contains("No such file"),
                "{name}: {error}"
            );
        }
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
