//! The text that says what a cache is made of, and its safe replacement.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// First line of the file.
const HEADING: &str = "layerc cache 1";

/// Most directories that are read from a file; far more than a stack ever has.
const LAYER_LIMIT: usize = 1000;

/// One directory of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    /// Its name below `layers/`: 16 hexadecimal digits.
    pub(super) id: String,
    /// What its files take on disk.
    pub(super) bytes: u64,
}

/// The version in a file, bottom first; none if there is no such file or it isn't whole.
pub(super) fn read(path: &Path) -> Vec<Layer> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut lines = text.lines();
    if lines.next() != Some(HEADING) {
        return Vec::new();
    }
    let layers: Option<Vec<Layer>> = lines.take(LAYER_LIMIT).map(layer).collect();
    layers.unwrap_or_default()
}

fn layer(line: &str) -> Option<Layer> {
    let (id, bytes) = line.split_once(' ')?;
    is_id(id).then_some(Layer { id: id.to_owned(), bytes: bytes.parse().ok()? })
}

/// Whether this can be the name of a directory made here; anything else must not become part of a path.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Replaces the version in one step, durably.
pub(super) fn write(path: &Path, layers: &[Layer]) -> io::Result<()> {
    let mut text = format!("{HEADING}\n");
    for Layer { id, bytes } in layers {
        text.push_str(&format!("{id} {bytes}\n"));
    }
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
