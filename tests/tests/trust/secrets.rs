//! Secrets, in every form that programs write them in, however their pieces arrive, and everywhere they could be left:
//! outputs, the store, the history, reports, and what the host shows of the processes.

use layerc_tests::layerc::{Outcome, layerc, program};
use layerc_tests::workflow::{Workflow, can_run, run_command};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// With characters that JSON, URLs and shells write differently.
const TOKEN: &str = "t0k\"en/with $pecial+chars&ümlaut";

/// Short enough to be the name of a process, and fit to be that of a file.
const PIN: &str = "4711-0815-pin";

/// Several lines, as keys have them.
const KEY: &str = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\nqlBhw1YxKk9c0e3hZ2FzZXJlYWxseWxvbmdrZXk\n-----END KEY-----\n";

/// What of the secrets must be nowhere. Made with Python's `json.dumps`, `urllib.parse.quote` and coreutils' `base64 -w0`.
const TRACES: &[&str] = &[
    TOKEN,
    PIN,
    "t0k\\\"en/with $pecial+chars&ümlaut",
    "t0k\\\"en/with $pecial+chars&\\u00fcmlaut",
    "t0k%22en%2Fwith%20%24pecial%2Bchars%26%C3%BCmlaut",
    "t0k%22en/with%20%24pecial%2Bchars%26%C3%BCmlaut",
    "dDBrImVuL3dpdGggJHBlY2lhbCtjaGFycybDvG1sYXV0",
    // In the middle of `user:TOKEN` as base64.
    "0MGsiZW4vd2l0aCAkcGVjaWFsK2NoYXJzJsO8bWxhd",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
    "qlBhw1YxKk9c0e3hZ2FzZXJlYWxseWxvbmdrZXk",
    // The key as base64, line for line as `base64` has it, and in one.
    "LS0tLS1CRUdJTiBLRVktLS0tLQpNSUlFdlFJQkFEQU5CZ2txaGtpRzl3MEJBUUVGQUFTQ0JLY3dn",
    "Z1NqQWdFQUFvSUJBUUM3CnFsQmh3MVl4S2s5YzBlM2haMkZ6WlhKbFlXeHNlV3h2Ym1kclpYawot",
];

