//! A real registry on loopback: pulled, kept, resumed, refused.

use crate::lab::{
    LOOK, SEEN, can_run_images, done, image, image_command, three_layers, without_logins, workflow,
};
use layerc_tests::images::layout::{Layout, architecture, for_platform, named};
use layerc_tests::images::registry::{self, Access, Registry};
use layerc_tests::layerc::Outcome;
use layerc_tests::skip::skipped;
use layerc_tests::workflow::{Ran, Workflow};
use serde_json::json;
use std::fs;

/// As manifests name it.
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

fn can_pull(test: &str) -> bool {
    if let Some(obstacle) = registry::obstacle() {
        skipped(test, &obstacle);
        return false;
    }
    can_run_images(test)
}

fn layout() -> Layout {
    Layout::of(&three_layers(), &json!({ "Env": ["FROM_IMAGE=yes"], "User": "service" }))
}

/// A run on an image of the registry, with an environment without logins.
fn run(place: &Workflow, registry: &Registry, more: &[&str]) -> Ran {
    let mut command = place.command();
    without_logins(&mut command, place.repository.path());
    command
        .arg("--image")
        .arg(format!("test/image:1=oci:{}/team/app:1", registry.host()))
        .args(more);
    Ran::of(&mut command)
}

#[test]
fn an_image_is_pulled_when_a_run_needs_it_and_then_never_again() {
    if !can_pull("pulling") {
        return;
    }
    let registry = Registry::start(Access::Open);
    registry.push(layout().path(), "team/app:1");
    let place = workflow(LOOK);
    let refused = run(&place, &registry, &["--pull", "never"]);
    assert_eq!(refused.outcome.code(), 3);
    assert!(refused.complaints().join("").contains("pulling is off"), "{:?}", refused.complaints());
    let before = registry.log().len();
    let first = run(&place, &registry, &[]).expect_success();
    assert_eq!(first.printed("main-layerfile"), SEEN);
    assert!(first.outcome.stdout.contains("pulling 3 layers"), "{}", first.outcome.stdout);
    let after = registry.log().len();
    assert!(after > before);
    assert_eq!(run(&place, &registry, &[]).expect_success().started(), [""; 0]);
    assert_eq!(registry.log().len(), after, "the registry was not asked again");
    let always = run(&place, &registry, &["--pull", "always"]).expect_success();
    assert_eq!(always.started(), [""; 0], "the image is still the same");
    let asked = registry.log().get(after..).unwrap_or_default().to_owned();
    assert!(
        asked.contains("/manifests/1") && !asked.contains("GET /v2/team/app/blobs/sha256:"),
        "{asked}"
    );
    drop(registry);
    assert_eq!(
        run(&place, &Registry::start(Access::Open), &["--pull", "never"]).outcome.code(),
        3,
        "another registry"
    );
}

#[test]
fn an_index_is_resolved_and_a_digest_names_one_image() {
    if !can_pull("indexes") {
        return;
    }
    let registry = Registry::start(Access::Open);
    let layout = Layout::empty();
    let own = for_platform(
        layout.add_image(&three_layers()[..1], &json!({}), architecture()),
        architecture(),
    );
    let foreign = if architecture() == "amd64" { "arm64" } else { "amd64" };
    let other = for_platform(layout.add_image(&three_layers()[..1], &json!({}), foreign), foreign);
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [other, own] });
    layout
        .write_index(&[named(layout.add_blob(index.to_string().as_bytes(), INDEX_TYPE), "latest")]);
    let place = workflow("true");
    registry.push(layout.path(), "team/app:1");
    let name = format!("{}/team/app:1", registry.host());
    let pulled = done(&place, &["pull", &name]);
    assert_eq!(pulled, format!("{name}  {}\n", own["digest"].as_str().unwrap()));
    let by_digest = format!("{}/team/app@{}", registry.host(), own["digest"].as_str().unwrap());
    done(&place, &["pull", &by_digest]);
    let unknown = image(&place, &["pull", &format!("{}/team/nothing", registry.host())]);
    assert_eq!(unknown.code(), 3);
    assert!(unknown.stderr.contains("has no image"), "{}", unknown.stderr);
}

#[test]
fn a_password_is_taken_from_where_docker_keeps_it() {
    if !can_pull("passwords") {
        return;
    }
    let registry = Registry::start(Access::Password);
    registry.push(layout().path(), "team/app:1");
    let place = workflow(LOOK);
    let name = format!("{}/team/app:1", registry.host());
    let refused = image(&place, &["pull", &name]);
    assert_eq!(refused.code(), 3);
    assert!(refused.stderr.contains("Log in with `docker login"), "{}", refused.stderr);
    let mut command = image_command(&place, &["pull", &name]);
    command.env("DOCKER_CONFIG", registry.login());
    let _pulled = Outcome::of(&mut command).expect_success("pull with a password");
    assert_eq!(run(&place, &registry, &[]).expect_success().printed("main-layerfile"), SEEN);
}

