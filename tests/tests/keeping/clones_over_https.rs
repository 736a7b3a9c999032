//! CLONE from a git server over https, with an authority of its own and a password, as companies have them.

use layerc_tests::ordinary_user::on_path;
use layerc_tests::repository::Repository;
use layerc_tests::skip::skipped;
use layerc_tests::workflow::{Ran, Workflow, can_run};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An authority, and a certificate for localhost that it signed.
const MAKE_CERTIFICATES: &str = "set -e; cd \"$0\"; new='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'; \
    openssl req -x509 $new -subj /CN=authority -keyout authority.key -out authority.pem; \
    openssl req -x509 $new -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
    -CA authority.pem -CAkey authority.key -keyout key.pem -out certificate.pem";

/// A server of the repositories below a directory, until it is dropped.
struct GitServer {
    process: Child,
    port: u16,
    place: tempfile::TempDir,
}

impl GitServer {
    fn of(directory: &Path) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        let made = Command::new("bash")
            .args(["-c", MAKE_CERTIFICATES])
            .arg(place.path())
            .output()
            .expect("it starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keeping/git_server.py");
        let mut process = Command::new("python3")
            .arg(script)
            .arg(directory)
            .args(["certificate.pem", "key.pem"].map(|name| place.path().join(name)))
            .arg("me:hunter2")
            // Its repositories may belong to somebody else than the server, as far as git is concerned.
            .envs([
                ("GIT_CONFIG_COUNT", "1"),
                ("GIT_CONFIG_KEY_0", "safe.directory"),
                ("GIT_CONFIG_VALUE_0", "*"),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("a line");
        Self { process, port: line.trim().parse().expect("a port"), place }
    }

    fn authority(&self) -> PathBuf {
        self.place.path().join("authority.pem")
    }

    /// A run that trusts the authority, with what git is configured to.
    fn run(&self, place: &Workflow, configured: &[(&str, &str)]) -> Ran {
        let mut command = place.command();
        command.env("GIT_SSL_CAINFO", self.authority());
        command.env("GIT_CONFIG_COUNT", configured.len().to_string());
        for (number, (key, value)) in configured.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{number}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        Ran::of(&mut command)
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

#[test]
fn another_repository_comes_over_https_with_git_s_own_trust_and_credentials() {
    let test = "another_repository_comes_over_https_with_git_s_own_trust_and_credentials";
    if !can_run(test) {
        return;
    }
    if let Some(missing) = ["openssl", "python3"].into_iter().find(|program| !on_path(program)) {
        skipped(test, &format!("{missing} is not installed"));
        return;
    }
    let other = Repository::with(&[("read.txt", "from afar\n"), ("unread.txt", "1\n")]);
    other.commit("first");
    let server = GitServer::of(other.path().parent().expect("it is there"));
    let name = other.path().file_name().expect("it is there").to_str().expect("it is there");
    let port = server.port;
    let url = format!("https://localhost:{port}/{name}/.git");
    let text =
        format!("FROM vm/ubuntu:22.04\nCLONE {url} DEFAULT=main /lib\nRUN cat /lib/read.txt\n");
    let place = Workflow::with(&[("Layerfile", &text)]);
    place.repository.commit("own");

    let distrusted = place.run();
    let refused = server.run(&place, &[]);
    for (run, why) in [(distrusted, "ertificate"), (refused, "terminal prompts disabled")] {
        assert_eq!(run.outcome.code(), 1, "{}", run.outcome.everything());
        let told = run.complaints().join("\n");
        assert!(told.contains(&format!("cannot reach `{url}`")) && told.contains(why), "{told}");
    }

    let helper = "!f() { echo username=me; echo password=hunter2; }; f";
    let configured = [("credential.helper", helper)];
    let run = server.run(&place, &configured).expect_success();
    assert_eq!(run.printed("main-layerfile"), "from afar\n");
    other.write("unread.txt", "2\n");
    other.commit("second");
    assert_eq!(server.run(&place, &configured).expect_success().started(), [""; 0]);
    other.write("read.txt", "changed\n");
    other.commit("third");
    assert_eq!(
        server.run(&place, &configured).expect_success().printed("main-layerfile"),
        "changed\n"
    );
    let secret = Command::new("grep")
        .args(["-rl", "hunter2"])
        .arg(place.store())
        .output()
        .expect("it is there");
    assert_eq!(String::from_utf8_lossy(&secret.stdout), "", "the password is nowhere in the store");
}
