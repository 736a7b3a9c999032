//! Randomness through real queues.

use super::EntropyDevice;
use crate::kvm::devices::driver_for_tests::Driver;

fn driver() -> Driver {
    Driver::of(Box::new(EntropyDevice::new()))
}

#[test]
fn buffers_are_filled_and_never_alike() {
    let mut driver = driver();
    let first = driver.ask(0, &[], &[64]);
    let second = driver.ask(0, &[], &[40, 24]);
    assert_eq!((first.bytes.len(), second.bytes.len()), (64, 64));
    assert_ne!(first.bytes, second.bytes);
}

#[test]
fn an_answer_is_limited_and_one_without_room_is_empty() {
    let mut driver = driver();
    assert_eq!(driver.ask(0, &[], &[1 << 20]).bytes.len(), 64 * 1024);
    assert_eq!(driver.ask(0, &[b"nobody asked"], &[]).bytes.len(), 0);
}

#[test]
fn a_restored_device_goes_on_where_the_saved_one_stood() {
    let mut driver = driver();
    driver.ask(0, &[], &[8]);
    let waiting = driver.request(0, &[], &[16]);
    let mut driver = driver.restored(Box::new(EntropyDevice::new()));
    driver.work();
    let answers = driver.answers(0);
    assert_eq!(answers.iter().map(|answer| answer.head).collect::<Vec<_>>(), [waiting]);
    assert_eq!(answers[0].bytes.len(), 16);
}
