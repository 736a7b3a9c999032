//! Disks through real queues, and what freezing and restoring leaves of them.

use super::{Delta, Disk, DiskDevice, DiskFiles};
use crate::kvm::Secrecy;
use crate::kvm::devices::driver_for_tests::Driver;
use crate::sealing::Key;
use proptest::prelude::*;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

const DISK_BYTES: u64 = 1 << 20;

fn file() -> File {
    tempfile::tempfile().unwrap()
}

/// A base of 100,000 bytes `b`.
fn base() -> Arc<File> {
    let mut base = file();
    base.write_all(&[b'b'; 100_000]).unwrap();
    Arc::new(base)
}

fn disk_over(base: &Arc<File>, frozen: Vec<Delta>) -> Arc<Disk> {
    disk_writing(base, frozen, file().into())
}

fn disk_writing(base: &Arc<File>, frozen: Vec<Delta>, written: Delta) -> Arc<Disk> {
    let files = DiskFiles { base: Arc::clone(base), frozen, written };
    Arc::new(Disk::new(files, DISK_BYTES).unwrap())
}

fn driver(disk: &Arc<Disk>) -> Driver {
    Driver::of(Box::new(DiskDevice::new(Arc::clone(disk))))
}

fn header(kind: u32, sector: u64) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &[0; 4], &sector.to_le_bytes()].concat()
}

/// Reads; the outcome is the last byte.
fn read(driver: &mut Driver, sector: u64, length: usize) -> (Vec<u8>, u8) {
    let answer = driver.ask(0, &[&header(0, sector)], &[length, 1]);
    let (data, outcome) = answer.room.split_at(length);
    (data.to_vec(), outcome[0])
}

fn write(driver: &mut Driver, sector: u64, data: &[u8]) -> u8 {
    driver.ask(0, &[&header(1, sector), data], &[1]).room[0]
}

#[test]
fn what_is_written_is_read_and_the_base_stays_as_it_was() {
    let base = base();
    let disk = disk_over(&base, Vec::new());
    let mut driver = driver(&disk);
    assert_eq!(driver.configuration::<8>(), (DISK_BYTES / 512).to_le_bytes());
    assert_eq!(read(&mut driver, 0, 512), (vec![b'b'; 512], 0));
    assert_eq!(write(&mut driver, 3, &[b'x'; 1024]), 0);
    let (data, outcome) = read(&mut driver, 0, 4096);
    assert_eq!(outcome, 0);
    assert_eq!(data, [vec![b'b'; 1536], vec![b'x'; 1024], vec![b'b'; 1536]].concat());
    let (beyond, _) = read(&mut driver, 195, 512);
    assert_eq!(beyond, [vec![b'b'; 160], vec![0; 352]].concat(), "the base ends in between");
    let mut untouched = [0; 4096];
    std::os::unix::fs::FileExt::read_exact_at(&*base, &mut untouched, 0).unwrap();
    assert_eq!(untouched, [b'b'; 4096]);
    assert_eq!(disk.written_bytes(), 4096);
}

#[test]
fn requests_that_cannot_be_met_fail_and_change_nothing() {
    let disk = disk_over(&base(), Vec::new());
    let mut driver = driver(&disk);
    let last = DISK_BYTES / 512;
    assert_eq!(write(&mut driver, last, &[1; 512]), 1, "beyond the end");
    assert_eq!(write(&mut driver, last - 1, &[1; 1024]), 1, "half beyond the end");
    assert_eq!(write(&mut driver, u64::MAX, &[1; 512]), 1, "beyond all numbers");
    assert_eq!(write(&mut driver, 0, &[1; 100]), 1, "no whole sector");
    assert_eq!(read(&mut driver, u64::MAX / 512, 512).1, 1);
    assert_eq!(driver.ask(0, &[&header(99, 0)], &[1]).room[0], 2, "unknown");
    assert_eq!(driver.ask(0, &[&[0; 3]], &[1]).bytes.len(), 0, "no header");
    assert_eq!(driver.ask(0, &[&header(0, 0)], &[]).bytes.len(), 0, "no room for the outcome");
    assert_eq!(driver.ask(0, &[&header(4, 0)], &[1]).room[0], 0, "a flush works");
    assert_eq!(driver.ask(0, &[&header(8, 0)], &[20, 1]).room[..7], *b"layerc\0");
    assert_eq!(disk.written_bytes(), 0);
}

