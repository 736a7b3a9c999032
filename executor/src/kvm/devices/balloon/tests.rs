//! Reports through real queues.

use super::BalloonDevice;
use crate::kvm::devices::driver_for_tests::Driver;
use vm_memory::{Bytes, GuestAddress};

const REPORTS: usize = 2;

#[test]
fn whole_pages_that_are_reported_are_zero_again_and_nothing_else_is() {
    let mut driver = Driver::of(Box::new(BalloonDevice::new()));
    let first = 4 << 20;
    driver.memory.write_slice(&[7; 5 * 4096], GuestAddress(first)).unwrap();
    driver.report(REPORTS, &[(first + 4096, 4096), (first + 3 * 4096 - 1, 4096 + 2)]);
    let mut bytes = vec![0; 5 * 4096];
    driver.memory.read_slice(&mut bytes, GuestAddress(first)).unwrap();
    let pages: Vec<bool> =
        bytes.chunks(4096).map(|page| page.iter().all(|byte| *byte == 7)).collect();
    assert_eq!(pages, [true, false, true, false, true]);
    assert!(bytes[4096..8192].iter().all(|byte| *byte == 0));
    assert!(bytes[3 * 4096..4 * 4096].iter().all(|byte| *byte == 0));
}

#[test]
fn places_outside_of_memory_are_left_alone() {
    let mut driver = Driver::of(Box::new(BalloonDevice::new()));
    driver.memory.write_obj(7_u8, GuestAddress((16 << 20) - 1)).unwrap();
    driver.report(REPORTS, &[((16 << 20) - 8192, 4096), (0, 0)]);
    assert_eq!(driver.memory.read_obj::<u8>(GuestAddress((16 << 20) - 1)).unwrap(), 7);
}

#[test]
fn pages_that_nobody_asked_for_are_given_back() {
    let mut driver = Driver::of(Box::new(BalloonDevice::new()));
    assert_eq!(driver.ask(0, &[&1_u32.to_le_bytes()], &[]).bytes.len(), 0);
    assert_eq!(driver.ask(1, &[&1_u32.to_le_bytes()], &[]).bytes.len(), 0);
    assert_eq!(driver.configuration(), [0; 8]);
}
