//! Machines from their first instruction to their end.

use crate::guest::{Guest, plain_parts, shape};
use layerc_executor::kvm::End;
use libtest_mimic::Failed;
use std::time::Duration;

pub(super) fn boots_pauses_and_ends() -> Result<(), Failed> {
    let (guest, ready) = Guest::boot(shape(256, 2), plain_parts());
    assert!(ready.starts_with("2 processors 2"), "{ready}");
    assert_eq!(guest.run("uname -s"), "Linux");
    guest.machine.pause()?;
    assert_eq!(guest.machine.wait_for_end(Duration::ZERO), None);
    guest.machine.resume();
    assert_eq!(guest.run("ls /sys/bus/acpi/devices | grep -c LNRO0005"), "2");
    assert_eq!(guest.run("cat /sys/class/misc/hw_random/rng_current"), "virtio_rng.0");
    guest.run("head -c 16 /dev/hwrng >/dev/null");
    guest.machine.type_in(b"poweroff -f\n");
    assert_eq!(guest.machine.wait_for_end(Duration::from_secs(120)), Some(End::Off));
    Ok(())
}