#[test]
fn copies_of_a_frozen_disk_go_their_own_ways() {
    let base = base();
    let disk = disk_over(&base, Vec::new());
    let mut parent = driver(&disk);
    assert_eq!(write(&mut parent, 8, &[b'1'; 4096]), 0);
    let frozen = disk.freeze(file().into()).unwrap();
    let state = disk.save();
    assert_eq!(write(&mut parent, 8, &[b'2'; 512]), 0);
    let copy = |letter: u8| {
        let disk = disk_over(&base, vec![frozen.clone()]);
        disk.restore(state.clone()).unwrap();
        let mut driver = driver(&disk);
        assert_eq!(read(&mut driver, 8, 512).0, [b'1'; 512]);
        assert_eq!(write(&mut driver, 9, &[letter; 512]), 0);
        read(&mut driver, 8, 1024).0
    };
    assert_eq!(copy(b'3'), [[b'1'; 512], [b'3'; 512]].concat());
    assert_eq!(copy(b'4'), [[b'1'; 512], [b'4'; 512]].concat());
    assert_eq!(read(&mut parent, 8, 1024).0, [[b'2'; 512], [b'1'; 512]].concat());
}

#[test]
fn a_state_for_other_files_is_refused() {
    let base = base();
    let disk = disk_over(&base, Vec::new());
    assert_eq!(write(&mut driver(&disk), 0, &[1; 512]), 0);
    disk.freeze(file().into()).unwrap();
    let state = disk.save();
    let refused = disk_over(&base, Vec::new()).restore(state).unwrap_err();
    let text = "the state of a device can't be: a disk with fewer deltas than it was saved with";
    assert_eq!(refused.to_string(), text);
}

/// What is in a file of a disk.
fn bytes_of(delta: &Delta) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(delta.file().metadata().unwrap().len()).unwrap()];
    std::os::unix::fs::FileExt::read_exact_at(&**delta.file(), &mut bytes, 0).unwrap();
    bytes
}

#[test]
fn what_is_written_from_a_moment_on_can_be_read_with_the_key_alone() {
    let base = base();
    let disk = disk_over(&base, Vec::new());
    let mut parent = driver(&disk);
    assert_eq!(write(&mut parent, 9, &[b'1'; 1536]), 0);
    let secrecy = Secrecy::Sealed(Key::drawn().unwrap());
    disk.move_written(Delta::begin(file(), &secrecy).unwrap()).unwrap();
    assert_eq!(write(&mut parent, 10, b"secret".repeat(256).as_slice()), 0);
    let expected = read(&mut parent, 0, 16384);
    let sealed = disk.freeze(Delta::begin(file(), &secrecy).unwrap()).unwrap();
    for text in [&b"secret"[..], b"1111"] {
        assert!(!bytes_of(&sealed).windows(text.len()).any(|part| part == text));
    }
    let same = || sealed.file().try_clone().unwrap();
    let opened = Delta::open(same(), &secrecy).unwrap();
    let copy = disk_writing(&base, vec![opened], Delta::begin(file(), &secrecy).unwrap());
    copy.restore(disk.save()).unwrap();
    let mut driver = driver(&copy);
    assert_eq!(read(&mut driver, 0, 16384), expected);
    let length = same().metadata().unwrap().len();
    std::os::unix::fs::FileExt::write_all_at(&same(), b"other", length - 2000).unwrap();
    assert_eq!(read(&mut driver, 0, 16384).1, 1, "a block that was changed can't be read");
    let other = Secrecy::Sealed(Key::drawn().unwrap());
    assert!(Delta::open(same(), &other).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_disk_is_its_base_and_what_was_written_in_order(
        acts in prop::collection::vec((0_u64..400, 1_usize..12, any::<u8>(), 0_u8..9), 1..40),
    ) {
        let mut secrecy = Secrecy::Open;
        let begun = |secrecy: &Secrecy| Delta::begin(file(), secrecy).unwrap();
        let base = base();
        let mut disk = disk_over(&base, Vec::new());
        let mut frozen = Vec::new();
        let mut plain = vec![0; usize::try_from(DISK_BYTES).unwrap()];
        plain[..100_000].fill(b'b');
        for (sector, sectors, byte, act) in acts {
            let data = vec![byte; sectors * 512];
            disk.write(sector * 512, &data).unwrap();
            let start = usize::try_from(sector).unwrap() * 512;
            plain[start..start + data.len()].fill(byte);
            if act == 0 {
                frozen.push(disk.freeze(begun(&secrecy)).unwrap());
                let state = disk.save();
                disk = disk_writing(&base, frozen.clone(), begun(&secrecy));
                disk.restore(state).unwrap();
            }
            if act == 8 {
                secrecy = Secrecy::Sealed(Key::drawn().unwrap());
                disk.move_written(begun(&secrecy)).unwrap();
            }
        }
        let mut all = vec![0; plain.len()];
        disk.read(0, &mut all).unwrap();
        prop_assert!(all == plain);
    }
}
