//! Frames through real queues, to a stream that the test holds, and to passt.

use super::device::{NetworkDevice, NetworkPart};
use super::passt::Passt;
use crate::kvm::devices::driver_for_tests::Driver;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

const HARDWARE_ADDRESS: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn device(stream: UnixStream) -> NetworkDevice {
    NetworkDevice::new(NetworkPart { hardware_address: HARDWARE_ADDRESS, stream })
}

fn in_stream(frame: &[u8]) -> Vec<u8> {
    [&u32::try_from(frame.len()).unwrap().to_be_bytes(), frame].concat()
}

#[test]
fn frames_go_both_ways() {
    let (ours, mut host) = UnixStream::pair().unwrap();
    let mut driver = Driver::of(Box::new(device(ours)));
    assert_eq!(driver.configuration::<6>(), HARDWARE_ADDRESS);
    driver.ask(1, &[&[0; 12], b"to the ", b"host"], &[]);
    let mut heard = [0; 15];
    host.read_exact(&mut heard).unwrap();
    assert_eq!(heard.to_vec(), in_stream(b"to the host"));
    host.write_all(&in_stream(b"to the guest")).unwrap();
    host.write_all(&in_stream(&[7; 4000])).unwrap();
    host.write_all(&in_stream(b"the next")).unwrap();
    let first = driver.ask(0, &[], &[2000]);
    assert_eq!(first.bytes, [&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0][..], b"to the guest"].concat());
    let second = driver.ask(0, &[], &[2000]);
    assert_eq!(second.bytes[12..], *b"the next", "the one between is too long for a card");
}

#[test]
fn frames_of_the_guest_that_are_none_are_left_out() {
    let (ours, mut host) = UnixStream::pair().unwrap();
    let mut driver = Driver::of(Box::new(device(ours)));
    for frame in [&[][..], &[0; 12], &[0; 5], &[0; 8000]] {
        driver.ask(1, &[frame], &[]);
    }
    driver.ask(1, &[&[0; 12], b"x"], &[]);
    let mut heard = [0; 5];
    host.read_exact(&mut heard).unwrap();
    assert_eq!(heard.to_vec(), in_stream(b"x"));
}

#[test]
fn a_stream_of_nonsense_or_none_leaves_the_guest_alone() {
    let (ours, mut host) = UnixStream::pair().unwrap();
    host.write_all(&[0xff; 64]).unwrap();
    let mut driver = Driver::of(Box::new(device(ours)));
    driver.request(0, &[], &[2000]);
    driver.work();
    assert!(driver.answers(0).is_empty());
    drop(host);
    driver.ask(1, &[&[0; 12], b"lost"], &[]);
}

#[test]
fn a_restored_card_has_its_address_and_a_new_stream() {
    let (ours, _host) = UnixStream::pair().unwrap();
    let driver = Driver::of(Box::new(device(ours)));
    let (ours, mut host) = UnixStream::pair().unwrap();
    let other = NetworkPart { hardware_address: [0; 6], stream: ours };
    let mut driver = driver.restored(Box::new(NetworkDevice::new(other)));
    assert_eq!(driver.configuration::<6>(), HARDWARE_ADDRESS);
    driver.ask(1, &[&[0; 12], b"x"], &[]);
    host.read_exact(&mut [0; 5]).unwrap();
}

/// Who has 10.0.2.2?
fn question() -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend(HARDWARE_ADDRESS);
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(HARDWARE_ADDRESS);
    frame.extend([10, 0, 2, 15]);
    frame.extend([0; 6]);
    frame.extend([10, 0, 2, 2]);
    frame
}

#[test]
fn passt_answers_for_the_gateway() {
    let program = Path::new("/usr/bin/passt");
    if !program.exists() {
        println!("SKIPPED: passt is not installed");
        return;
    }
    let (_passt, part) = Passt::start(program).unwrap();
    let mut driver = Driver::of(Box::new(NetworkDevice::new(part)));
    driver.request(0, &[], &[2000]);
    driver.ask(1, &[&[0; 12], &question()], &[]);
    let answer = loop {
        driver.work();
        if let Some(answer) = driver.answers(0).pop() {
            break answer.bytes;
        }
        std::thread::yield_now();
    };
    assert_eq!(answer[12..18], HARDWARE_ADDRESS);
    assert_eq!(answer[24..26], [8, 6], "an answer to the question");
    assert_eq!(answer[12 + 28..12 + 32], [10, 0, 2, 2]);
}
