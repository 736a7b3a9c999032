//! Archives read back by another reader than the kernel's: cpio's own.

use super::{Initramfs, ModuleError};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

/// Names and contents in an archive.
fn unpack(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut entries = BTreeMap::new();
    let mut rest = bytes;
    loop {
        let mut reader = cpio::newc::Reader::new(rest).unwrap();
        if reader.entry().is_trailer() {
            return entries;
        }
        let name = reader.entry().name().to_owned();
        let mut content = Vec::new();
        reader.read_to_end(&mut content).unwrap();
        entries.insert(name, content);
        rest = reader.finish().unwrap();
    }
}

fn module(directory: &Path, path: &str, depends: &str) {
    let path = directory.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let image = format!("\x7fELF\0license=GPL\0depends={depends}\0name=x\0code");
    fs::write(path, image).unwrap();
}

#[test]
fn modules_come_along_in_the_order_they_need() {
    let place = tempfile::tempdir().unwrap();
    let agent = place.path().join("agent");
    fs::write(&agent, "a program").unwrap();
    let modules = place.path().join("modules");
    module(&modules, "kernel/drivers/virtio/virtio_mmio.ko", "virtio,virtio_ring");
    module(&modules, "kernel/drivers/virtio/virtio.ko", "");
    module(&modules, "kernel/drivers/virtio/virtio_ring.ko", "virtio");
    module(&modules, "kernel/fs/fuse/fuse.ko", "");
    module(&modules, "kernel/net/wireless/not_wanted.ko", "nothing");
    module(&modules, "kernel/drivers/char/hw_random/virtio-rng.ko", "virtio");
    let mut initramfs = Initramfs::new(&agent).unwrap();
    initramfs.add_modules(&modules).unwrap();
    initramfs.add_program(&agent, "/lib64/a/library").unwrap();
    let entries = unpack(&initramfs.finish().unwrap());
    let lists = [
        ("modules.list", "/modules/", &["00-virtio", "01-virtio_ring", "02-virtio_mmio"][..]),
        ("later-modules/files", "/later-modules/files-", &["00-fuse"][..]),
        ("later-modules/everywhere", "/later-modules/everywhere-", &["00-virtio_rng"][..]),
        ("later-modules/network", "", &[][..]),
        ("later-modules/containers", "", &[][..]),
    ];
    for (list, beginning, names) in lists {
        let listed = String::from_utf8(entries[list].clone()).unwrap();
        let expected: Vec<String> =
            names.iter().map(|name| format!("{beginning}{name}.ko")).collect();
        assert_eq!(listed.lines().collect::<Vec<_>>(), expected);
        assert!(expected.iter().all(|path| entries.contains_key(path.trim_start_matches('/'))));
    }
    assert_eq!(entries["init"], b"a program");
    assert!(
        ["dev/console", "lib64", "lib64/a", "lib64/a/library"]
            .iter()
            .all(|name| entries.contains_key(*name))
    );
}

#[test]
fn a_module_that_is_missing_is_named() {
    let place = tempfile::tempdir().unwrap();
    let agent = place.path().join("agent");
    fs::write(&agent, "").unwrap();
    module(place.path(), "ext4.ko", "jbd2");
    let failed = Initramfs::new(&agent).unwrap().add_modules(place.path()).unwrap_err();
    assert!(matches!(&failed, ModuleError::Missing { module, missing, .. }
        if module == "ext4" && missing == "jbd2"));
}

#[test]
fn packed_modules_are_unpacked() {
    // `printf '\0depends=\0hello' | xz --check=crc32` and `| zstd`.
    let place = tempfile::tempdir().unwrap();
    let agent = place.path().join("agent");
    fs::write(&agent, "").unwrap();
    let packed = [("xz", "overlay.ko.xz"), ("zstd", "fuse.ko.zst")];
    for (program, name) in packed {
        let plain = place.path().join("plain");
        fs::write(&plain, b"\0depends=\0hello").unwrap();
        let output = std::process::Command::new(program).arg("-c").arg(&plain).output();
        let Ok(output) = output.map_err(|_| println!("SKIPPED: {program} is not installed")) else {
            return;
        };
        fs::write(place.path().join(name), output.stdout).unwrap();
    }
    let mut initramfs = Initramfs::new(&agent).unwrap();
    initramfs.add_modules(place.path()).unwrap();
    let entries = unpack(&initramfs.finish().unwrap());
    assert_eq!(entries["later-modules/files-00-fuse.ko"], b"\0depends=\0hello");
    assert_eq!(entries["later-modules/everywhere-00-overlay.ko"], b"\0depends=\0hello");
}
