//! Bases made ahead of runs, written out as layouts and archives, and read back by this program and by skopeo.

use crate::lab::{LOOK, SEEN, can_run_images, done, image, run_on, three_layers, workflow};
use layerc_tests::images::layout::Layout;
use layerc_tests::images::root::Tree;
use layerc_tests::ordinary_user::on_path;
use layerc_tests::skip::skipped;
use layerc_tests::workflow::Workflow;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

#[test]
fn a_base_written_out_is_the_same_base_when_it_is_read_back() {
    if !can_run_images("writing images") {
        return;
    }
    let layout = Layout::of(&three_layers(), &json!({ "Env": ["FROM_IMAGE=yes"] }));
    let place = workflow(LOOK);
    let source = format!("oci-layout:{}", layout.path().display());
    for written in ["written", "written.tar"] {
        done(&place, &["build", &source, "-o", written, "--name", "team/base:1"]);
    }
    let again = image(&place, &["build", &source, "-o", "written"]);
    assert_ne!(again.code(), 0, "what is there is not written over");
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    done(&place, &["import", "written.tar"]);
    let written = place.repository.join("written").display().to_string();
    let layouts = [format!("oci-layout:{written}"), format!("oci-layout:{written}.tar")];
    for source in layouts.into_iter().chain(["oci:team/base:1".to_owned()]) {
        let run = run_on(&place, &source).expect_success();
        let printed = run.printed("main-layerfile");
        assert!(printed == SEEN || run.started().is_empty(), "{source}: {printed}");
    }
}

#[test]
fn what_is_written_is_an_image_to_other_programs_and_always_the_same() {
    if !can_run_images("writing images for others") {
        return;
    }
    let tree = Tree::with_programs();
    std::fs::hard_link(tree.path("bin/bash"), tree.path("bin/bash-again")).unwrap();
    let place = workflow("true");
    let archive = place.repository.join("root.tar");
    tar(tree.path("").as_path(), &archive);
    let build = |output: &str| {
        done(&place, &["build", "rootfs:root.tar", "-o", output, "--name", "localhost/base:2"])
    };
    let digests =
        [build("one.tar"), build("two")].map(|line| line.split("  ").nth(1).map(str::to_owned));
    assert_eq!(digests[0], digests[1]);
    if !on_path("skopeo") {
        return skipped("reading what was written with skopeo", "skopeo is not installed");
    }
    for source in ["oci-archive:one.tar:2", "oci:two:2"] {
        let mut command = Command::new("skopeo");
        command.args(["copy", "--quiet", source, "docker-archive:copied.tar:base:2"]);
        let copied = command.current_dir(place.repository.path()).output().unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let run = workflow("bash-again -c 'echo still here'");
        let copied = place.repository.join("copied.tar");
        let ran = run_on(&run, &format!("docker-archive:{}", copied.display())).expect_success();
        assert_eq!(ran.printed("main-layerfile"), "still here\n");
        std::fs::remove_file(copied).unwrap();
    }
}

#[test]
fn bases_are_listed_with_what_they_take_and_removed() {
    if !can_run_images("listing bases") {
        return;
    }
    let place = workflow("echo ran");
    tar(Tree::with_programs().path("").as_path(), &place.repository.join("root.tar"));
    place.repository.write("layerc.toml", "[images]\n\"test/image:1\" = \"rootfs:root.tar\"\n");
    assert!(done(&place, &["build", "test/image:1"]).ends_with("root.tar is ready: 1 layers\n"));
    let listed = done(&place, &["ls", "--format", "json"]);
    let base: Value = serde_json::from_str(&listed).unwrap();
    assert!(base["disk_bytes"].as_u64().unwrap() > 1_000_000, "{listed}");
    assert!(base["source"].as_str().unwrap().ends_with("/root.tar"), "{listed}");
    let events = place.run().expect_success().outcome.stdout;
    assert!(!events.contains("unpacking"), "it was made before: {events}");
    done(&place, &["rm", base["name"].as_str().unwrap()]);
    assert_eq!(done(&place, &["ls"]), "");
    assert!(place.run_with(&["--no-cache"]).expect_success().outcome.stdout.contains("unpacking"));
    for (source, said) in [("host", "this machine itself"), ("vm/none:1", "means no image")] {
        let refused = image(&place, &["build", source]);
        assert_eq!(refused.code(), 2);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
}

#[test]
fn a_kernel_comes_out_of_packages_alone() {
    let place = Workflow::with(&[("layerc.toml", "")]);
    let refused = image(&place, &["kernel", "layerc.toml"]);
    assert_eq!(refused.code(), 3);
    assert!(refused.stderr.contains("`layerc.toml` is no Debian package"), "{}", refused.stderr);
}

fn tar(directory: &Path, archive: &Path) {
    let made =
        Command::new("tar").arg("-cf").arg(archive).arg("-C").arg(directory).arg(".").status();
    assert!(made.unwrap().success());
}
