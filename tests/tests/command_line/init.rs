//! `layerc init` writes Layerfiles that have nothing to complain about; manual pages are there for every command.

use super::run_in;
use layerc_tests::repository::Repository;

/// Kind, files that tell it, and lines that its Layerfile has.
type Project = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

const PROJECTS: &[Project] = &[
    (
        "Node",
        &[
            ("package.json", "{\"scripts\": {\"test\": \"jest\", \"build\": \"tsc\"}}"),
            ("package-lock.json", "{}"),
        ],
        &["RUN npm ci\n", "RUN npm run build\nRUN npm run test\n"],
    ),
    ("Node", &[("package.json", "{}"), ("yarn.lock", "")], &["yarn install --frozen-lockfile\n"]),
    (
        "Python",
        &[("requirements.txt", "flask\npytest\n")],
        &["RUN python3 -m pip install -r requirements.txt\n", "python3 -m pytest\n"],
    ),
    (
        "Python",
        &[("pyproject.toml", "[project]\n")],
        &["pip install .\n", "python3 -m unittest discover\n"],
    ),
    (
        "Rust",
        &[("Cargo.toml", ""), ("Cargo.lock", "")],
        &["cargo build --locked\n", "cargo test --locked\n"],
    ),
    ("Go", &[("go.mod", "module x\n")], &["RUN go test ./...\n"]),
    (
        "Rails",
        &[("Gemfile", "gem 'rails'\n"), ("package.json", "{}")],
        &["RUN bin/rails db:prepare test\n"],
    ),
    ("Docker Compose", &[("compose.yaml", "services: {}\n")], &["docker-compose up -d\n"]),
];

#[test]
fn a_first_layerfile_fits_the_project_and_has_no_findings() {
    for (kind, files, lines) in PROJECTS {
        let repository = Repository::with(files);
        let made = run_in(&repository, &["init"]).expect_success("layerc init");
        assert!(
            made.stderr.starts_with(&format!("found {kind}: {}\n", files[0].0)),
            "{}",
            made.stderr
        );
        let text = std::fs::read_to_string(repository.join("Layerfile")).expect("a Layerfile");
        for line in *lines {
            assert!(text.contains(line), "{kind}: {line}\n{text}");
        }
        let checked = run_in(&repository, &["check", "--deny-warnings"]);
        assert_eq!(
            checked.stdout,
            "1 Layerfile checked, nothing to complain about\n",
            "{kind}: {}\n{text}",
            checked.everything()
        );
        assert_eq!(run_in(&repository, &["fmt", "--check"]).code(), 0, "{kind}\n{text}");
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_is_guessed() {
    let repository = Repository::with(&[("go.mod", ""), ("Layerfile", "FROM vm/ubuntu:22.04\n")]);
    let refused = run_in(&repository, &["init"]);
    assert_eq!(refused.code(), 2);
    assert!(refused.stderr.contains("is there already"), "{}", refused.stderr);
    let shown = run_in(&repository, &["init", "--print"]).expect_success("layerc init --print");
    assert!(shown.stdout.contains("RUN go vet ./...\n"), "{}", shown.stdout);
    let unknown = run_in(&Repository::with(&[("notes.txt", "")]), &["init"]);
    assert_eq!(unknown.code(), 2);
    assert!(unknown.stderr.contains("`layerc init --from Dockerfile`"), "{}", unknown.stderr);
}

#[test]
fn a_dockerfile_becomes_a_layerfile_without_errors() {
    let dockerfile =
        "FROM ubuntu:22.04\nRUN apt-get update\nCOPY . /app\nSTOPSIGNAL 9\nCMD [\"./serve\"]\n";
    let repository = Repository::with(&[("Dockerfile", dockerfile)]);
    let made =
        run_in(&repository, &["init", "--from", "Dockerfile"]).expect_success("layerc init --from");
    assert!(made.stderr.contains("Dockerfile:4: "), "{}", made.stderr);
    let text = std::fs::read_to_string(repository.join("Layerfile")).expect("a Layerfile");
    assert!(text.contains("FROM ") && text.contains("COPY . /app\n"), "{text}");
    assert_eq!(run_in(&repository, &["check"]).code(), 0, "{text}");
    let missing = run_in(&repository, &["init", "--from", "nowhere"]);
    assert!(missing.stderr.contains("`nowhere` cannot be read"), "{}", missing.stderr);
}

#[test]
fn every_command_has_a_manual_page() {
    let repository = Repository::new();
    super::succeed(&repository, &["man", "pages"]);
    for command in ["layerc", "layerc-run", "layerc-why", "layerc-shell", "layerc-init"] {
        let page =
            std::fs::read_to_string(repository.join(&format!("pages/{command}.1"))).expect(command);
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
}
