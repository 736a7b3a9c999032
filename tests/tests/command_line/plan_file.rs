//! Plan files: read back, refused when damaged, and the same bytes as ever for the same repository.

use super::{run_in, succeed, web_service};
use layerc_tests::layerc::{Outcome, program};
use layerc_tests::project_files::root;
use layerc_tests::repository::Repository;
use std::process::Command;

/// Written by version 1 of the format; must stay readable, and be written again by every later program until the
/// version changes.
const GOLDEN: &str = "tests/golden/plan-v1.plan";

/// The repository that the golden file is the plan of; every kind of node and action is in it.
fn everything() -> Repository {
    Repository::with(&[
        ("setup.sh", "export A=1\n"),
        (
            "base/Layerfile",
            "FROM vm/ubuntu:18.04\nMEMORY 2G\nENV NODE=\"14\" PATH=$HOME/bin:$PATH\nSETUP FILE /setup.sh\nCACHE ~/.npm\n\
             USER builder\nWORKDIR /app\nRUN apt-get install nodejs\nRUN BACKGROUND ./database\nCHECKPOINT ready\n",
        ),
        (
            "suite/Layerfile",
            "FROM ../base\nSPLIT 3\nBUILD ENV GIT_BRANCH\nSECRET ENV TOKEN\nSKIP REMAINING IF GIT_BRANCH=~\"^docs/\"\n\
             RUN REPEATABLE make\nCHECKPOINT disabled\nRUN ./suite $SPLIT\n",
        ),
        ("unordered/Layerfile", "FROM vm/ubuntu:22.04\nSPLIT UNORDERED 2\nRUN true\n"),
        (
            "deploy/Layerfile",
            "FROM /base\nLABEL display_name=ship status=hidden\nCOPY /setup.sh /base/Layerfile /app/\n\
             CLONE https://example.org/a/b DEFAULT=main / /b\nWAIT ../suite\nWAIT ../unordered\nBUTTON deploy now?\n\
             RUN ./deploy\nEXPOSE WEBSITE localhost:3000 /api /\nEXPOSE TCP 5432 5433\n",
        ),
    ])
}

#[test]
fn the_golden_file_is_written_and_read_as_ever() {
    let repository = everything();
    succeed(&repository, &["plan", "-o", "now.plan"]);
    let (now, golden) = (repository.join("now.plan"), root().join(GOLDEN));
    let written = std::fs::read(&now).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &written).unwrap();
    }
    let golden_bytes = std::fs::read(&golden).expect("UPDATE_GOLDEN=1 makes the golden file");
    assert!(written == golden_bytes, "{} differs from what is written now", golden.display());
    let from_now = run_in(&repository, &["plan", "--format", "json"]).expect_success("plan").stdout;
    let from_golden = run_in(&repository, &["plan", "--format", "json", golden.to_str().unwrap()])
        .expect_success("plan FILE")
        .stdout;
    assert_eq!(from_now, from_golden);
}

#[test]
fn a_plan_file_is_shown_like_its_repository() {
    let repository = web_service();
    succeed(&repository, &["plan", "-o", "ci.plan"]);
    let from_repository = run_in(&repository, &["plan"]).expect_success("plan").stdout;
    assert_eq!(
        run_in(&repository, &["plan", "ci.plan"]).expect_success("plan FILE").stdout,
        from_repository
    );
    let outcome = run_in(&repository, &["plan", "ci.plan", "--target", "unit"]);
    assert_eq!(outcome.code(), 2);
}

#[test]
fn the_place_of_a_repository_is_not_in_its_plan() {
    let (one, other) = (web_service(), web_service());
    succeed(&one, &["plan", "-o", "p"]);
    succeed(&other, &["plan", "-o", "p"]);
    assert!(std::fs::read(one.join("p")).unwrap() == std::fs::read(other.join("p")).unwrap());
}

#[test]
fn a_damaged_plan_file_is_refused() {
    let repository = web_service();
    succeed(&repository, &["plan", "-o", "ci.plan"]);
    let mut bytes = std::fs::read(repository.join("ci.plan")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(repository.join("ci.plan"), &bytes).unwrap();
    let outcome = run_in(&repository, &["plan", "ci.plan"]);
    assert_eq!(outcome.code(), 3);
    assert!(outcome.stderr.contains("its checksum does not match"), "{}", outcome.stderr);
}

/// Files whose header is right and whose payload lies about lengths, read with little memory to have.
#[test]
fn hostile_lengths_cost_no_memory() {
    let repository = Repository::new();
    let longest = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0x7f];
    let long = [0xfc, 0xff, 0xff, 0xff, 0x0f];
    let payloads: [Vec<u8>; 4] = [
        longest.to_vec(),
        [&[1_u8], &longest[..]].concat(),
        [&[1_u8], &long[..], &[b'a'; 4000]].concat(),
        [&[0_u8], &[0xfc, 0x40, 0x42, 0x0f, 0][..], &[0_u8; 4000]].concat(),
    ];
    for (payload, number) in payloads.iter().zip(0..) {
        let header =
            [b"LAYERC\x1a\n", &1_u32.to_le_bytes()[..], &(payload.len() as u64).to_le_bytes()]
                .concat();
        let file = [header, blake3::hash(payload).as_bytes().to_vec(), payload.clone()].concat();
        std::fs::write(repository.join("hostile.plan"), file).unwrap();
        let mut bash = Command::new("bash");
        bash.args(["-c", "ulimit -v 400000; exec \"$0\" plan hostile.plan"]).arg(program());
        let outcome = Outcome::of(bash.current_dir(repository.path()));
        assert_eq!(outcome.code(), 3, "payload {number}: {}", outcome.everything());
        assert!(
            outcome.stderr.contains("the plan file is damaged"),
            "payload {number}: {}",
            outcome.stderr
        );
    }
}
