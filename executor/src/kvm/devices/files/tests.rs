//! Requests through real queues, to a server that answers with what it heard.

use super::request::{ANSWER_HEADER_BYTES, HEADER_BYTES};
use super::{FilesDevice, FilesPart};
use crate::backend::{CopiedEntry, CopiedFiles};
use crate::kvm::devices::driver_for_tests::Driver;
use crate::tracked::{Repository, RepositoryOptions, SavedFiles, TrackedServer};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

const INIT: u32 = 26;
const GETATTR: u32 = 3;
const FORGET: u32 = 2;
const DESTROY: u32 = 38;
const LOOKUP: u32 = 1;
const READ: u32 = 15;

/// What a guest's kernel of today offers, as far as the server wants it.
const OFFERED: u32 = 1 << 17 | 1 << 18 | 1 << 23 | 1 << 24;

/// The root of the mount.
const ROOT: u64 = 1;

fn request(kind: u32, number: u64, rest: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER_BYTES + rest.len()).unwrap();
    let mut bytes = [length.to_le_bytes(), kind.to_le_bytes()].concat();
    bytes.extend(number.to_le_bytes());
    bytes.resize(HEADER_BYTES, 0);
    bytes.extend(rest);
    bytes
}

fn answer(number: u64, error: i32, rest: &[u8]) -> Vec<u8> {
    let length = u32::try_from(ANSWER_HEADER_BYTES + rest.len()).unwrap();
    let mut bytes = [length.to_le_bytes(), error.to_le_bytes()].concat();
    bytes.extend(number.to_le_bytes());
    bytes.extend(rest);
    bytes
}

/// Answers each request with its kind, until the device is gone. Gives the kinds it heard.
fn serve(server: OwnedFd) -> JoinHandle<Vec<u32>> {
    thread::spawn(move || {
        let mut heard = Vec::new();
        let mut bytes = vec![0; 1 << 16];
        loop {
            let (_, length) = recv(&server, bytes.as_mut_slice(), RecvFlags::empty()).unwrap();
            if length == 0 {
                return heard;
            }
            let kind = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
            let number = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
            heard.push(kind);
            let answer = answer(number, 0, &kind.to_le_bytes());
            send(&server, &answer, SendFlags::NOSIGNAL).unwrap();
        }
    })
}

#[test]
fn requests_reach_the_server_and_answers_the_guest() {
    let (part, server) = FilesPart::new("layerc").unwrap();
    let server = serve(server);
    let mut driver = Driver::of(Box::new(FilesDevice::new(part)));
    assert_eq!(driver.configuration::<7>(), *b"layerc\0");
    let early = driver.ask(1, &[&request(GETATTR, 1, &[])], &[16, 4]);
    assert_eq!(early.bytes, answer(1, -5, &[]), "nothing before the beginning");
    for (kind, number) in [(INIT, 2), (GETATTR, 3)] {
        let heard = driver.ask(1, &[&request(kind, number, b"more")], &[16, 4]);
        assert_eq!(heard.bytes, answer(number, 0, &kind.to_le_bytes()));
    }
    assert_eq!(driver.ask(0, &[&request(FORGET, 4, &[0; 8])], &[]).bytes, b"");
    assert_eq!(driver.ask(1, &[&request(INIT, 5, &[])], &[16]).bytes, answer(5, -16, &[]));
    assert_eq!(
        driver.ask(1, &[&request(GETATTR, 6, &[])], &[16]).bytes,
        answer(6, -5, &[]),
        "no room"
    );
    assert_eq!(driver.ask(1, &[b"nonsense"], &[16]).bytes, b"");
    assert_eq!(driver.ask(1, &[&request(DESTROY, 7, &[])], &[16]).bytes, answer(7, 0, &[]));
    drop(driver);
    assert_eq!(server.join().unwrap(), [INIT, GETATTR, GETATTR]);
}

#[test]
fn many_requests_are_under_way_at_a_time() {
    let (part, server) = FilesPart::new("layerc").unwrap();
    let _server = serve(server);
    let mut driver = Driver::of(Box::new(FilesDevice::new(part)));
    driver.ask(1, &[&request(INIT, 1, &[])], &[16, 4]);
    let heads: Vec<u16> =
        (2..40).map(|number| driver.request(1, &[&request(GETATTR, number, &[])], &[20])).collect();
    driver.work();
    let answers = driver.answers(1);
    assert_eq!(answers.iter().map(|answer| answer.head).collect::<Vec<_>>(), heads);
    assert!(answers.iter().all(|answer| answer.bytes.len() == 20));
}

#[test]
fn a_server_that_is_gone_is_an_error_for_the_guest() {
    let (part, server) = FilesPart::new("layerc").unwrap();
    drop(server);
    let mut driver = Driver::of(Box::new(FilesDevice::new(part)));
    assert_eq!(driver.ask(1, &[&request(INIT, 1, &[])], &[16]).bytes, answer(1, -32, &[]));
}

#[test]
fn a_restored_device_begins_with_the_next_server_as_the_guest_began() {
    let (part, server) = FilesPart::new("layerc").unwrap();
    let _server = serve(server);
    let mut driver = Driver::of(Box::new(FilesDevice::new(part)));
    driver.ask(1, &[&request(INIT, 1, b"how it began")], &[16, 4]);
    let (part, server) = FilesPart::new("layerc").unwrap();
    let server = serve(server);
    let mut driver = driver.restored(Box::new(FilesDevice::new(part)));
    assert_eq!(driver.ask(1, &[&request(GETATTR, 2, &[])], &[20]).bytes.len(), 20);
    drop(driver);
    assert_eq!(server.join().unwrap(), [INIT, GETATTR]);
}

