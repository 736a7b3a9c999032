//! The definition block: what devices there are, in ACPI's own byte code.

use crate::kvm::devices::{DEVICES_BASE, FIRST_INTERRUPT, REGION_BYTES};
use crate::kvm::layout::{GENERATION, GENERATION_INTERRUPT, SERIAL_INTERRUPT, SERIAL_PORT};
use acpi_tables::Aml;
use acpi_tables::aml::{
    Arg, Device, EISAName, Equal, IO, If, Interrupt, Memory32Fixed, Method, Name, Notify, Package,
    Path, ResourceTemplate, Scope, ZERO,
};

/// What kernels know virtio devices at fixed addresses by.
const VIRTIO: &str = "LNRO0005";

/// What kernels know processors by.
const PROCESSOR: &str = "ACPI0007";

/// What this project calls the number that tells copies apart, and what kernels know it by.
const GENERATION_NAMES: [&str; 2] = ["LAYCVGID", "VM_Gen_Counter"];

/// What kernels know the device by that turns interrupts into notifications.
const EVENTS: &str = "ACPI0013";

/// Notification of a new number.
const NEW_GENERATION: u8 = 0x80;

/// Kind of sleep that is to be off.
pub(super) const OFF: u8 = 5;

pub(super) fn definitions(processors: u8, device_slots: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for index in 0..processors {
        processor(index, &mut bytes);
    }
    serial_line(&mut bytes);
    generation(&mut bytes);
    for index in (0..device_slots).filter_map(|index| u32::try_from(index).ok()) {
        virtio_slot(index, &mut bytes);
    }
    let off = Package::new(vec![&OFF]);
    Name::new(Path::new("_S5_"), &off).to_aml_bytes(&mut bytes);
    bytes
}

/// In the one scope all devices are in.
fn in_system(device: &dyn Aml, bytes: &mut Vec<u8>) {
    Scope::new(Path::new("_SB_"), vec![device]).to_aml_bytes(bytes);
}

fn processor(index: u8, bytes: &mut Vec<u8>) {
    let name = Path::new(&format!("C{index:03}"));
    let kind = Name::new(Path::new("_HID"), &PROCESSOR);
    let number = Name::new(Path::new("_UID"), &index);
    in_system(&Device::new(name, vec![&kind, &number]), bytes);
}

fn serial_line(bytes: &mut Vec<u8>) {
    let kind = EISAName::new("PNP0501");
    let kind = Name::new(Path::new("_HID"), &kind);
    let number = Name::new(Path::new("_UID"), &ZERO);
    let interrupt = Interrupt::new(true, true, false, false, SERIAL_INTERRUPT);
    let ports = IO::new(SERIAL_PORT, SERIAL_PORT, 0, 8);
    let resources = ResourceTemplate::new(vec![&interrupt, &ports]);
    let resources = Name::new(Path::new("_CRS"), &resources);
    in_system(&Device::new(Path::new("COM1"), vec![&kind, &number, &resources]), bytes);
}

/// The number, and the device that tells of a new one: machines without the old fixed hardware have no other event.
fn generation(bytes: &mut Vec<u8>) {
    let [own, known] = GENERATION_NAMES;
    let own = Name::new(Path::new("_HID"), &own);
    let shown = Name::new(Path::new("_DDN"), &known);
    let known = Name::new(Path::new("_CID"), &known);
    // Below 4 GiB by the layout.
    let low = u32::try_from(GENERATION).unwrap_or_default();
    let address = Package::new(vec![&low, &ZERO]);
    let address = Name::new(Path::new("ADDR"), &address);
    in_system(&Device::new(Path::new("VGEN"), vec![&own, &known, &shown, &address]), bytes);

    let kind = Name::new(Path::new("_HID"), &EVENTS);
    let number = Name::new(Path::new("_UID"), &ZERO);
    let interrupt = Interrupt::new(true, true, false, false, GENERATION_INTERRUPT);
    let resources = ResourceTemplate::new(vec![&interrupt]);
    let resources = Name::new(Path::new("_CRS"), &resources);
    let (which, target) = (Arg(0), Path::new("\\_SB_.VGEN"));
    let notify = Notify::new(&target, &NEW_GENERATION);
    let ours = Equal::new(&which, &GENERATION_INTERRUPT);
    let on_ours = If::new(&ours, vec![&notify]);
    let event = Method::new(Path::new("_EVT"), 1, true, vec![&on_ours]);
    in_system(&Device::new(Path::new("EVTS"), vec![&kind, &number, &resources, &event]), bytes);
}

fn virtio_slot(index: u32, bytes: &mut Vec<u8>) {
    let kind = Name::new(Path::new("_HID"), &VIRTIO);
    let number = Name::new(Path::new("_UID"), &index);
    // Without this, kernels take the device's memory for incoherent.
    let coherent = Name::new(Path::new("_CCA"), &1_u8);
    // Below 4 GiB by the layout.
    let base = u32::try_from(DEVICES_BASE + u64::from(index) * REGION_BYTES).unwrap_or_default();
    let registers = Memory32Fixed::new(true, base, u32::try_from(REGION_BYTES).unwrap_or_default());
    let interrupt = Interrupt::new(true, true, false, false, FIRST_INTERRUPT + index);
    let resources = ResourceTemplate::new(vec![&registers, &interrupt]);
    let resources = Name::new(Path::new("_CRS"), &resources);
    let name = Path::new(&format!("V{index:03}"));
    in_system(&Device::new(name, vec![&kind, &number, &coherent, &resources]), bytes);
}
