//! The bus, the registers and hostile drivers, whatever the kind of device.

use super::device::Device;
use super::driver_for_tests::{Driver, memory};
use super::hostile::{drive, every_kind, set_up};
use super::phase::Phase;
use super::queues::{Broken, Queues};
use super::rng::EntropyDevice;
use super::state::{DeviceData, StateError};
use super::{DeviceBus, DevicePart, DeviceState, Kind, REGION_BYTES};
use proptest::prelude::*;
use rustix::event::{PollFd, PollFlags, poll};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn entropy() -> Driver {
    Driver::of(Box::new(EntropyDevice::new()))
}

#[test]
fn a_driver_finds_out_what_is_there() {
    let bus = DeviceBus::new(vec![DevicePart::Entropy, DevicePart::Entropy], &memory()).unwrap();
    let get = |offset| {
        let mut value = [0; 4];
        bus.read(offset, &mut value);
        u32::from_le_bytes(value)
    };
    for device in 0..2 {
        let base = device * REGION_BYTES;
        assert_eq!([0, 4, 8].map(|register| get(base + register)), [0x7472_6976, 2, 4]);
        assert_eq!(get(base + 0xb0), u32::MAX, "no shared memory");
    }
    assert_eq!(get(2 * REGION_BYTES), 0, "nothing is there");
    let places: Vec<_> =
        bus.slots().map(|slot| (slot.address(), slot.interrupt_number(), slot.kind)).collect();
    assert_eq!(places, [(0xd000_0000, 5, Kind::Entropy), (0xd000_1000, 6, Kind::Entropy)]);
}

#[test]
fn features_that_were_not_offered_are_not_agreed_on() {
    let bus = DeviceBus::new(vec![DevicePart::Entropy], &memory()).unwrap();
    let set = |register, value: u32| bus.write(register, &value.to_le_bytes());
    let status = || {
        let mut value = [0; 4];
        bus.read(0x70, &mut value);
        u32::from_le_bytes(value)
    };
    for (page, bits) in [(0, 1), (1, 0)] {
        set(0x70, 0);
        set(0x70, Phase::Acknowledged.status());
        set(0x70, Phase::Driver.status());
        set(0x24, page);
        set(0x20, bits);
        set(0x70, Phase::FeaturesOk.status());
        assert_eq!(status(), Phase::Driver.status(), "page {page}, bits {bits}");
    }
}

#[test]
fn a_queue_outside_of_memory_breaks_the_device_until_it_is_reset() {
    let driver = entropy();
    driver.set(0x70, 0);
    driver.set(0x70, Phase::Acknowledged.status());
    driver.set(0x70, Phase::Driver.status());
    driver.set(0x24, 1);
    driver.set(0x20, 1);
    driver.set(0x70, Phase::FeaturesOk.status());
    driver.set(0x30, 0);
    driver.set(0x80, 0xffff_f000);
    driver.set(0x44, 1);
    driver.set(0x70, Phase::Running.status());
    assert_eq!(driver.get(0x70), Phase::NeedsReset.status());
    driver.set(0x70, 0);
    assert_eq!(driver.get(0x70), 0);
    assert_eq!(driver.get(0x44), 0, "the queue is gone");
}

#[test]
fn offering_more_than_a_queue_holds_breaks_the_device() {
    let driver = entropy();
    let available = 0x10000 + 16 * 64 + 2;
    vm_memory::Bytes::write_obj(&driver.memory, 65_u16, vm_memory::GuestAddress(available))
        .unwrap();
    driver.work();
    assert_eq!(driver.get(0x70), Phase::NeedsReset.status());
    assert_eq!(driver.get(0x60), 2, "the driver is told by a change of configuration");
}

#[test]
fn the_driver_is_called_and_acknowledges() {
    let mut driver = entropy();
    driver.ask(0, &[], &[8]);
    assert_eq!(driver.get(0x60), 1);
    assert_eq!(driver.slot.interrupt().event().read().unwrap(), 1);
    driver.set(0x64, 1);
    assert_eq!(driver.get(0x60), 0);
}

#[test]
fn a_paused_device_does_nothing_and_its_thread_works_when_called() {
    let mut driver = entropy();
    driver.slot.pause();
    driver.request(0, &[], &[8]);
    driver.work();
    assert!(driver.answers(0).is_empty());
    let slot = Arc::new(driver.slot);
    let _worker = super::worker::Worker::start(Arc::clone(&slot)).unwrap();
    slot.resume();
    let event = crate::sys::event_descriptor(slot.interrupt().event());
    poll(&mut [PollFd::from_borrowed_fd(event, PollFlags::IN)], None).unwrap();
    slot.calls()[0].write(1).unwrap();
}

#[test]
fn states_of_another_version_or_of_other_devices_are_refused() {
    let memory = memory();
    let bus = DeviceBus::new(vec![DevicePart::Entropy], &memory).unwrap();
    let states = bus.save();
    let refused = |states, parts| DeviceBus::restore(states, parts, &memory).unwrap_err();
    let text = refused(states.clone(), Vec::new()).to_string();
    assert_eq!(text, "the snapshot has Some(Entropy) where the machine has None");
    let mut bytes = postcard::to_stdvec(&states).unwrap();
    bytes[1] = 99;
    let states: Vec<DeviceState> = postcard::from_bytes(&bytes).unwrap();
    let text = refused(states, vec![DevicePart::Entropy]).to_string();
    assert_eq!(text, "the state of a device has version 99, but this program reads version 1");
}

/// Works until somebody lets go of it.
#[derive(Debug)]
struct Hanging(Mutex<Receiver<()>>);

impl Device for Hanging {
    fn kind(&self) -> Kind {
        Kind::Disk
    }

    fn queue_sizes(&self) -> &'static [u16] {
        &[16]
    }

    fn work(&mut self, _: &mut Queues<'_>) -> Result<(), Broken> {
        let _let_go = self.0.lock().unwrap().recv();
        Ok(())
    }

    fn reset(&mut self) {}

    fn save(&self) -> DeviceData {
        EntropyDevice::new().save()
    }

    fn restore(&mut self, _: DeviceData) -> Result<(), StateError> {
        Ok(())
    }
}

#[test]
fn a_device_that_hangs_is_left_alone_and_the_others_end() {
    let (let_go, held) = channel();
    let devices: Vec<Box<dyn Device>> =
        vec![Box::new(EntropyDevice::new()), Box::new(Hanging(Mutex::new(held)))];
    let bus = DeviceBus::of(devices, &memory()).unwrap();
    set_up(&bus, 0, 1);
    set_up(&bus, REGION_BYTES, 1);
    bus.resume();
    // The second device has begun to work as soon as its registers can't be had.
    while bus.is_idle_for_tests(1) {
        std::thread::yield_now();
    }
    assert_eq!(bus.stop(Instant::now()).last(), Some(&Kind::Disk));
    drop(let_go);
    assert_eq!(bus.stop(Instant::now() + Duration::from_secs(60)), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_driver_breaks_out(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        drive(every_kind().unwrap(), &bytes);
    }

    #[test]
    fn no_saved_state_breaks_out(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        if let Ok(states) = postcard::from_bytes::<Vec<DeviceState>>(&bytes) {
            let _refused = DeviceBus::restore(states, every_kind().unwrap(), &memory());
        }
    }
}