/// A guest's kernel that knows some of FUSE.
struct Kernel {
    driver: Driver,
    server: TrackedServer,
    asked: u64,
}

fn device_over(repository: &Path, saved: Option<&SavedFiles>) -> (FilesDevice, TrackedServer) {
    let (part, socket) = FilesPart::new("layerc").unwrap();
    let repository = Repository::open(repository, RepositoryOptions::default()).unwrap();
    let server = TrackedServer::start_for_guest(socket, Arc::new(repository), saved).unwrap();
    (FilesDevice::new(part), server)
}

impl Kernel {
    fn over(repository: &Path) -> Self {
        let (device, server) = device_over(repository, None);
        let mut kernel = Self { driver: Driver::of(Box::new(device)), server, asked: 0 };
        let mut offer: Vec<u8> = [7, 38, 1 << 17, OFFERED].map(u32::to_le_bytes).concat();
        offer.resize(64, 0);
        kernel.ask(INIT, 0, &offer).unwrap();
        kernel
    }

    /// The same guest over another commit, with the server that goes on for the last one.
    fn restored(self, repository: &Path) -> Self {
        let (device, server) = device_over(repository, Some(&self.server.save()));
        Self { driver: self.driver.restored(Box::new(device)), server, asked: self.asked }
    }

    fn ask(&mut self, kind: u32, node: u64, rest: &[u8]) -> Result<Vec<u8>, i32> {
        self.asked += 2;
        let mut bytes = request(kind, self.asked, rest);
        bytes[16..24].copy_from_slice(&node.to_le_bytes());
        let answer = self.driver.ask(1, &[&bytes], &[4096]).bytes;
        assert_eq!(answer[8..16], self.asked.to_le_bytes());
        match i32::from_le_bytes(answer[4..8].try_into().unwrap()) {
            0 => Ok(answer[ANSWER_HEADER_BYTES..].to_vec()),
            error => Err(error),
        }
    }

    /// The number of a name, 0 for one that is absent for good.
    fn look_up(&mut self, parent: u64, name: &str) -> Result<u64, i32> {
        let entry = self.ask(LOOKUP, parent, format!("{name}\0").as_bytes())?;
        Ok(u64::from_le_bytes(entry[..8].try_into().unwrap()))
    }

    fn read(&mut self, node: u64) -> Result<String, i32> {
        let mut rest = [0; 40];
        rest[16..20].copy_from_slice(&4000_u32.to_le_bytes());
        self.ask(READ, node, &rest).map(|bytes| String::from_utf8(bytes).unwrap())
    }
}

#[test]
fn a_guest_keeps_its_numbers_over_another_commit() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
    write("known", "known\n");
    write("looked at", "old\n");
    let mut kernel = Kernel::over(place.path());
    let entry = CopiedEntry { repository_path: String::new(), machine_path: "/app".to_owned() };
    let layer = kernel.server.add_layer(&CopiedFiles { entries: vec![entry] }).unwrap();
    let layer = kernel.look_up(ROOT, &layer).unwrap();
    let app = kernel.look_up(layer, "app").unwrap();
    let (known, looked_at) =
        (kernel.look_up(app, "known").unwrap(), kernel.look_up(app, "looked at").unwrap());
    assert_eq!(kernel.read(known).unwrap(), "known\n");
    assert_eq!(kernel.look_up(app, "absent"), Ok(0));
    assert_eq!(kernel.server.take_reads().answers.len(), 4);
    write("looked at", "new\n");
    write("another", "another\n");
    let mut kernel = kernel.restored(place.path());
    assert_eq!(kernel.look_up(app, "known"), Ok(known));
    assert_eq!(kernel.read(looked_at).unwrap(), "new\n");
    let another = kernel.look_up(app, "another").unwrap();
    assert_eq!(kernel.read(another).unwrap(), "another\n");
    assert_eq!(kernel.read(12345), Err(-116), "a number that was never given");
    let asked: Vec<String> =
        kernel.server.take_reads().answers.keys().map(|(path, _)| path.to_string()).collect();
    assert_eq!(asked, ["another", "looked at"], "what was told before is not noted again");
}

#[test]
fn a_guest_gets_no_further_than_the_directory_that_it_was_given() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir_all(place.path().join("app/sub")).unwrap();
    fs::write(place.path().join("secret"), "secret\n").unwrap();
    let mut kernel = Kernel::over(place.path());
    let entry = CopiedEntry { repository_path: "app".to_owned(), machine_path: "/app".to_owned() };
    let layer = kernel.server.add_layer(&CopiedFiles { entries: vec![entry] }).unwrap();
    let layer = kernel.look_up(ROOT, &layer).unwrap();
    let app = kernel.look_up(layer, "app").unwrap();
    for name in ["..", ".", "", "../secret", "sub/../../secret", "sub/..", "/etc/passwd"] {
        assert_eq!(kernel.look_up(app, name), Err(-22), "{name}");
    }
    assert!(kernel.look_up(app, "sub").is_ok_and(|number| number != 0));
}