/// Tries to have them shown and kept in every way. The last step needs what ENV made of them.
const LAYERFILE: &str = r#"FROM vm/ubuntu:22.04
SECRET ENV TOKEN KEY PIN
ENV URL=https://user:$TOKEN@host/
ENV BASIC=$(printf 'user:%s' "$TOKEN" | base64 -w0)
ENV WRAPPED=$(printf '%s' "$KEY" | base64)
ENV QUOTED=$(python3 -c 'import json,os,urllib.parse; t=os.environ["TOKEN"]; print(json.dumps(t), urllib.parse.quote(t), urllib.parse.quote(t, safe=""))' || true)
COPY . /app
RUN echo "$TOKEN"; echo "$TOKEN" >&2; echo "$KEY"; printf '%s' "$KEY" | sed 's/$/\r/'
RUN for ((at = 0; at < ${#TOKEN}; at++)); do printf '%s' "${TOKEN:at:1}"; sleep 0.002; done; printf '%s' "${TOKEN:0:9}"; sleep 0.02; printf '%s\n' "${TOKEN:9}" >&2; sleep 0.02; printf '%s\n' "${TOKEN:9}"
RUN head -c 65530 /dev/zero | tr '\0' x; echo "$TOKEN"; printf '%s' "$TOKEN" | base64; printf 'user:%s' "$TOKEN" | base64 -w0; echo; printf '%s' "$KEY" | base64 | tee /dev/stderr | fold -w 20
RUN echo "$QUOTED $BASIC $URL"; echo "$WRAPPED"; set -x; : "$TOKEN" "$URL"; declare -p TOKEN; cat "/app/$TOKEN"; true
RUN BACKGROUND printf '%s' "${TOKEN:0:10}"; while ! test -e /go; do sleep 0.05; done; echo "${TOKEN:10}"; echo "$TOKEN" >&2; exec -a "$TOKEN" sleep 0.3
RUN touch /go; sleep 0.5; exec -a x perl -e '$0 = $ENV{TOKEN}; open my $f, "<", "/app/Layerfile"; read $f, my $all, 1e6'
RUN test "$BASIC" = "$(printf 'user:%s' "$TOKEN" | base64 -w0)" && test "$WRAPPED" = "$(printf '%s' "$KEY" | base64)" && test "$URL" = "https://user:$TOKEN@host/" && echo intact
RUN BACKGROUND exec -a "$PIN" perl -e '$0 = $ENV{PIN}; sleep 60'
RUN cat "/app/$PIN"; perl -e '$0 = $ENV{PIN}; open my $f, "<", "/app/Layerfile" or die; read $f, my $all, 1e6'
"#;

fn command(place: &Workflow, format: &str) -> Command {
    let mut command = layerc(["run", "--format", format, "--store"]);
    command.arg(place.store()).arg(place.repository.path());
    command.env("LAYERC_SECRET_TOKEN", TOKEN).env("LAYERC_SECRET_KEY", KEY);
    command.env("LAYERC_SECRET_PIN", PIN);
    command
}

/// What of the secrets these bytes have.
fn traces_in(bytes: &[u8]) -> Vec<&'static str> {
    let has = |trace: &&&str| bytes.windows(trace.len()).any(|window| window == trace.as_bytes());
    TRACES.iter().filter(has).copied().collect()
}

/// Every file below a directory that has something of the secrets.
fn leaks_below(directory: &Path, leaks: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        let name = traces_in(entry.file_name().as_encoded_bytes());
        leaks.extend(name.iter().map(|trace| format!("the name {}: {trace}", path.display())));
        if kind.is_dir() {
            leaks_below(&path, leaks);
        } else if kind.is_file() {
            let found = traces_in(&std::fs::read(&path).expect("a file"));
            leaks.extend(found.iter().map(|trace| format!("{}: {trace}", path.display())));
        }
    }
}

fn check_outcome(what: &str, outcome: &Outcome) {
    let everything = outcome.everything();
    // JSON lines write the masked text as they write any text.
    let found = traces_in(everything.as_bytes());
    assert!(found.is_empty(), "{what} has {found:?}: {everything}");
}

#[test]
fn no_form_of_a_secret_is_shown_or_stored_anywhere() {
    if !can_run("no_form_of_a_secret_is_shown_or_stored_anywhere") {
        return;
    }
    let place = Workflow::with(&[("Layerfile", LAYERFILE)]);
    let [xml, html, lines] = ["r.xml", "r.html", "r.jsonl"].map(|name| place.store().join(name));
    let mut first = command(&place, "plain");
    first.arg("--report").arg(xml).arg("--report").arg(html).arg("--events").arg(lines);
    let first = Outcome::of(&mut first).expect_success("a run");
    check_outcome("the plain view", &first);
    assert!(first.stdout.contains("| intact"), "{}", first.everything());
    assert!(first.stdout.matches("***").count() > 15, "{}", first.stdout);
    // From the records: the values that ENV stored are those that they were.
    place.repository.write("Layerfile", &LAYERFILE.replace("echo intact", "echo still intact"));
    let second = Outcome::of(&mut command(&place, "json")).expect_success("a run");
    check_outcome("the JSON view", &second);
    assert!(second.stdout.contains("still intact"), "{}", second.everything());
    for words in [&["logs"][..], &["logs", "main-layerfile:10"], &["why", "main-layerfile:7"]] {
        let mut command = layerc(words);
        let told = Outcome::of(
            command.arg("--store").arg(place.store()).current_dir(place.repository.path()),
        );
        check_outcome(&words.join(" "), &told);
    }
    let mut leaks = Vec::new();
    leaks_below(place.store(), &mut leaks);
    assert!(leaks.is_empty(), "{leaks:#?}");
}

/// `ps` of everybody shows arguments; the environment of a process is its owner's to see. Agents need neither.
#[test]
fn no_process_of_layerc_shows_a_secret() {
    if !can_run("no_process_of_layerc_shows_a_secret") {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\nSECRET ENV TOKEN\nRUN BACKGROUND sleep 86407\nRUN echo ready; sleep 86407\n";
    let place = Workflow::with(&[("Layerfile", text)]);
    let value = place.store().join("secret-value");
    // Of this test alone: others give theirs in the environment of the command.
    let secret = format!("only-in-a-file-{}", std::process::id());
    std::fs::write(&value, &secret).expect("a file");
    let mut command = run_command(place.repository.path(), place.store());
    command.arg("--secret").arg(format!("TOKEN=file:{}", value.display()));
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a run");
    let output = run.stdout.take().expect("its output");
    let lines = std::io::BufRead::lines(std::io::BufReader::new(output));
    let seen = lines.map_while(Result::ok).any(|line| line.contains("ready\\n"));
    let looked_at = look_at_processes(secret.as_bytes());
    run.kill().expect("a signal");
    run.wait().expect("an end");
    assert!(seen, "the step came to run");
    let (agents, leaks) = looked_at;
    assert!(agents.len() >= 2, "the run and its agents were looked at: {agents:?}");
    assert!(leaks.is_empty(), "{leaks:?}");
}

/// The processes that are this program, and those among all whose arguments, or theirs whose environment, have a secret.
fn look_at_processes(secret: &[u8]) -> (BTreeSet<u32>, Vec<String>) {
    let own = std::fs::canonicalize(program()).expect("the program");
    let (mut agents, mut leaks) = (BTreeSet::new(), Vec::new());
    for entry in std::fs::read_dir("/proc").expect("processes").flatten() {
        let Ok(number) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let mut files = vec!["cmdline", "comm"];
        if std::fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == own) {
            agents.insert(number);
            files.push("environ");
        }
        for file in files {
            let bytes = std::fs::read(entry.path().join(file)).unwrap_or_default();
            if bytes.windows(secret.len()).any(|window| window == secret) {
                leaks.push(format!("{file} of {number}"));
            }
        }
    }
    (agents, leaks)
}
