//! `layerc explain`: pages come from the program itself.

use super::{run_in, web_service};
use layerc_tests::layerc::{Outcome, layerc};

#[test]
fn a_page_is_found_by_code_and_by_name() {
    let by_code = run_in(&web_service(), &["explain", "lf0010"]).expect_success("explain");
    let by_name =
        run_in(&web_service(), &["explain", "unknown-directive"]).expect_success("explain");
    assert_eq!(by_code.stdout, by_name.stdout);
    assert!(by_code.stdout.starts_with("# LF0010: unknown-directive\n"), "{}", by_code.stdout);
}

#[test]
fn the_list_has_every_rule() {
    let outcome = run_in(&web_service(), &["explain", "--list"]).expect_success("explain --list");
    assert_eq!(outcome.stdout.lines().count(), layerc_compiler::rules::RULES.len());
}

#[test]
fn an_unknown_rule_is_asked_about() {
    let outcome = run_in(&web_service(), &["explain", "unknown-directiv"]);
    assert_eq!(outcome.code(), 2);
    assert_eq!(
        outcome.stderr,
        "error: there is no rule `unknown-directiv`; did you mean `unknown-directive`?\n"
    );
}

#[test]
fn colours_only_where_they_are_wanted() {
    let plain = run_in(&web_service(), &["explain", "LF0010"]);
    assert!(!plain.stdout.contains('\u{1b}'));
    let styled = run_in(&web_service(), &["explain", "LF0010", "--color", "always"]);
    assert!(styled.stdout.contains('\u{1b}') && !styled.stdout.contains("# LF0010"));
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let outcome = run_in(&web_service(), &["completions", shell]).expect_success("completions");
        assert!(outcome.stdout.contains("LAYERC_COMPLETE"), "{shell}");
        let mut asked = layerc(["--", "layerc", "expl"]);
        asked.env("LAYERC_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", "1");
        let answer = Outcome::of(&mut asked).expect_success(shell);
        assert!(answer.stdout.starts_with("explain"), "{shell}: {}", answer.stdout);
    }
}
