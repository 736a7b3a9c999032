//! The definition block: what devices there are, in ACPI's own byte code.

use crate::kvm::devices::{DEVICES_BASE, FIRST_INTERRUPT, REGION_BYTES};
use crate::kvm::layout::{SERIAL_INTERRUPT, SERIAL_PORT};
use acpi_tables::Aml;
use acpi_tables::aml::{
    Device, EISAName, IO, Interrupt, Memory32Fixed, Name, Package, Path, ResourceTemplate, Scope,
    ZERO,
};

/// What kernels know virtio devices at fixed addresses by.
const VIRTIO: &str = "LNRO0005";

/// What kernels know processors by.
const PROCESSOR: &str = "ACPI0007";

/// Kind of sleep that is to be off.
pub(super) const OFF: u8 = 5;

pub(super) fn definitions(processors: u8, device_slots: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for index in 0..processors {
        processor(index, &mut bytes);
    }
    serial_line(&mut bytes);
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
