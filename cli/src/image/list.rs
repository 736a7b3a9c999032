//! `layerc image ls`: images that were pulled or imported, then bases that were unpacked or installed, then kernels;
//! what they take.

use super::{Everything, kernel_name};
use crate::listing::Format;
use crate::past::StoreArgument;
use crate::wording;
use crate::{size, terminal};
use anyhow::Result;
use clap::Args;
use layerc_executor::images::{Image, Origin};
use layerc_executor::kvm::KeptKernel;
use layerc_executor::overlay::KeptBase;
use serde::Serialize;
use serde_json::json;
use std::time::SystemTime;

/// `layerc image ls`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// How they are shown
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    #[command(flatten)]
    store: StoreArgument,
}

/// An image as JSON.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    image: &'a Image,
    disk_bytes: u64,
}

/// A line of the table.
struct Line {
    name: String,
    bytes: u64,
    layers: usize,
    origin: &'static str,
    age: String,
    identity: String,
}

/// Lists them.
pub(super) fn list(arguments: &List) -> Result<()> {
    let Everything { images, bases, kernels } = Everything::of(&arguments.store)?;
    let (mut images, bases, kernels) = (images.sizes()?, bases.list(), kernels.list());
    images.sort_unstable_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    let is_empty = images.is_empty() && bases.is_empty() && kernels.is_empty();
    let text = match arguments.format {
        Format::Table => {
            let made = bases.into_iter().map(base_line).chain(kernels.iter().map(kernel_line));
            table(images.into_iter().map(image_line).chain(made))
        }
        Format::Json => {
            let mut text = String::new();
            for (image, disk_bytes) in &images {
                let told = Told { image, disk_bytes: *disk_bytes };
                text.push_str(&format!("{}\n", serde_json::to_string(&told)?));
            }
            for base in &bases {
                let value = json!({ "name": base.name, "source": base.source, "origin": "made",
                    "disk_bytes": base.bytes, "in_use": base.in_use });
                text.push_str(&format!("{value}\n"));
            }
            for kernel in &kernels {
                let value = json!({ "name": kernel_name(kernel), "origin": "kernel",
                    "disk_bytes": kernel.bytes, "in_use": kernel.in_use });
                text.push_str(&format!("{value}\n"));
            }
            text
        }
    };
    terminal::print(&text)?;
    if is_empty {
        terminal::tell("no image yet\n");
    }
    Ok(())
}

fn table(lines: impl Iterator<Item = Line>) -> String {
    let lines: Vec<Line> = lines.collect();
    let width = lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    let (strong, dim) = (wording::STRONG, wording::DIM);
    let show = |line: &Line| {
        let Line { name, bytes, layers, origin, age, identity } = line;
        let bytes = size::shown(*bytes);
        format!(
            "{strong}{name:<width$}{strong:#}  {bytes:>10}  {layers:>3} layers  {origin:<8}  {age:>12}  {dim}{identity}{dim:#}\n"
        )
    };
    lines.iter().map(show).collect()
}

fn image_line((image, bytes): (Image, u64)) -> Line {
    let since = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(image.since_seconds);
    Line {
        bytes,
        layers: image.layers.len(),
        origin: match image.origin {
            Origin::Registry => "pulled",
            Origin::File => "imported",
        },
        age: age(since),
        identity: image.manifest.to_string().chars().take(19).collect(),
        name: image.name,
    }
}

fn base_line(base: KeptBase) -> Line {
    let name = if base.source.is_empty() { base.name.clone() } else { base.source };
    Line {
        name,
        bytes: base.bytes,
        layers: 1,
        origin: "made",
        age: age(base.used_at),
        identity: base.name,
    }
}

fn kernel_line(kernel: &KeptKernel) -> Line {
    Line {
        name: kernel_name(kernel),
        bytes: kernel.bytes,
        layers: 0,
        origin: "kernel",
        age: age(kernel.since),
        identity: if kernel.is_newest { "what machines boot" } else { "" }.to_owned(),
    }
}

fn age(since: SystemTime) -> String {
    wording::age(SystemTime::now().duration_since(since).unwrap_or_default().as_secs())
}
