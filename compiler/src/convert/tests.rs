//! Dockerfiles in, Layerfiles and notes out. Each file of `cases/` is a Dockerfile, the Layerfile it becomes and the
//! notes, separated by lines of dashes.

use super::{from_dockerfile, looks_like_dockerfile};
use crate::diagnostic::Severity;
use crate::link::compile;
use crate::lint_configuration::LintConfiguration;
use crate::project::SourceFile;
use crate::repo_path::RepoPath;
use crate::sources::NoSources;
use proptest::prelude::*;

const SEPARATOR: &str = "----------\n";

const CASES: &[(&str, &str)] = &[
    ("fragment", include_str!("cases/fragment.txt")),
    ("here_documents", include_str!("cases/here_documents.txt")),
    ("node_server", include_str!("cases/node_server.txt")),
    ("stages", include_str!("cases/stages.txt")),
    ("values", include_str!("cases/values.txt")),
    ("without_equivalent", include_str!("cases/without_equivalent.txt")),
];

/// The errors of a Layerfile.
fn errors(text: &str) -> Vec<String> {
    let path = RepoPath::new("Layerfile").unwrap();
    let files = [SourceFile { path, text: text.to_owned() }];
    let compiled = compile(&files, &NoSources, &LintConfiguration::default());
    let errors = compiled.diagnostics.into_iter();
    errors
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| format!("{} {}", finding.code, finding.message))
        .collect()
}

#[test]
fn each_case_becomes_what_it_says_and_has_no_errors() {
    let mut wrong = String::new();
    for (name, case) in CASES {
        let dockerfile = case.split(SEPARATOR).next().unwrap();
        let converted = from_dockerfile(dockerfile);
        let notes: String =
            converted.notes.iter().map(|note| format!("{}: {}\n", note.line, note.text)).collect();
        let found = format!("{dockerfile}{SEPARATOR}{}{SEPARATOR}{notes}", converted.text);
        assert_eq!(errors(&converted.text), Vec::<String>::new(), "{name}:\n{}", converted.text);
        if found != *case {
            wrong.push_str(&format!("===== {name}\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "these differ:\n{wrong}");
}

#[test]
fn a_dockerfile_is_told_from_a_layerfile() {
    for (name, case) in CASES {
        let mut parts = case.split(SEPARATOR);
        assert!(looks_like_dockerfile(parts.next().unwrap()), "{name}");
        assert!(!looks_like_dockerfile(parts.next().unwrap()), "{name}");
    }
}

/// Pieces of Dockerfiles, so that random texts reach all of the conversion.
const PIECES: &[&str] = &[
    "FROM a AS b\n",
    "FROM b\n",
    "FROM scratch\n",
    "FROM $X\n",
    "RUN ",
    "COPY --from=b ",
    "COPY ",
    "ADD ",
    "ENV ",
    "ARG ",
    "CMD ",
    "ENTRYPOINT ",
    "EXPOSE ",
    "HEALTHCHECK CMD ",
    "USER ",
    "WORKDIR ",
    "SHELL ",
    "LABEL ",
    "VOLUME ",
    "<<EOF\n",
    "<<-'E'\n",
    "EOF\n",
    "E\n",
    "[\"a\", \"b c\"]",
    "[",
    "]",
    "\"",
    "'",
    "\\",
    "\\\n",
    "\n",
    "\r\n",
    "\t",
    " ",
    "#",
    "$",
    "${",
    "}",
    "$(",
    "`",
    "a",
    "b=c",
    "/x/",
    "../..",
    "https://h/a.tgz",
    "x.tar",
    "--mount=type=cache,target=/c ",
    "--mount=type=secret,id=s ",
    "--chown=u:g ",
    "é",
    "\u{feff}",
    "\0",
    "0",
    ":",
    "&&",
    "BACKGROUND ",
    "~",
];

proptest! {
    #[test]
    fn whatever_comes_in_no_error_comes_out(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        let text = pieces.concat();
        let converted = from_dockerfile(&text);
        prop_assert_eq!(errors(&converted.text), Vec::<String>::new(), "{}\nbecame\n{}", text, converted.text);
    }
}
