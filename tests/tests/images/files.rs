//! Images on disk: layouts, archives, names, and what is kept of them.

use crate::lab::{
    LOOK, SEEN, can_run_images, done, image, run_on, three_layers, three_layers_with, workflow,
};
use layerc_tests::images::layout::{Compression, Layer, Layout, architecture, for_platform, named};
use layerc_tests::images::root::Tree;
use layerc_tests::ordinary_user;
use layerc_tests::skip::skipped;
use serde_json::json;
use std::process::Command;

#[test]
fn a_layout_is_a_base_with_all_that_its_layers_say() {
    if !can_run_images("layouts") {
        return;
    }
    let layout =
        Layout::of(&three_layers(), &json!({ "Env": ["FROM_IMAGE=yes", "HOME=/elsewhere"] }));
    let place = workflow(LOOK);
    let source = format!("oci-layout:{}", layout.path().display());
    let run = run_on(&place, &source).expect_success();
    assert_eq!(run.printed("main-layerfile"), SEEN);
    let again = run_on(&place, &source).expect_success();
    assert_eq!(again.started(), [""; 0], "everything is cached");
}

#[test]
fn an_ordinary_user_can_use_images_too() {
    if !can_run_images("images of an ordinary user") {
        return;
    }
    let layout = Layout::of(&three_layers(), &json!({ "Env": ["FROM_IMAGE=yes"] }));
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("repository")).unwrap();
    std::fs::write(
        home.path().join("repository/Layerfile"),
        format!("FROM test/image:1\nRUN {LOOK}\n"),
    )
    .unwrap();
    ordinary_user::give(home.path());
    ordinary_user::give(layout.path());
    let program = home.path().join("layerc");
    std::fs::copy(layerc_tests::layerc::program(), &program).unwrap();
    let mut command = match ordinary_user::command(&program, home.path()) {
        Ok(command) => command,
        Err(reason) => return skipped("images of an ordinary user", &reason.0),
    };
    command.args(["run", "repository", "--format", "plain", "--store", "store", "--image"]);
    command.arg(format!("test/image:1=oci-layout:{}", layout.path().display()));
    let run = layerc_tests::layerc::Outcome::of(&mut command).expect_success("layerc run");
    for line in SEEN.lines().filter(|line| !line.is_empty()) {
        assert!(run.stdout.contains(&format!("| {line}\n")), "{line}\n{}", run.everything());
    }
}

#[test]
fn archives_of_both_forms_are_imported_and_run_without_the_network() {
    if !can_run_images("archives") {
        return;
    }
    if !ordinary_user::on_path("skopeo") {
        return skipped("archives", "skopeo is not installed");
    }
    let layout =
        Layout::of(&three_layers_with(Compression::Gzip), &json!({ "Env": ["FROM_IMAGE=yes"] }));
    let place = workflow(LOOK);
    for (form, name) in [("docker-archive", "a/docker:1"), ("oci-archive", "an/oci:1")] {
        let archive = place.store().join(format!("{form}.tar"));
        let copied = Command::new("skopeo")
            .args(["--insecure-policy", "copy", "--quiet"])
            .arg(format!("oci:{}", layout.path().display()))
            .arg(format!("{form}:{}:{name}", archive.display()))
            .output()
            .unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let packed = Command::new("gzip").arg("-k").arg(&archive).status().unwrap();
        assert!(packed.success());
        for path in [archive.clone(), archive.with_extension("tar.gz")] {
            let arguments = ["import", path.to_str().unwrap(), "--name", name];
            let imported = done(&place, &arguments);
            assert!(imported.starts_with(&format!("docker.io/{name}  sha256:")), "{}", imported);
        }
        let run = place.run_with(&[
            "--image",
            &format!("test/image:1=oci:{name}"),
            "--pull",
            "never",
            "--no-cache",
        ]);
        assert_eq!(run.expect_success().printed("main-layerfile"), SEEN, "{form}");
    }
    let listed = done(&place, &["ls"]);
    assert!(listed.contains("docker.io/a/docker:1") && listed.contains("imported"), "{listed}");
}

#[test]
fn layers_are_shared_and_go_with_the_last_image() {
    if !can_run_images("removal") {
        return;
    }
    let layers = three_layers();
    let both = Layout::empty();
    let one = both.add_image(&layers[..1], &json!({}), architecture());
    let three = both.add_image(&layers, &json!({}), architecture());
    both.write_index(&[named(one, "one"), named(three, "three")]);
    let place = workflow("true");
    for name in ["one", "three"] {
        let from = format!("{}:{name}", both.path().display());
        done(&place, &["import", &from, "--name", &format!("x/{name}")]);
    }
    let directories = || std::fs::read_dir(place.store().join("images/layers")).unwrap().count();
    assert_eq!(directories(), 3, "the first layer is there once");
    done(&place, &["rm", "x/three"]);
    assert_eq!(directories(), 1);
    run_on(&place, "oci:x/one").expect_success();
    let missing = image(&place, &["rm", "x/three"]);
    assert_eq!(missing.code(), 2);
    assert!(
        missing.stderr.contains("there is no image `docker.io/x/three:latest`"),
        "{}",
        missing.stderr
    );
}

#[test]
fn the_image_for_this_machine_is_chosen() {
    if !can_run_images("platforms") {
        return;
    }
    let (other, own) = (Tree::with_programs(), Tree::with_programs());
    other.write("which", "other");
    own.write("which", "own");
    let layer = |tree: &Tree| [Layer::of(tree, Compression::Gzip)];
    let foreign = if architecture() == "amd64" { "arm64" } else { "amd64" };
    let layout = Layout::empty();
    let entries = [
        for_platform(layout.add_image(&layer(&other), &json!({}), foreign), foreign),
        for_platform(layout.add_image(&layer(&own), &json!({}), architecture()), architecture()),
    ];
    layout.write_index(&entries);
    let place = workflow("cat /which");
    let source = format!("oci-layout:{}", layout.path().display());
    assert_eq!(run_on(&place, &source).expect_success().printed("main-layerfile"), "own");
    layout.write_index(&entries[..1]);
    let refused = run_on(&place, &source);
    assert_eq!(refused.outcome.code(), 3);
    let complaints = refused.complaints().join("\n");
    assert!(complaints.contains(&format!("linux/{foreign}")), "{complaints}");
}

#[test]
fn an_image_without_bash_says_so() {
    if !can_run_images("images without bash") {
        return;
    }
    let tree = Tree::new();
    tree.write("bin/sh", "");
    let layout = Layout::of(&[Layer::of(&tree, Compression::Gzip)], &json!({}));
    let run = run_on(&workflow("true"), &format!("oci-layout:{}", layout.path().display()));
    assert_eq!(run.outcome.code(), 3);
    assert!(
        run.complaints().join("").contains("the image has no /bin/bash"),
        "{:?}",
        run.complaints()
    );
}