#[test]
fn a_credential_helper_is_asked() {
    if !can_pull("credential helpers") {
        return;
    }
    let registry = Registry::start(Access::Password);
    registry.push(layout().path(), "team/app:1");
    let place = workflow("true");
    let directory = tempfile::tempdir().unwrap();
    let helper = directory.path().join("docker-credential-test");
    let (user, password) = registry::LOGIN;
    let answer = json!({ "ServerURL": registry.host(), "Username": user, "Secret": password });
    let script = format!(
        "#!/bin/sh\nread -r asked\n[ \"$1 $asked\" = 'get {}' ] && echo '{answer}'\n",
        registry.host()
    );
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for config in
        [json!({ "credsStore": "test" }), json!({ "credHelpers": { registry.host(): "test" } })]
    {
        fs::write(directory.path().join("config.json"), config.to_string()).unwrap();
        let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
        let name = format!("{}/team/app:1", registry.host());
        let mut command = image_command(&place, &["pull", &name]);
        command.env("DOCKER_CONFIG", directory.path()).env("PATH", path);
        let _pulled = Outcome::of(&mut command).expect_success("pull with a helper");
    }
}

#[test]
fn a_certificate_must_be_trusted() {
    if !can_pull("certificates") {
        return;
    }
    let registry = Registry::start(Access::Certificate);
    registry.push(layout().path(), "team/app:1");
    let place = workflow(LOOK);
    let name = format!("{}/team/app:1", registry.host());
    let refused = image(&place, &["pull", &name]);
    assert_eq!(refused.code(), 3);
    assert!(refused.stderr.contains("is not trusted"), "{}", refused.stderr);
    let certificate = registry.certificate();
    let mut by_variable = image_command(&place, &["pull", &name]);
    by_variable.env("SSL_CERT_FILE", &certificate);
    let _pulled = Outcome::of(&mut by_variable).expect_success("pull with SSL_CERT_FILE");
    done(&place, &["rm", &name]);
    let option = ["--registry-certificate", certificate.to_str().unwrap()];
    assert_eq!(run(&place, &registry, &option).expect_success().printed("main-layerfile"), SEEN);
}

#[test]
fn a_transfer_that_stopped_goes_on_and_one_that_lies_is_refused() {
    if !can_pull("resuming") {
        return;
    }
    let registry = Registry::start(Access::Open);
    let layers = three_layers();
    registry.push(layout().path(), "team/app:1");
    let place = workflow(LOOK);
    let name = format!("{}/team/app:1", registry.host());
    let digest = layerc_executor::reference::Digest::of(&layers[0].bytes);
    let partial = place.store().join("images/partial");
    fs::create_dir_all(&partial).unwrap();
    let half = layers[0].bytes.len() / 2;
    fs::write(partial.join(format!("{}.part", digest.digits())), &layers[0].bytes[..half]).unwrap();
    done(&place, &["pull", &name]);
    let log = registry.log();
    let resumed = log
        .lines()
        .any(|line| line.contains(digest.digits()) && line.contains("http.response.status=206"));
    assert!(resumed, "the registry sent the rest alone:\n{log}");
    assert_eq!(
        fs::read_dir(&partial).unwrap().count(),
        0,
        "what was gathered is unpacked and gone"
    );
    done(&place, &["rm", &name]);

    let stored = registry.blob(digest.digits());
    let mut bytes = fs::read(&stored).unwrap();
    bytes[half] ^= 1;
    fs::write(&stored, bytes).unwrap();
    let lied = image(&place, &["pull", &name]);
    assert_eq!(lied.code(), 3);
    assert!(lied.stderr.contains("it is damaged or was exchanged"), "{}", lied.stderr);
    assert!(!partial.join(digest.digits()).exists(), "nothing wrong is kept");
}

#[test]
fn without_the_registry_the_ways_out_are_named() {
    if !can_run_images("offline") {
        return;
    }
    let place = workflow("true");
    let mut command = place.command();
    without_logins(&mut command, place.repository.path());
    command.args(["--image", "test/image:1=oci:localhost:1/team/app:1"]);
    let run = Ran::of(&mut command);
    assert_eq!(run.outcome.code(), 3);
    let said = run.complaints().join("\n");
    for way in
        ["cannot reach the registry `localhost:1`", "layerc image import", "=rootfs:PATH", "=host"]
    {
        assert!(said.contains(way), "{way}: {said}");
    }
}
