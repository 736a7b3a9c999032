//! Which image of an index is for this machine.

use super::documents::{Configuration, Descriptor, Index, Platform};
use super::error::ImageError;

/// Index entries looked at, at most.
const ENTRY_LIMIT: usize = 1_000;

/// This machine's architecture as image documents name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

/// The platform images are built for here.
pub(super) fn own() -> Platform {
    Platform { architecture: architecture().to_owned(), os: "linux".to_owned(), variant: None }
}

/// The entry of an index that runs here. An entry that names no platform is taken if it is the only one.
pub(super) fn choose(index: &Index) -> Result<&Descriptor, ImageError> {
    let entries = index.manifests.get(..ENTRY_LIMIT.min(index.manifests.len())).unwrap_or_default();
    let own = own();
    let fits =
        |platform: &Platform| platform.os == own.os && platform.architecture == own.architecture;
    let found = entries.iter().find(|entry| entry.platform.as_ref().is_some_and(fits));
    if let Some(found) = found {
        return Ok(found);
    }
    if let [only] = entries
        && only.platform.is_none()
    {
        return Ok(only);
    }
    let named = |platform: &Platform| match &platform.variant {
        Some(variant) => format!("{}/{}/{variant}", platform.os, platform.architecture),
        None => format!("{}/{}", platform.os, platform.architecture),
    };
    let there: Vec<String> =
        entries.iter().filter_map(|entry| entry.platform.as_ref()).map(named).collect();
    Err(ImageError::unusable(format!(
        "the image is not made for linux/{}; it is there for {}",
        own.architecture,
        if there.is_empty() { "nothing that is named".to_owned() } else { there.join(", ") }
    )))
}

/// Refuses an image for another machine.
pub(super) fn check(configuration: &Configuration) -> Result<(), ImageError> {
    let own = own();
    if configuration.os == own.os && configuration.architecture == own.architecture {
        return Ok(());
    }
    Err(ImageError::unusable(format!(
        "the image is made for {}/{}, this machine is linux/{}",
        configuration.os, configuration.architecture, own.architecture
    )))
}
