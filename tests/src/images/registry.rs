//! A registry on loopback: Debian's `docker-registry`, with and without a password and a certificate.

use crate::ordinary_user::on_path;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The user of a registry that has one, and the password.
pub const LOGIN: (&str, &str) = ("ann", "a secret: with colon");

/// Who may ask, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without encryption.
    Open,
    /// [`LOGIN`], without encryption.
    Password,
    /// Everybody, with a certificate that nobody trusts by itself.
    Certificate,
}

/// A registry that ends when this is dropped.
#[derive(Debug)]
pub struct Registry {
    process: Child,
    port: u16,
    access: Access,
    directory: tempfile::TempDir,
}

/// Why there can be no registry; `None` if there can.
pub fn obstacle() -> Option<String> {
    let tools = ["docker-registry", "skopeo", "htpasswd", "openssl"];
    let missing = tools.iter().find(|program| !on_path(program));
    missing.map(|program| format!("{program} is not installed"))
}

impl Registry {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// When it doesn't.
    pub fn start(access: Access) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let configuration = directory.path().join("config.yml");
        fs::write(&configuration, configured(directory.path(), port, access)).expect("a file");
        let log = fs::File::create(directory.path().join("log")).expect("a file");
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("docker-registry starts");
        let registry = Self { process, port, access, directory };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log =
                || fs::read_to_string(registry.directory.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "the registry does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// `localhost:PORT`.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Its certificate.
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// Where it keeps a blob.
    pub fn blob(&self, digits: &str) -> PathBuf {
        let store = self.directory.path().join("store/docker/registry/v2/blobs/sha256");
        store.join(digits.get(..2).unwrap_or_default()).join(digits).join("data")
    }

    /// Every line of its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// A directory with docker's `config.json` that knows the password.
    ///
    /// # Panics
    /// When `skopeo login` fails.
    pub fn login(&self) -> PathBuf {
        let directory = self.directory.path().join("docker");
        fs::create_dir_all(&directory).expect("a directory");
        let (user, password) = LOGIN;
        let output = Command::new("skopeo")
            .args(["login", "--tls-verify=false", "-u", user, "-p", password, "--authfile"])
            .arg(directory.join("config.json"))
            .arg(self.host())
            .output()
            .expect("skopeo starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        directory
    }

    /// Pushes the image of a layout with skopeo.
    ///
    /// # Panics
    /// When that fails.
    pub fn push(&self, layout: &Path, name: &str) {
        let mut command = Command::new("skopeo");
        command.args(["--insecure-policy", "copy", "--all", "--dest-tls-verify=false"]);
        if self.access == Access::Password {
            command.arg("--dest-creds").arg(format!("{}:{}", LOGIN.0, LOGIN.1));
        }
        command
            .arg(format!("oci:{}", layout.display()))
            .arg(format!("docker://{}/{name}", self.host()));
        let output = command.output().expect("skopeo starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _status = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}

fn configured(directory: &Path, port: u16, access: Access) -> String {
    let store = directory.join("store");
    let mut text = format!(
        "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
        store.display()
    );
    match access {
        Access::Open => {}
        Access::Password => {
            let file = directory.join("passwords");
            let made = Command::new("htpasswd")
                .args(["-Bbn", LOGIN.0, LOGIN.1])
                .output()
                .expect("htpasswd starts");
            fs::write(&file, made.stdout).expect("a file");
            text.push_str(&format!(
                "auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
                file.display()
            ));
        }
        Access::Certificate => {
            let (key, certificate) = (directory.join("key.pem"), directory.join("certificate.pem"));
            let made = Command::new("openssl")
                .args([
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-nodes",
                    "-days",
                    "2",
                ])
                .args([
                    "-subj",
                    "/CN=localhost",
                    "-addext",
                    "subjectAltName=DNS:localhost",
                    "-addext",
                    "basicConstraints=critical,CA:FALSE",
                    "-keyout",
                ])
                .arg(&key)
                .arg("-out")
                .arg(&certificate)
                .output()
                .expect("openssl starts");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            text.push_str(&format!(
                "  tls:\n    certificate: {}\n    key: {}\n",
                certificate.display(),
                key.display()
            ));
        }
    }
    text
}
