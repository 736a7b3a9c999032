//! A step that fills the disk is ended and told so; others go on, and the store stays right.

use layerc_tests::small_disk::SmallDisk;
use layerc_tests::workflow::{Ran, Workflow, can_run, run_command};

/// The files of a runner that takes all it gets, in this way, and then never ends by itself; and of a modest one.
fn greedy(way: &str) -> Workflow {
    let hog = format!("FROM vm/ubuntu:22.04\nRUN {way}; sleep 86404\n");
    let good = "FROM vm/ubuntu:22.04\nRUN echo fine > /root/x\nRUN cat /root/x\n";
    Workflow::with(&[("hog/Layerfile", &hog), ("good/Layerfile", good)])
}

#[test]
fn a_step_that_writes_more_than_the_limit_fails_and_others_go_on() {
    if !can_run("a_step_that_writes_more_than_the_limit_fails_and_others_go_on") {
        return;
    }
    let named = "head -c 60M /dev/zero > /usr/hog";
    let nameless = "exec 9> /root/hog; rm /root/hog; head -c 60M /dev/zero >&9";
    let many = "mkdir /root/d; for i in $(seq 60); do head -c 1M /dev/zero > /root/d/$i; done";
    for way in [named, nameless, many] {
        let place = greedy(way);
        let arguments = ["--keep-going", "--jobs", "2", "--max-disk", "40M"];
        let run = place.run_with(&arguments);
        let states = (run.state("hog"), run.state("good"), run.outcome.code());
        let told = run.complaints().join("\n");
        assert_eq!(states, ("FAILURE".to_owned(), "SUCCESS".to_owned(), 1), "{way}\n{told}");
        assert!(
            told.contains("hog/Layerfile:2: ") && told.contains("40 MiB is the limit"),
            "{told}"
        );
        assert!(told.contains("--max-disk"), "{told}");
    }
}

#[test]
fn the_limit_can_be_configured_and_is_no_part_of_what_is_known() {
    if !can_run("the_limit_can_be_configured_and_is_no_part_of_what_is_known") {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\nRUN head -c 8M /dev/zero > /root/x\n";
    let place = Workflow::with(&[("Layerfile", text)]);
    let images = "[images]\n\"vm/ubuntu:22.04\" = \"host\"\n[run]\nmax_disk = \"1G\"\n";
    place.repository.write("layerc.toml", images);
    assert_eq!(place.ran().len(), 1);
    let again = place.run_with(&["--max-disk", "1M"]).expect_success();
    assert_eq!(again.started(), [""; 0], "it was within the limit then");
    place.repository.write("layerc.toml", &images.replace("1G", "much"));
    assert_eq!(place.run().outcome.code(), 2);
}

#[test]
fn a_step_that_fills_the_store_s_disk_is_ended_and_the_store_stays_right() {
    let test = "a_step_that_fills_the_store_s_disk_is_ended_and_the_store_stays_right";
    if !can_run(test) {
        return;
    }
    let Some(disk) = SmallDisk::of("128m", test) else { return };
    let place = greedy("while head -c 1M /dev/zero >> /root/hog; do sleep 0.01; done");
    let on = |arguments: &[&str]| {
        Ran::of(run_command(place.repository.path(), disk.path()).args(arguments))
    };
    on(&["--target", "good"]).expect_success();
    let run = on(&["--target", "hog"]);
    assert_eq!(run.outcome.code(), 1, "{}", run.outcome.everything());
    let told = run.complaints().join("\n");
    assert!(told.contains("are left where the store is"), "{told}");
    assert_eq!(on(&["--target", "good"]).expect_success().started(), [""; 0]);
    place.repository.write("good/Layerfile", "FROM vm/ubuntu:22.04\nRUN echo more\n");
    assert_eq!(on(&["--target", "good"]).expect_success().printed("good"), "more\n");
}
