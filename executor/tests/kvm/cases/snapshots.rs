//! Machines that are kept, restored and multiplied while they run.

use crate::guest::{Guest, plain_parts, shape};
use layerc_executor::kvm::{Snapshot, Taken};
use libtest_mimic::Failed;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// Memory of the guest.
const MEBIBYTES: u64 = 256;

/// A machine that was booted once for all cases.
struct Booted {
    directory: TempDir,
    taken: Taken,
    /// What its background process had counted to, at least, and how long it had been up, in seconds.
    count: u64,
    uptime: f64,
}

fn booted() -> &'static Booted {
    static BOOTED: OnceLock<Booted> = OnceLock::new();
    BOOTED.get_or_init(|| {
        let directory = TempDir::new().unwrap();
        let (mut guest, _) = Guest::boot(shape(MEBIBYTES, 2), plain_parts());
        guest.run("echo before >/tmp/marker; dd if=/dev/urandom of=/tmp/random bs=1M count=4 2>/dev/null; md5sum </tmp/random >/tmp/sum; head -c 16 /dev/hwrng >/tmp/device");
        let (count, uptime) = (count(&guest), uptime(&guest));
        let taken = guest.machine.snapshot(directory.path(), "booted").unwrap();
        println!("booted machine of {MEBIBYTES} MiB: {} KiB, stood still {:?}", taken.memory_bytes >> 10, taken.paused);
        assert_eq!(guest.run("cat /tmp/marker"), "before", "the machine goes on");
        Booted { directory, taken, count, uptime }
    })
}

fn count(guest: &Guest) -> u64 {
    guest.run("cat /tmp/count").parse().unwrap()
}

fn uptime(guest: &Guest) -> f64 {
    guest.run("cut -d ' ' -f 1 /proc/uptime").parse().unwrap()
}

fn restored(directory: &Path, name: &str) -> Guest {
    let guest = Guest::restore(&Snapshot::open(&directory.join(name)).unwrap(), plain_parts());
    guest.machine.resume();
    guest
}

pub(super) fn goes_on() -> Result<(), Failed> {
    let booted = booted();
    let percent = booted.taken.memory_bytes * 100 / (MEBIBYTES << 20);
    assert!(percent <= 34, "zero and free pages take no room, yet there are {percent} % of them");
    for _ in 0..2 {
        let guest = restored(booted.directory.path(), "booted");
        assert_eq!(guest.run("cat /tmp/marker; md5sum </tmp/random | cmp - /tmp/sum"), "before");
        guest.run("echo after >/tmp/marker");
        let first = count(&guest);
        assert!(first >= booted.count, "{first} after {}", booted.count);
        guest.run(&format!("until [ $(cat /tmp/count) -gt {} ]; do sleep 0.1; done", first + 2));
        let first = uptime(&guest);
        assert!(
            first >= booted.uptime && first < booted.uptime + 60.0,
            "no jump: {first} after {}",
            booted.uptime
        );
        assert!(uptime(&guest) >= first);
    }
    Ok(())
}

/// Three times, what the device gives behind everything that the guest had fetched before it was kept: Linux's driver
/// has the device fill 64 bytes before anybody asks, and the kernel keeps up to 64 that somebody asked for and did not
/// take. Those are memory, and the same in all copies.
const DRAW: &str = "for time in 1 2 3; do head -c 256 /dev/hwrng | tail -c 16 | od -An -tx1; done";

fn draw(copies: &[Guest]) {
    let mut drawn = Vec::new();
    for (number, copy) in copies.iter().enumerate() {
        drawn.extend(copy.run(DRAW).lines().map(|line| format!("{line} by copy {number}")));
    }
    let different: BTreeSet<&str> = drawn.iter().map(|line| &line[..48]).collect();
    assert_eq!(different.len(), 3 * copies.len(), "what the device gave: {drawn:#?}");
}

/// The number that tells copies apart, by the address that the tables give, and how often the guest was told of it.
const GENERATION: &str = "devmem 0xff000 64; awk '/ACPI:Ged/ { print $2 + $3 }' /proc/interrupts";

fn tell_generations(copies: &[Guest]) {
    let told: Vec<String> = copies.iter().map(|copy| copy.run(GENERATION)).collect();
    let different: BTreeSet<&String> = told.iter().collect();
    assert!(told.iter().all(|told| told.ends_with("\n1")), "told once each: {told:?}");
    assert_eq!(different.len(), copies.len(), "{told:?}");
}

