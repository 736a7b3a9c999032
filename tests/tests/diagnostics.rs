//! The pages of `spec/diagnostics`: what they show is true, and every rule has one.
//!
//! A bad example yields the page's code, a good one doesn't and has no error, and a safe fix removes its finding.

use layerc_compiler::diagnostic::{Applicability, Severity};
use layerc_compiler::rules::{RULES, Rule};
use layerc_tests::examples::{self, Claim, Example};
use layerc_tests::project_files;
use std::collections::BTreeSet;

/// Rules that a page can't show: it would be 16 MiB long, or no text.
const NOT_SHOWN: [&str; 2] = ["file-too-large", "nul-character"];

fn check_example(rule: &Rule, example: &Example) -> Result<(), String> {
    let compiled = example.compile();
    let said = examples::describe(&compiled, &example.layerfiles);
    let place = format!("{}.md, line {}", rule.code, example.line);
    let has_code = compiled.diagnostics.iter().any(|diagnostic| diagnostic.code == rule.code);
    let has_error =
        compiled.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    match example.claim {
        Claim::Bad if !has_code => {
            Err(format!("{place}: the bad example is silent about {}:\n{said}", rule.code))
        }
        Claim::Good if has_code || has_error => {
            Err(format!("{place}: the good example isn't good:\n{said}"))
        }
        Claim::Bad => check_fixes(rule, example).map_err(|error| format!("{place}: {error}")),
        Claim::Good | Claim::None => Ok(()),
    }
}

/// Applies the safe fixes of the rule's findings one after the other until none is left.
fn check_fixes(rule: &Rule, example: &Example) -> Result<(), String> {
    let mut current = example.clone();
    for _ in 0..10 {
        let compiled = current.compile();
        let own = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.code == rule.code);
        let safe = own
            .flat_map(|diagnostic| &diagnostic.fixes)
            .find(|fix| fix.applicability == Applicability::Safe);
        let Some(fix) = safe else {
            let left = compiled
                .diagnostics
                .iter()
                .filter(|diagnostic| diagnostic.code == rule.code)
                .count();
            let changed = current != *example;
            return if changed && left > 0 {
                Err(format!("{left} left after the fixes"))
            } else {
                Ok(())
            };
        };
        let fixed = current.fixed(&compiled, fix);
        let parses = fixed.compile();
        let errors = |compiled: &layerc_compiler::link::Compiled| {
            compiled
                .diagnostics
                .iter()
                .filter(|diagnostic| diagnostic.severity == Severity::Error)
                .count()
        };
        if errors(&parses) > errors(&compiled) {
            let said = examples::describe(&parses, &fixed.layerfiles);
            return Err(format!("the fix {:?} makes a new error:\n{said}", fix.title));
        }
        current = fixed;
    }
    Err("ten fixes didn't remove the finding".to_owned())
}

#[test]
fn pages_show_what_their_rules_do() {
    let failures: Vec<String> = RULES
        .iter()
        .flat_map(|rule| examples::read(rule.page).into_iter().map(move |example| (rule, example)))
        .filter_map(|(rule, example)| check_example(rule, &example).err())
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_page_shows_a_bad_and_a_good_example() {
    for rule in RULES {
        let claims: Vec<Claim> =
            examples::read(rule.page).iter().map(|example| example.claim).collect();
        assert!(claims.contains(&Claim::Good), "{}.md has no good example", rule.code);
        let shown = claims.contains(&Claim::Bad) || NOT_SHOWN.contains(&rule.name);
        assert!(shown, "{}.md has no bad example", rule.code);
    }
}

#[test]
fn every_page_belongs_to_a_rule() {
    let known: BTreeSet<String> =
        RULES.iter().map(|rule| format!("spec/diagnostics/{}.md", rule.code)).collect();
    let pages = project_files::with_extension("md");
    let pages: BTreeSet<String> =
        pages.into_iter().filter(|path| path.starts_with("spec/diagnostics/LF")).collect();
    assert_eq!(pages, known);
}

#[test]
fn the_index_lists_every_rule() {
    let rows: String = RULES
        .iter()
        .map(|rule| {
            let severity = format!("{:?}", rule.severity).to_lowercase();
            format!(
                "| [{0}]({0}.md) | `{1}` | {severity} | {2} |\n",
                rule.code, rule.name, rule.title
            )
        })
        .collect();
    let index = project_files::read("spec/diagnostics/README.md");
    let (_, table) = index.split_once("|---|---|---|---|\n").expect("a table");
    assert_eq!(table, rows, "write these rows into spec/diagnostics/README.md:\n{rows}");
}
