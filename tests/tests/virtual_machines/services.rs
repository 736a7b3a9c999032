//! Images with systemd and Docker, booted in the lab: slow there, so only where LAYERC_KVM_SERVICES asks for it, with
//! the parts that are wanted: `systemd`, `docker`, or both.

use crate::lab::{Brought, DISK_PROGRAM};
use crate::told::Told;
use layerc_executor::kvm::guest::make_root_disk;
use layerc_tests::kvm_lab::{MISSING, booting, give_layerc, pair, parts, preparing};
use layerc_tests::layerc::program;
use layerc_tests::skip::skipped;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Names the parts.
const SERVICES: &str = "LAYERC_KVM_SERVICES";

/// Seconds for all of it in the lab.
const SECONDS: &str = "3000";

/// Bytes of the lab's disk: the image as an archive, as files and as a disk, and what machines write. Mostly holes.
const DISK_BYTES: u64 = 24 << 30;

/// Memory of the lab, in MiB.
const LAB_MEBIBYTES: &str = "4096";

#[test]
fn images_with_systemd_boot_it_and_docker_works_inside() {
    let Ok(wanted) = std::env::var(SERVICES) else {
        skipped(
            "images_with_systemd_boot_it",
            &format!("it takes minutes in the lab: {SERVICES}=\"systemd docker\""),
        );
        return;
    };
    let Some(results) = run() else { return };
    for part in wanted.split_ascii_whitespace() {
        match part {
            "systemd" => systemd_runs_and_its_services_live_on(&results),
            "docker" => containers_live_on(&results),
            other => panic!("{SERVICES} names `systemd` and `docker`, not `{other}`"),
        }
    }
}

fn systemd_runs_and_its_services_live_on(results: &Brought) {
    let told = Told::of(results, "systemd");
    assert_eq!(told.status, 0, "{}", told.log);
    assert_eq!(told.words_of("base", "process 1 is "), ["systemd"], "{}", told.log);
    assert_eq!(told.words_of("base", "systemd is "), ["running"], "{}", told.log);
    let served = told.words_of("base", "nginx ");
    assert!(served.len() == 1 && served[0].contains("since"), "{}", told.log);
    assert_eq!(told.words_of("child", "nginx "), served, "the same nginx: {}", told.log);
    assert!(told.printed("Welcome to nginx"), "{}", told.log);
    assert!(told.printed("a unit of a step lives on"), "{}", told.log);
}

fn containers_live_on(results: &Brought) {
    let told = Told::of(results, "docker");
    assert_eq!(told.status, 0, "{}", told.log);
    assert!(told.printed("hello out of a container"), "{}", told.log);
    assert_eq!(told.words_of("containers", "container "), ["lasting is running"], "{}", told.log);
    assert!(told.printed("from inside of what lasts"), "{}", told.log);
}

/// Makes image, store and disk, and has the lab run its script.
fn run() -> Option<Brought> {
    for script in ["prepare", "prepare-services"] {
        let prepared = preparing(script).output().unwrap();
        println!("{}", String::from_utf8_lossy(&prepared.stdout));
        match prepared.status.code() {
            Some(0) => {}
            // It said what is missing.
            Some(MISSING) => return None,
            status => panic!("{script}: {status:?} {}", String::from_utf8_lossy(&prepared.stderr)),
        }
    }
    let place = tempfile::tempdir().unwrap();
    let (tree, disk) = (place.path().join("tree"), place.path().join("disk"));
    make_disk(&tree, &disk);
    let repositories = place.path().join("repositories");
    write_repository(&repositories.join("services"));
    let results = tempfile::tempdir().unwrap();
    let mut lab = booting();
    lab.args(["--seconds", SECONDS, "--memory", LAB_MEBIBYTES]);
    give_layerc(&mut lab);
    lab.args(["--program", &pair(Path::new(DISK_PROGRAM), "bin/mke2fs")]);
    lab.args(["--file", &pair(&repositories, "repositories")]);
    lab.arg("--disk").arg(&disk).arg("--results").arg(results.path());
    let output = lab.arg("tests/kvm-lab/services").output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    match output.status.code() {
        Some(0) => Some(Brought::of(results)),
        Some(MISSING) => None,
        status => panic!("status {status:?}\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// The store with the image, made here, where that is fast.
fn make_disk(tree: &Path, disk: &Path) {
    fs::create_dir(tree).unwrap();
    let archive = tree.join("services.tar");
    fs::hard_link(parts().join("services.tar"), &archive)
        .or_else(|_| fs::copy(parts().join("services.tar"), &archive).map(drop))
        .unwrap();
    let mut build = Command::new(program());
    build.args(["image", "build", "--bootable"]).arg(format!("rootfs:{}", archive.display()));
    build.arg("--store").arg(tree.join("store")).arg("--kernel").arg(parts().join("vmlinuz"));
    let built = build.current_dir(tree).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    make_root_disk(tree, disk, DISK_BYTES).unwrap();
    fs::remove_dir_all(tree).unwrap();
}

fn write_repository(repository: &Path) {
    let since = "echo \"nginx $(systemctl show --property=ActiveState,ActiveEnterTimestampMonotonic nginx | xargs) since\"";
    let files = [
        ("layerc.toml", String::new()),
        (
            "base/Layerfile",
            format!(
                "FROM vm/debian\nMEMORY 1G\n\
                 RUN echo \"process 1 is $(cat /proc/1/comm)\"; echo \"systemd is $(systemctl is-system-running)\"; \
                 systemctl list-units --failed --no-legend\n\
                 RUN {since}\n\
                 RUN systemd-run --unit=of-a-step sleep 100000\n"
            ),
        ),
        (
            "child/Layerfile",
            format!(
                "FROM ../base\nRUN {since}\nRUN curl --silent http://127.0.0.1/ | grep -i title\n\
                 RUN systemctl is-active of-a-step && echo 'a unit of a step lives on'\n"
            ),
        ),
        (
            "docker/Layerfile",
            "FROM ../base\nRUN systemctl start docker\n\
             RUN mkdir -p /tmp/tiny/bin && cp /bin/busybox /tmp/tiny/bin/ && tar -C /tmp/tiny -c . | docker import - tiny\n\
             RUN docker run --rm tiny /bin/busybox echo 'hello out of a container'\n\
             RUN docker run --detach --name lasting tiny /bin/busybox sleep 100000\n"
                .to_owned(),
        ),
        (
            "containers/Layerfile",
            "FROM ../docker\nRUN docker ps --format 'container {{.Names}} is {{.State}}'\n\
             RUN docker exec lasting /bin/busybox echo 'from inside of what lasts'\n"
                .to_owned(),
        ),
    ];
    for (path, text) in files {
        let path = repository.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}
