//! A repository, a store and an image to run on.

use layerc_tests::images::layout::{Compression, Layer};
use layerc_tests::images::root::{self, Tree};
use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::skip::skipped;
use layerc_tests::workflow::{Ran, Workflow, can_run};
use std::path::Path;
use std::process::Command;

/// Whether images can be run here; says aloud that the test is skipped if not.
pub(crate) fn can_run_images(test: &str) -> bool {
    if let Some(obstacle) = root::obstacle() {
        skipped(test, &obstacle);
        return false;
    }
    can_run(test)
}

/// A repository whose Layerfile starts from `image` and runs `script`.
pub(crate) fn workflow(script: &str) -> Workflow {
    let workflow = Workflow::with(&[("Layerfile", &format!("FROM test/image:1\nRUN {script}\n"))]);
    workflow.repository.remove("layerc.toml");
    workflow
}

/// Runs it on an image of this source.
pub(crate) fn run_on(workflow: &Workflow, source: &str) -> Ran {
    workflow.run_with(&["--image", &format!("test/image:1={source}")])
}

/// `layerc image` with the store of a workflow, and an environment without logins.
pub(crate) fn image_command(workflow: &Workflow, arguments: &[&str]) -> Command {
    let mut command = layerc(["image"]);
    command.args(arguments).arg("--store").arg(workflow.store());
    command.current_dir(workflow.repository.path());
    without_logins(&mut command, workflow.repository.path());
    command
}

/// Takes away what the person who runs the tests has for registries.
pub(crate) fn without_logins(command: &mut Command, home: &Path) {
    command.env("HOME", home).env("DOCKER_CONFIG", home.join("no-docker"));
    for variable in ["REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env_remove(variable);
    }
}

/// Runs `layerc image`.
pub(crate) fn image(workflow: &Workflow, arguments: &[&str]) -> Outcome {
    Outcome::of(&mut image_command(workflow, arguments))
}

/// Runs `layerc image`, which must succeed, and gives what it printed.
pub(crate) fn done(workflow: &Workflow, arguments: &[&str]) -> String {
    image(workflow, arguments).expect_success("layerc image").stdout
}

/// Three layers: programs and files; some taken away and one changed; one put back.
pub(crate) fn three_layers() -> Vec<Layer> {
    three_layers_with(Compression::Zstandard)
}

/// The same, the middle one compressed like this.
pub(crate) fn three_layers_with(middle_compression: Compression) -> Vec<Layer> {
    let bottom = Tree::with_programs();
    bottom.write("data/kept", "kept");
    bottom.write("data/removed", "removed");
    bottom.write("emptied/old", "old");
    bottom.write("odd/a b\tc\\é", "odd");
    bottom.write("first", "one");
    std::fs::hard_link(bottom.path("first"), bottom.path("second")).unwrap();
    bottom.write("bin/powerful", "#!/bin/sh\n");
    bottom.set_mode("bin/powerful", 0o4755);
    std::os::unix::fs::symlink("/data/kept", bottom.path("link")).unwrap();
    let middle = Tree::new();
    middle.write("data/.wh.removed", "");
    middle.write("emptied/.wh..wh..opq", "");
    middle.write("emptied/new", "new");
    let top = Tree::new();
    top.write("data/removed", "back");
    vec![
        Layer::of(&bottom, Compression::Gzip),
        Layer::of(&middle, middle_compression),
        Layer::of(&top, Compression::None),
    ]
}

/// Tells what a step sees of [`three_layers`].
pub(crate) const LOOK: &str = "cd /; ls data emptied; cat data/removed data/kept emptied/new link; echo; \
    stat -c %a bin/powerful tmp; test first -ef second && echo linked; cat odd/*; echo; echo \"$FROM_IMAGE $HOME\"";

/// What it sees.
pub(crate) const SEEN: &str =
    "data:\nkept\nremoved\n\nemptied:\nnew\nbackkeptnewkept\n4755\n1777\nlinked\nodd\nyes /root\n";
