//! OCI layouts, written document by document, so that tests can also write wrong ones.

use super::root::Tree;
use layerc_executor::reference::Digest;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// By gzip.
    Gzip,
    /// By zstd.
    Zstandard,
}

/// A layer as it lies in a layout.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Compressed.
    pub bytes: Vec<u8>,
    /// Digest of what it contains.
    pub content: Digest,
    /// As manifests name its form.
    pub media_type: &'static str,
}

impl Layer {
    /// A directory as a layer.
    ///
    /// # Panics
    /// When tar or the compressor fails.
    pub fn of(tree: &Tree, compression: Compression) -> Self {
        let tar = ["-c", "--sort=name", "--mtime=@1000000000", "--numeric-owner", "-C"];
        let output =
            Command::new("tar").args(tar).arg(tree.path("")).arg(".").output().expect("tar starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self::of_archive(output.stdout, compression)
    }

    /// An archive as a layer.
    pub fn of_archive(archive: Vec<u8>, compression: Compression) -> Self {
        let content = Digest::of(&archive);
        let (bytes, media_type) = match compression {
            Compression::None => (archive, "application/vnd.oci.image.layer.v1.tar"),
            Compression::Gzip => {
                (piped(&["gzip", "-n"], archive), "application/vnd.oci.image.layer.v1.tar+gzip")
            }
            Compression::Zstandard => (
                piped(&["zstd", "-q", "-c"], archive),
                "application/vnd.oci.image.layer.v1.tar+zstd",
            ),
        };
        Self { bytes, content, media_type }
    }
}

/// What a program makes of these bytes.
fn piped(command: &[&str], input: Vec<u8>) -> Vec<u8> {
    let [program, arguments @ ..] = command else { return input };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut pipe = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends").expect("it takes everything");
    assert!(output.status.success(), "{program}");
    output.stdout
}

/// A layout with one image, gone when this is dropped.
#[derive(Debug)]
pub struct Layout {
    directory: tempfile::TempDir,
}

impl Layout {
    /// An image of these layers for this machine. `config` is what programs start with.
    pub fn of(layers: &[Layer], config: &Value) -> Self {
        let layout = Self::empty();
        let manifest = layout.add_image(layers, config, architecture());
        layout.write_index(&[named(manifest, "latest")]);
        layout
    }

    /// A layout without images or index.
    ///
    /// # Panics
    /// When there is no room for temporary directories.
    pub fn empty() -> Self {
        let layout = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        fs::create_dir_all(layout.path().join("blobs/sha256")).expect("directories");
        fs::write(layout.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
            .expect("a file");
        layout
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Adds a blob and gives its descriptor.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn add_blob(&self, bytes: &[u8], media_type: &str) -> Value {
        let digest = Digest::of(bytes);
        fs::write(self.path().join("blobs/sha256").join(digest.digits()), bytes).expect("a blob");
        json!({ "mediaType": media_type, "digest": digest.to_string(), "size": bytes.len() })
    }

    /// Adds an image and gives its manifest's descriptor.
    pub fn add_image(&self, layers: &[Layer], config: &Value, architecture: &str) -> Value {
        let contents: Vec<String> = layers.iter().map(|layer| layer.content.to_string()).collect();
        let configuration = json!({
            "architecture": architecture,
            "os": "linux",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": contents },
        });
        let configuration = configuration.to_string();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self.add_blob(configuration.as_bytes(), "application/vnd.oci.image.config.v1+json"),
            "layers": layers.iter().map(|layer| self.add_blob(&layer.bytes, layer.media_type)).collect::<Vec<_>>(),
        });
        self.add_blob(manifest.to_string().as_bytes(), "application/vnd.oci.image.manifest.v1+json")
    }

    /// Writes the index over these entries.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn write_index(&self, entries: &[Value]) {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": entries,
        });
        fs::write(self.path().join("index.json"), index.to_string()).expect("the index");
    }
}

/// A descriptor with a name.
pub fn named(descriptor: Value, name: &str) -> Value {
    with(descriptor, "annotations", json!({ "org.opencontainers.image.ref.name": name }))
}

/// A descriptor with a platform.
pub fn for_platform(descriptor: Value, architecture: &str) -> Value {
    with(descriptor, "platform", json!({ "architecture": architecture, "os": "linux" }))
}

fn with(mut descriptor: Value, field: &str, value: Value) -> Value {
    if let Some(fields) = descriptor.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
    descriptor
}

/// This machine's architecture as images name it.
pub fn architecture() -> &'static str {
    if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" }
}
