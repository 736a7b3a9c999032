//! `layerc check`: what is found, in every format, and what is fixed.

use super::{run_in, web_service};
use layerc_tests::repository::Repository;
use serde_json::Value;

fn broken() -> Repository {
    Repository::with(&[
        ("Layerfile", "FROM vm/ubuntu:18.04\nrun make\nCOPYY . .\n"),
        ("a/Layerfile", "FROM ../b\n"),
        ("b/Layerfile", "FROM ../a\n"),
    ])
}

#[test]
fn a_clean_repository_has_nothing_to_complain_about() {
    let outcome = run_in(&web_service(), &["check"]).expect_success("check");
    assert_eq!(outcome.stdout, "4 Layerfiles checked, nothing to complain about\n");
    assert_eq!(outcome.stderr, "");
}

#[test]
fn people_see_the_source_with_the_place_underlined() {
    let outcome = run_in(&broken(), &["check"]);
    assert_eq!(outcome.code(), 1);
    insta::assert_snapshot!(outcome.stdout, @r##"
    error[LF0011 keyword-case]: directives are written in capitals: `RUN`, not `run`
     --> Layerfile:2:1
      |
    2 | run make
      | ^^^
      |
      = help: write `RUN command`
    help: write it in capitals (`layerc check --fix` does it)
      |
    2 - run make
    2 + RUN make
      |

    error[LF0010 unknown-directive]: `COPYY` is not a directive
     --> Layerfile:3:1
      |
    3 | COPYY . .
      | ^^^^^
      |
      = help: did you mean `COPY`?
    help: write `COPY`
      |
    3 - COPYY . .
    3 + COPY . .
      |

    error[LF0107 dependency-cycle]: these files need each other and can never start: `a/Layerfile` → `b/Layerfile` → `a/Layerfile`
     --> a/Layerfile:1:6
      |
    1 | FROM ../b
      |      ^^^^
      |
     ::: b/Layerfile:1:6
      |
    1 | FROM ../a
      |      ---- `b/Layerfile` starts from `a/Layerfile`
      |
      = help: take one FROM or WAIT out, or move what both sides need to a Layerfile of its own

    3 errors in 3 Layerfiles; `layerc explain LF0011` says more about a finding
    "##);
}

#[test]
fn a_path_narrows_what_is_reported_but_not_what_is_known() {
    let repository = broken();
    let outcome = run_in(&repository, &["check", "b"]);
    assert!(!outcome.stdout.contains("COPYY"), "{}", outcome.stdout);
    repository.remove("a");
    let outcome = run_in(&repository, &["check", "b"]);
    assert!(outcome.stdout.contains("from-not-found"), "{}", outcome.stdout);
}

#[test]
fn json_has_every_finding_with_its_place() {
    let outcome = run_in(&broken(), &["check", "--format", "json"]);
    assert_eq!(outcome.code(), 1);
    let document: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(document["version"], 1);
    assert_eq!(document["layerfiles"], 3);
    let first = &document["diagnostics"][0];
    assert_eq!(first["path"], "Layerfile");
    assert_eq!(
        (&first["start"]["line"], &first["start"]["column"]),
        (&Value::from(2), &Value::from(1))
    );
    assert_eq!(first["fixes"][0]["edits"][0]["replacement"], "RUN");
}

#[test]
fn github_gets_one_command_a_finding() {
    let outcome = run_in(&broken(), &["check", "--format", "github"]);
    let first = outcome.stdout.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("::error file=Layerfile,line=2,endLine=2,col=1,endColumn=4,title=LF"),
        "{first}"
    );
}

/// The parts of SARIF 2.1.0 that its schema requires or constrains, for everything we write.
#[test]
fn sarif_is_sarif() {
    let outcome = run_in(&broken(), &["check", "--format", "sarif"]);
    let log: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    assert!(results.len() >= 3, "{results:?}");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let locations = result["locations"].as_array().unwrap().iter();
        for location in locations.chain(result["relatedLocations"].as_array().into_iter().flatten())
        {
            check_location(&location["physicalLocation"]);
        }
        for fix in result["fixes"].as_array().into_iter().flatten() {
            let replacements = fix["artifactChanges"][0]["replacements"].as_array().unwrap();
            replacements.iter().for_each(|replacement| check_region(&replacement["deletedRegion"]));
        }
    }
    let cycle =
        results.iter().find(|result| result["relatedLocations"].is_array()).expect("the cycle");
    assert_eq!(
        cycle["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "b/Layerfile"
    );
}

fn check_location(location: &Value) {
    assert_eq!(location.pointer("/artifactLocation/uriBaseId"), Some(&Value::from("%SRCROOT%")));
    check_region(location.get("region").expect("a region"));
}

fn check_region(region: &Value) {
    for field in ["startLine", "startColumn", "endLine", "endColumn"] {
        let value = region.get(field).and_then(Value::as_u64);
        assert!(value.is_some_and(|value| value >= 1), "{field} of {region}");
    }
}