pub(super) fn forks() -> Result<(), Failed> {
    let snapshot = Snapshot::open(&booted().directory.path().join("booted"))?;
    snapshot.check_host()?;
    let copies: Vec<Guest> = (0..4).map(|_| Guest::restore(&snapshot, plain_parts())).collect();
    for copy in &copies {
        copy.machine.resume();
    }
    for (number, copy) in copies.iter().enumerate() {
        copy.run(&format!("echo {number} >/tmp/marker"));
    }
    tell_generations(&copies);
    draw(&copies);
    for (number, copy) in copies.iter().enumerate() {
        assert_eq!(
            copy.run("cat /tmp/marker; md5sum </tmp/random | cmp - /tmp/sum"),
            number.to_string()
        );
    }
    Ok(())
}

pub(super) fn chain() -> Result<(), Failed> {
    let directory = booted().directory.path();
    let mut guest = restored(directory, "booted");
    let mut sizes = Vec::new();
    for link in 1..=26 {
        guest.run(&format!(
            "echo {link} >>/tmp/lines; head -c 100000 /dev/urandom >/tmp/link{link}"
        ));
        let taken = guest.machine.snapshot(directory, &format!("link{link}"))?;
        sizes.push((taken.files, taken.memory_bytes >> 10));
        // Some are taken of a machine that was itself restored.
        if link % 9 == 0 {
            guest = restored(directory, &format!("link{link}"));
        }
    }
    println!("chain, files and KiB a link: {sizes:?}");
    let sums = guest.run("md5sum /tmp/link? /tmp/link??");
    for link in [2, 20, 26] {
        let guest = restored(directory, &format!("link{link}"));
        assert_eq!(guest.run("wc -l </tmp/lines; cat /tmp/marker"), format!("{link}\nbefore"));
        let expected: Vec<&str> = sums.lines().take(link).collect();
        assert_eq!(
            guest.run("md5sum /tmp/link? /tmp/link?? 2>/dev/null || true"),
            expected.join("\n")
        );
    }
    let files = |link: usize| sizes[link - 1].0;
    assert_eq!((files(1), files(2)), (2, 3), "a link has what changed");
    assert!(
        sizes[..20].iter().all(|(_, kibibytes)| *kibibytes < booted().taken.memory_bytes >> 12)
    );
    assert!(
        sizes.iter().any(|(files, _)| *files == 1),
        "a long chain is written as a whole: {sizes:?}"
    );
    let last = Snapshot::open(&directory.join("link26"))?;
    assert!(last.needs().all(|name| name != "booted"), "and needs nothing older then");
    Ok(())
}

pub(super) fn broken_files() -> Result<(), Failed> {
    let from = booted().directory.path().join("booted");
    let place = TempDir::new()?;
    let copy = place.path().join("booted");
    let copied = || {
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir(&copy).unwrap();
        for file in ["state", "memory"] {
            fs::copy(from.join(file), copy.join(file)).unwrap();
        }
    };
    copied();
    assert_eq!(
        restored(place.path(), "booted").run("cat /tmp/marker"),
        "before",
        "a true copy can be used"
    );
    let damage = |file: &str, change: &dyn Fn(&mut Vec<u8>)| {
        copied();
        let mut bytes = fs::read(copy.join(file)).unwrap();
        change(&mut bytes);
        fs::write(copy.join(file), bytes).unwrap();
        Snapshot::open(&copy).map(|_| ()).unwrap_err().to_string()
    };
    let refusals = [
        damage("state", &|bytes| bytes.truncate(1000)),
        damage("state", &|bytes| bytes[2000] ^= 1),
        damage("state", &|bytes| bytes[8] += 1),
        damage("memory", &|bytes| bytes.truncate(bytes.len() - 4096)),
        damage("memory", &|bytes| bytes[5_000_000] ^= 1),
    ];
    let reasons = refusals.map(|text| text.rsplit(": ").next().unwrap().to_owned());
    assert_eq!(
        reasons,
        [
            "it is cut short or has bytes too many",
            "its checksum is wrong",
            "it was written by another version of this program",
            "it is cut short or has bytes too many",
            "its contents have changed",
        ]
    );
    fs::remove_file(copy.join("memory"))?;
    assert!(Snapshot::open(&copy).is_err(), "and so is a file that is gone");
    Ok(())
}
