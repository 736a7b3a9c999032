//! What processes hold of the host's memory, told apart into their guest's memory and the rest. By proportional shares: a
//! page that ten processes have is a tenth of a page of each.
//!
//! What the kernel itself holds for them (page tables, KVM's own) is in no process's account and not counted.

use crate::processes::children;
use std::fs;

/// In MiB.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    pub(super) guest: f64,
    pub(super) monitor: f64,
}

/// A mapping: its addresses and the proportional share, in KiB.
struct Mapping {
    start: u64,
    end: u64,
    share: f64,
}

/// What all processes that descend from this one hold, whose guests have so much memory.
pub(super) fn held_by_descendants(guest_bytes: u64) -> Held {
    let mut held = Held::default();
    for process in descendants(std::process::id()) {
        let one = held_by(process, guest_bytes);
        held.guest += one.guest;
        held.monitor += one.monitor;
    }
    held
}

fn descendants(parent: u32) -> Vec<u32> {
    let children = children(parent);
    let deeper: Vec<u32> = children.iter().flat_map(|child| descendants(*child)).collect();
    children.into_iter().chain(deeper).collect()
}

fn held_by(process: u32, guest_bytes: u64) -> Held {
    let mappings =
        mappings(&fs::read_to_string(format!("/proc/{process}/smaps")).unwrap_or_default());
    let all: f64 = mappings.iter().map(|mapping| mapping.share).sum();
    let guest = guest_share(&mappings, guest_bytes);
    Held { guest: guest / 1024.0, monitor: (all - guest) / 1024.0 }
}

fn mappings(text: &str) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in text.lines() {
        if let Some(share) = line.strip_prefix("Pss:") {
            let share = share.trim().trim_end_matches(" kB").parse().unwrap_or(0.0);
            mappings.last_mut().into_iter().for_each(|mapping| mapping.share = share);
        } else if let Some((start, end)) = addresses(line) {
            mappings.push(Mapping { start, end, share: 0.0 });
        }
    }
    mappings
}

fn addresses(line: &str) -> Option<(u64, u64)> {
    let (start, end) = line.split_ascii_whitespace().next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((number(start)?, number(end)?))
}

/// A guest's memory is a range without gaps of exactly its length, in one mapping or many; among several, the one that is
/// used most. Where the kernel has made one mapping of it and its neighbour, it is that mapping.
fn guest_share(mappings: &[Mapping], guest_bytes: u64) -> f64 {
    let from = |first: usize| {
        let mut end = None;
        let mut share = 0.0;
        let rest = mappings.iter().skip(first);
        // The last page of all is the kernel's.
        let wanted =
            mappings.get(first).map_or(0, |mapping| mapping.start.saturating_add(guest_bytes));
        for mapping in rest {
            if end.is_some_and(|end| end != mapping.start) || mapping.end > wanted {
                return None;
            }
            share += mapping.share;
            end = Some(mapping.end);
            if mapping.end == wanted {
                return Some(share);
            }
        }
        None
    };
    let exact = (0..mappings.len()).filter_map(from).fold(0.0, f64::max);
    let is_large = |mapping: &&Mapping| mapping.end - mapping.start >= guest_bytes;
    let joined = mappings.iter().filter(is_large).map(|mapping| mapping.share);
    joined.fold(exact, f64::max)
}