#[test]
fn fixes_change_files_and_say_so() {
    let repository =
        Repository::with(&[("Layerfile", "FROM vm/ubuntu:18.04\r\nrun make\r\nUSER  me\r\n")]);
    repository.set_mode("Layerfile", 0o640);
    let outcome = run_in(&repository, &["check", "--fix"]).expect_success("check --fix");
    let text = std::fs::read_to_string(repository.join("Layerfile")).unwrap();
    assert!(text.contains("\r\nRUN make\r\n"), "{text:?}");
    assert!(outcome.stderr.contains("+RUN make"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("applied in 1 Layerfile"), "{}", outcome.stderr);
    assert_eq!(
        std::fs::read_dir(repository.path()).unwrap().count(),
        2,
        "a temporary file is left behind"
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &repository.join("Layerfile").metadata().unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn warnings_fail_only_when_denied() {
    let repository =
        Repository::with(&[("Layerfile", "FROM vm/ubuntu:18.04\nCOPY missing .\nRUN a\n")]);
    assert_eq!(run_in(&repository, &["check"]).code(), 0);
    assert_eq!(run_in(&repository, &["check", "--deny-warnings"]).code(), 1);
    repository.write("layerc.toml", "[lints]\ncopy-source-missing = \"off\"\n");
    assert_eq!(run_in(&repository, &["check", "--deny-warnings"]).code(), 0);
}

#[test]
fn a_wrong_configuration_is_named_at_its_place() {
    let repository =
        Repository::with(&[("Layerfile", "FROM vm/ubuntu:18.04\n"), ("layerc.toml", "[imags]\n")]);
    let outcome = run_in(&repository, &["check"]);
    assert_eq!(outcome.code(), 2);
    let expected = "layerc.toml:1:2: unknown section `imags`; did you mean `images`?";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
}

#[test]
fn discovery_obeys_gitignore_and_names_what_it_leaves_out() {
    let repository = Repository::with(&[
        ("Layerfile", "FROM vm/ubuntu:18.04\n"),
        (".layerfiles/base/Layerfile", "FROM vm/ubuntu:18.04\n"),
        (".gitignore", "vendor/\n*.tmp/\n!kept.tmp/\n"),
        ("vendor/Layerfile", "not a layerfile\n"),
        ("old.tmp/Layerfile", "not a layerfile\n"),
        ("kept.tmp/Layerfile", "FROM vm/ubuntu:18.04\n"),
        ("layerfile", "other case\n"),
        ("module/.git", "gitdir: elsewhere\n"),
        ("module/z/Layerfile", "FROM vm/ubuntu:18.04\n"),
    ]);
    repository.link("../Layerfile", "linked/Layerfile");
    let outcome = run_in(&repository, &["check"]).expect_success("check");
    assert!(outcome.stdout.starts_with("4 Layerfiles checked"), "{}", outcome.stdout);
    assert_eq!(
        outcome.stderr,
        "warning: `layerfile` is not looked at: only the exact name `Layerfile` counts\n\
         warning: `linked/Layerfile` is a symbolic link and not followed\n"
    );
}

#[test]
fn a_file_that_is_no_text_is_an_error() {
    let repository = Repository::with(&[("Layerfile", "FROM vm/ubuntu:18.04\n")]);
    std::fs::create_dir(repository.join("bad")).unwrap();
    std::fs::write(repository.join("bad/Layerfile"), b"FROM \xff\n").unwrap();
    let outcome = run_in(&repository, &["check"]);
    assert_eq!(outcome.code(), 1);
    assert_eq!(
        outcome.stderr,
        "error: bad/Layerfile: is not UTF-8: the byte at offset 5 begins no character\n"
    );
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let repository = Repository::with(&[(
        "Layerfile",
        "FROM vm/ubuntu:18.04\n\u{1b}[2JRUN \u{9b}31m a\nRUM\u{7} x\n",
    )]);
    let outcome = run_in(&repository, &["check", "--color", "always"]);
    let plain: String = outcome.stdout.replace("\u{1b}[0m", "").replace("\u{1b}[1m", "");
    assert!(
        !plain.contains("\u{1b}[2J") && !plain.contains('\u{9b}') && !plain.contains('\u{7}'),
        "{plain:?}"
    );
}

#[test]
fn paths_that_make_no_sense_are_usage_errors() {
    let outcome = run_in(&web_service(), &["check", "nowhere"]);
    assert_eq!(
        (outcome.code(), outcome.stderr.as_str()),
        (2, "error: there is nothing at `nowhere`\n")
    );
    let (one, other) = (web_service(), web_service());
    let outcome = run_in(&one, &["check", ".", other.path().to_str().unwrap()]);
    assert!(outcome.stderr.contains("two repositories"), "{}", outcome.stderr);
}

#[test]
fn silenced_findings_are_counted() {
    let text = "FROM vm/ubuntu:18.04\n# layerc: ignore copy-source-missing made by a step\nCOPY missing .\nRUN a\n";
    let repository = Repository::with(&[("Layerfile", text)]);
    let outcome = run_in(&repository, &["check", "--deny-warnings"]).expect_success("check");
    assert_eq!(
        outcome.stdout,
        "1 Layerfile checked, nothing to complain about (1 silenced by comments)\n"
    );
}

#[test]
fn a_wildcard_makes_every_image_known() {
    let repository = Repository::with(&[("Layerfile", "FROM house/base:1\nRUN a\n")]);
    let before = run_in(&repository, &["check"]).stdout;
    assert!(before.contains("unknown-image"), "{before}");
    repository.write("layerc.toml", "[images]\n\"*\" = \"host\"\n");
    let after = run_in(&repository, &["check"]).stdout;
    assert_eq!(after, "1 Layerfile checked, nothing to complain about\n");
}

#[test]
fn nothing_to_check_is_said() {
    let outcome = run_in(&Repository::with(&[("README", "")]), &["check"]).expect_success("check");
    assert_eq!(outcome.stderr, "warning: there is no file named `Layerfile` here\n");
}
