//! Images that mean harm, or are damaged: refused with a reason, and nothing of them is left.

use crate::lab::{can_run_images, run_on, workflow};
use layerc_tests::images::layout::{Compression, Layer, Layout, architecture, named};
use layerc_tests::images::root::Tree;
use serde_json::{Value, json};
use std::fs;

/// A header of a tar entry, with nothing checked.
fn entry(name: &str, kind: u8, link: &str, size: u64) -> Vec<u8> {
    let mut header = vec![0_u8; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000755");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(157, link);
    put(257, "ustar\u{0}00");
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// An archive of entries whose content is empty.
fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

/// What is said of an image with this layer on top of one with programs.
fn complaints_of(layer: Layer) -> String {
    let layers = [Layer::of(&Tree::with_programs(), Compression::Gzip), layer];
    complaints(&Layout::of(&layers, &json!({})))
}

fn complaints(layout: &Layout) -> String {
    let place = workflow("true");
    let run = run_on(&place, &format!("oci-layout:{}", layout.path().display()));
    assert_eq!(run.outcome.code(), 3, "{}", run.outcome.everything());
    let layers = fs::read_dir(place.store().join("images/layers")).unwrap().flatten();
    let half_made = layers.filter(|entry| entry.file_name().to_string_lossy().starts_with("new-"));
    assert_eq!(half_made.count(), 0, "what was half made is gone");
    assert_eq!(fs::read_dir(place.store().join("images/names")).unwrap().count(), 0);
    run.complaints().join("\n")
}

#[test]
fn names_that_leave_the_layer_stay_in_it() {
    if !can_run_images("hostile names") {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    let away = outside.path().to_str().unwrap();
    let layer = archive(&[
        entry("../../../../escaped", b'0', "", 0),
        entry("/absolute", b'0', "", 0),
        entry("link", b'2', away, 0),
        entry("device", b'3', "", 0),
        entry("stolen", b'2', "/etc/shadow", 0),
    ]);
    let layers = [
        Layer::of(&Tree::with_programs(), Compression::Gzip),
        Layer::of_archive(layer, Compression::None),
    ];
    let layout = Layout::of(&layers, &json!({}));
    let place =
        workflow("cd / && ls escaped absolute; test -e /device || echo none; readlink /stolen");
    let run = run_on(&place, &format!("oci-layout:{}", layout.path().display())).expect_success();
    assert_eq!(run.printed("main-layerfile"), "absolute\nescaped\nnone\n/etc/shadow\n");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn nothing_is_written_through_links() {
    if !can_run_images("hostile links") {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    let away = outside.path().to_str().unwrap();
    let through = archive(&[entry("link", b'2', away, 0), entry("link/through", b'0', "", 0)]);
    let said = complaints_of(Layer::of_archive(through, Compression::Gzip));
    assert!(
        said.contains("`link` is a link that leads to nothing") || said.contains("No such file"),
        "{said}"
    );
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn hard_links_reach_nothing_outside() {
    if !can_run_images("hostile hard links") {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "planted").unwrap();
    let secret = outside.path().join("secret").to_str().unwrap().to_owned();
    let climbing = format!("../../../../../../../..{secret}");
    for target in [&secret, &climbing] {
        let stealing = archive(&[entry("stolen", b'1', target, 0)]);
        let said = complaints_of(Layer::of_archive(stealing, Compression::None));
        assert!(said.contains("unpack the layer"), "{target}: {said}");
    }
    let away = outside.path().to_str().unwrap();
    let through = archive(&[entry("way", b'2', away, 0), entry("stolen", b'1', "way/secret", 0)]);
    let said = complaints_of(Layer::of_archive(through, Compression::None));
    assert!(said.contains("unpack the layer"), "{said}");
}

#[test]
fn set_user_programs_of_images_are_nobodys_on_the_host() {
    if !can_run_images("set-user programs") {
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let mut program = entry("raised", b'0', "", 0);
    program[100..107].copy_from_slice(b"0004755");
    program[148..156].copy_from_slice(b"        ");
    let sum: u32 = program.iter().map(|byte| u32::from(*byte)).sum();
    program[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let layers = [
        Layer::of(&Tree::with_programs(), Compression::Gzip),
        Layer::of_archive(archive(&[program]), Compression::None),
    ];
    let layout = Layout::of(&layers, &json!({}));
    let place = workflow("stat -c %a /raised");
    fs::set_permissions(place.store(), fs::Permissions::from_mode(0o755)).unwrap();
    let run = run_on(&place, &format!("oci-layout:{}", layout.path().display())).expect_success();
    assert_eq!(run.printed("main-layerfile"), "4755\n", "in the machine it works");
    let mode = fs::metadata(place.store().join("images")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "nobody else can come to it: {mode:o}");
}

#[test]
fn claims_of_any_size_cost_nothing() {
    if !can_run_images("hostile sizes") {
        return;
    }
    let huge =
        complaints_of(Layer::of_archive(entry("huge", b'0', "", (1 << 33) - 1), Compression::None));
    assert!(huge.contains("unpack the layer"), "{huge}");
    let zeros = vec![0_u8; 700 << 20];
    let named = [entry("././@LongLink", b'L', "", zeros.len() as u64), zeros].concat();
    let long = complaints_of(Layer::of_archive(named, Compression::Zstandard));
    assert!(long.contains("image"), "a name of 700 MiB is refused: {long}");
}

#[test]
fn content_that_is_not_what_its_digest_says_is_refused() {
    if !can_run_images("wrong digests") {
        return;
    }
    let good = Layer::of(&Tree::with_programs(), Compression::Gzip);
    let other = Layer::of_archive(archive(&[entry("x", b'0', "", 0)]), Compression::Gzip);
    let lying = Layer { bytes: other.bytes.clone(), ..good.clone() };
    let content = complaints(&Layout::of(&[lying], &json!({})));
    assert!(content.contains("the layer's content has the digest"), "{content}");

    let damaged = Layout::of(std::slice::from_ref(&good), &json!({}));
    let digest = layerc_executor::reference::Digest::of(&good.bytes);
    let blob = damaged.path().join("blobs/sha256").join(digest.digits());
    let mut bytes = good.bytes.clone();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    fs::write(blob, bytes).unwrap();
    let damaged = complaints(&damaged);
    assert!(damaged.contains("unpack the layer"), "{damaged}");

    let layout = Layout::empty();
    let manifest = layout.add_image(&[good], &json!({}), architecture());
    let digest: layerc_executor::reference::Digest =
        manifest["digest"].as_str().unwrap().parse().unwrap();
    let path = layout.path().join("blobs/sha256").join(digest.digits());
    let mut document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    document["more"] = json!(true);
    fs::write(&path, document.to_string()).unwrap();
    layout.write_index(&[named(manifest, "latest")]);
    let exchanged = complaints(&layout);
    assert!(exchanged.contains("it is damaged or was exchanged"), "{exchanged}");
}

#[test]
fn documents_that_are_none_are_refused() {
    if !can_run_images("hostile documents") {
        return;
    }
    for (index, expected) in [
        (json!({ "schemaVersion": 1 }), "docker's first format"),
        (json!([]), "is not the manifest"),
        (
            json!({ "schemaVersion": 2, "manifests": [{ "mediaType": "x", "digest": "sha256:../../x", "size": 1 }] }),
            "is not a digest",
        ),
        (json!({ "schemaVersion": 2, "manifests": [] }), "is not made for"),
    ] {
        let layout = Layout::empty();
        fs::write(layout.path().join("index.json"), index.to_string()).unwrap();
        let said = complaints(&layout);
        assert!(said.contains(expected), "{index}: {said}");
    }
    let layout = Layout::empty();
    fs::write(layout.path().join("index.json"), vec![b' '; 5 << 20]).unwrap();
    let said = complaints(&layout);
    assert!(said.contains("has more than 4 MiB"), "{said}");
}
