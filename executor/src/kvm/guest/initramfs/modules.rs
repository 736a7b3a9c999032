//! The modules of a kernel: where they are, what each needs first, plain images of them.
//!
//! Packages have no `modules.dep`: it is made when a package is installed. So dependencies are read from the modules
//! themselves, whose information is text.

use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest module, plain.
const MOST_BYTES: u64 = 64 << 20;

/// Most directories below each other.
const MOST_DEPTH: usize = 12;

/// Why modules can't be brought along.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// A module depends on one that isn't there.
    #[error("the module `{module}` needs `{missing}`, which is not in {directory}")]
    Missing {
        /// Which.
        module: String,
        /// What it needs.
        missing: String,
        /// Where was looked.
        directory: PathBuf,
    },
    /// A file can't be read or unpacked.
    #[error("cannot read the kernel module {path}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something else on the way to the archive.
    #[error("cannot pack the kernel's modules")]
    Archive(#[from] io::Error),
}

/// The modules below a directory, by name.
#[derive(Debug)]
pub(super) struct Modules {
    directory: PathBuf,
    files: BTreeMap<String, PathBuf>,
}

impl Modules {
    /// Finds them.
    pub(super) fn find(directory: &Path) -> io::Result<Self> {
        let mut modules = Self { directory: directory.to_owned(), files: BTreeMap::new() };
        modules.look_into(directory, MOST_DEPTH)?;
        Ok(modules)
    }

    fn look_into(&mut self, directory: &Path, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() && depth > 0 {
                self.look_into(&path, depth - 1)?;
            } else if let Some(name) = module_name(&path) {
                self.files.insert(name, path);
            }
        }
        Ok(())
    }

    /// Plain images of the wanted modules that are there and of all they need, in an order in which they can be loaded, but
    /// for those that are loaded before.
    pub(super) fn in_order(
        &self,
        wanted: &[&str],
        before: &BTreeSet<String>,
    ) -> Result<Vec<(String, Vec<u8>)>, ModuleError> {
        let mut ordered = Vec::new();
        let mut seen = before.clone();
        for name in wanted.iter().filter(|name| self.files.contains_key(**name)) {
            self.add(name, &mut seen, &mut ordered)?;
        }
        Ok(ordered)
    }

    fn add(
        &self,
        name: &str,
        seen: &mut BTreeSet<String>,
        ordered: &mut Vec<(String, Vec<u8>)>,
    ) -> Result<(), ModuleError> {
        // A module that is being added is not added again: a circle ends here.
        if !seen.insert(name.to_owned()) {
            return Ok(());
        }
        let Some(path) = self.files.get(name) else { return Ok(()) };
        let unreadable = |source| ModuleError::Unreadable { path: path.clone(), source };
        let image = plain(path).map_err(unreadable)?;
        for needed in dependencies(&image) {
            if !self.files.contains_key(&needed) {
                return Err(ModuleError::Missing {
                    module: name.to_owned(),
                    missing: needed,
                    directory: self.directory.clone(),
                });
            }
            self.add(&needed, seen, ordered)?;
        }
        ordered.push((name.to_owned(), image));
        Ok(())
    }
}

/// The name as the kernel says it; file names have either dash.
fn module_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let endings = [".ko", ".ko.xz", ".ko.zst"];
    let name = endings.iter().find_map(|ending| name.strip_suffix(ending))?;
    Some(name.replace('-', "_"))
}

/// The image, unpacked if it is packed.
fn plain(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = fs::read(path)?;
    let mut image = Vec::new();
    let packed = bytes.as_slice();
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("xz") => XzReader::new(packed, true).take(MOST_BYTES + 1).read_to_end(&mut image)?,
        Some("zst") => {
            let decoder = StreamingDecoder::new(packed).map_err(io::Error::other)?;
            decoder.take(MOST_BYTES + 1).read_to_end(&mut image)?
        }
        _ => return Ok(bytes),
    };
    if image.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too large for a module"));
    }
    Ok(image)
}

/// What the module's information says it needs: `depends=a,b` among texts that end with a zero byte.
fn dependencies(image: &[u8]) -> Vec<String> {
    let texts = image.split(|byte| *byte == 0);
    let named = texts.filter_map(|text| text.strip_prefix(b"depends="));
    let names = named.flat_map(|names| names.split(|byte| *byte == b','));
    let names = names.filter_map(|name| std::str::from_utf8(name).ok());
    names.filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect()
}
