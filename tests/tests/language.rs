//! The pages of `spec/language`: what they show is true, and they are in step with the catalogue.
//!
//! A good example has no error, a bad one has a finding that is worth a warning at least.

use layerc_compiler::catalog::{BuildEnvUse, DIRECTIVES, Standing, VARIABLES};
use layerc_compiler::diagnostic::Severity;
use layerc_tests::examples::{self, Claim, Example};
use layerc_tests::project_files;
use std::collections::BTreeSet;

fn pages() -> Vec<String> {
    let pages = project_files::with_extension("md");
    pages.into_iter().filter(|path| path.starts_with("spec/language/")).collect()
}

fn check_example(page: &str, example: &Example) -> Result<(), String> {
    let compiled = example.compile();
    let worst = compiled.diagnostics.iter().map(|diagnostic| diagnostic.severity).max();
    let said = examples::describe(&compiled, &example.layerfiles);
    match example.claim {
        Claim::Good if worst == Some(Severity::Error) => {
            Err(format!("{page}, line {}: the good example has errors:\n{said}", example.line))
        }
        Claim::Bad if worst < Some(Severity::Warning) => {
            Err(format!("{page}, line {}: nothing is wrong with the bad example", example.line))
        }
        Claim::Good | Claim::Bad | Claim::None => Ok(()),
    }
}

#[test]
fn examples_are_what_they_claim_to_be() {
    let mut failures = Vec::new();
    let mut count = 0;
    for page in pages() {
        for example in examples::read(&project_files::read(&page)) {
            count += 1;
            failures.extend(check_example(&page, &example).err());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count > 2 * DIRECTIVES.len() - 6, "only {count} examples were found");
}

#[test]
fn every_directive_has_a_page_that_shows_it() {
    for info in DIRECTIVES {
        let path = format!("spec/language/{}.md", info.page);
        let page = project_files::read(&path);
        let heading = page.lines().next().unwrap_or_default();
        assert!(
            heading.starts_with("# ") && heading.contains(info.keyword),
            "{path} is about {heading:?}"
        );
        let shown = examples::read(&page).into_iter().flat_map(|example| example.layerfiles);
        let shown: Vec<String> = shown.map(|file| file.text).collect();
        let written = shown.iter().flat_map(|text| text.lines());
        let is_shown = written.into_iter().any(|line| line.starts_with(info.keyword));
        assert!(is_shown, "{path} never shows `{}`", info.keyword);
    }
}

#[test]
fn no_page_is_about_nothing() {
    let directives = DIRECTIVES.iter().map(|info| format!("spec/language/{}.md", info.page));
    let others = ["README", "lexical", "variables"].map(|name| format!("spec/language/{name}.md"));
    let known: BTreeSet<String> = directives.chain(others).collect();
    assert_eq!(pages().into_iter().collect::<BTreeSet<_>>(), known);
}

fn check_table(path: &str, head: &str, rows: &str) {
    let page = project_files::read(path);
    let (_, table) = page.split_once(head).unwrap_or_else(|| panic!("{path} has no table"));
    let table: String = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(table, rows, "write these rows into {path}:\n{rows}");
}

#[test]
fn the_index_is_in_step_with_the_catalogue() {
    let row = |info: &layerc_compiler::catalog::DirectiveInfo| {
        let standing = match info.standing {
            Standing::Current => "",
            Standing::Undocumented => " Undocumented by the vendor.",
            Standing::VendorHosted => " Not run here.",
            Standing::Removed => " An error now.",
        };
        let usage = info.usage.replace('|', "\\|");
        format!(
            "| [{}]({}.md) | `{usage}` | {}{standing} | {} |\n",
            info.keyword, info.page, info.doc, info.since
        )
    };
    let rows: String = DIRECTIVES.iter().map(row).collect();
    check_table("spec/language/README.md", "|---|---|---|---|\n", &rows);
}

#[test]
fn the_variables_are_in_step_with_the_catalogue() {
    let row = |info: &layerc_compiler::catalog::VariableInfo| {
        let replaced = info.replaced_by.map_or(String::new(), |name| format!(" Use `{name}`."));
        let build_env = match info.build_env {
            BuildEnvUse::Allowed => "",
            BuildEnvUse::Forbidden => " Not for `BUILD ENV`.",
        };
        format!("| `{}` | {}{replaced}{build_env} |\n", info.name, info.doc)
    };
    let rows: String = VARIABLES.iter().map(row).collect();
    check_table("spec/language/variables.md", "|---|---|\n", &rows);
}
