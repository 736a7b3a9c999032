//! The ACPI tables of a guest: processors, interrupt controllers, the serial line, one device for each virtio slot,
//! the number that tells copies apart, and how to turn it off. Stock kernels have no other way to find devices that are not on a bus.
//!
//! Knows only numbers of the layout. The tables describe a machine without the old fixed hardware ("hardware-reduced").

mod devices;

use super::GuestMemory;
use super::error::MachineError;
use super::layout::{
    ACPI_TABLES, GENERATION, IO_APIC, LOCAL_APIC, RESET_PORT, RESET_VALUE, SLEEP_CONTROL_PORT,
    SLEEP_STATUS_PORT,
};
use acpi_tables::Aml;
use acpi_tables::fadt::{FADTBuilder, Flags};
use acpi_tables::gas::{AccessSize, AddressSpace, GAS};
use acpi_tables::madt::{
    EnabledStatus, IoApic, LocalInterruptController, MADT, ProcessorLocalApic,
};
use acpi_tables::rsdp::Rsdp;
use acpi_tables::sdt::Sdt;
use acpi_tables::xsdt::XSDT;
use vm_memory::{Bytes, GuestAddress};

const MAKER: [u8; 6] = *b"LAYERC";
const MODEL: [u8; 8] = *b"MACHINE ";
const REVISION: u32 = 1;

/// Written to the sleep control port, it turns the machine off: the enable bit, and the value that [`devices`] announces.
pub(crate) const SLEEP_VALUE: u8 = 0x20 | devices::OFF << 2;

/// Tables are aligned to this.
const ALIGNMENT: u64 = 16;

/// Bytes of a table's header, where the definition block begins.
const HEADER_BYTES: u32 = 36;

/// Of the flags for what a PC has (ACPI 6.4, 5.2.9.3): no display,
const NO_VGA: u16 = 1 << 2;

/// and no clock behind port 0x70, which Linux would otherwise try to read for long before it gives up.
const NO_CMOS_CLOCK: u16 = 1 << 5;

/// Writes the tables; the answer is where the pointer to them is.
pub(crate) fn write_tables(
    memory: &GuestMemory,
    processors: u8,
    device_slots: usize,
) -> Result<u64, MachineError> {
    // The pointer comes first, where kernels look for it, and is known last.
    let pointer = ACPI_TABLES;
    let mut next = align(pointer + Rsdp::len() as u64);
    let mut place = |table: &dyn Aml| {
        let mut bytes = Vec::new();
        table.to_aml_bytes(&mut bytes);
        let at = next;
        next = align(at + bytes.len() as u64);
        write(memory, at, &bytes).map(|()| at)
    };
    let definitions = place(&definition_block(processors, device_slots))?;
    let fixed = place(&fixed_description(definitions))?;
    let controllers = place(&interrupt_controllers(processors))?;
    let mut directory = XSDT::new(MAKER, MODEL, REVISION);
    directory.add_entry(fixed);
    directory.add_entry(controllers);
    let directory = place(&directory)?;
    let mut bytes = Vec::new();
    Rsdp::new(MAKER, directory).to_aml_bytes(&mut bytes);
    write(memory, pointer, &bytes)?;
    Ok(pointer)
}

fn align(address: u64) -> u64 {
    address.next_multiple_of(ALIGNMENT)
}

fn write(memory: &GuestMemory, address: u64, bytes: &[u8]) -> Result<(), MachineError> {
    if address + bytes.len() as u64 > GENERATION {
        return Err(MachineError::NoRoom { what: "ACPI tables", bytes: bytes.len() as u64 });
    }
    memory
        .write_slice(bytes, GuestAddress(address))
        .map_err(|error| MachineError::Memory(error.to_string()))
}

fn definition_block(processors: u8, device_slots: usize) -> Sdt {
    let mut table = Sdt::new(*b"DSDT", HEADER_BYTES, 6, MAKER, MODEL, REVISION);
    table.append_slice(&devices::definitions(processors, device_slots));
    table
}

fn port(address: u16) -> GAS {
    GAS::new(AddressSpace::SystemIo, 8, 0, AccessSize::ByteAccess, u64::from(address))
}

fn fixed_description(definitions: u64) -> impl Aml {
    let mut table = FADTBuilder::new(MAKER, MODEL, REVISION)
        .dsdt_64(definitions)
        .flag(Flags::HwReducedAcpi)
        .flag(Flags::ResetRegSup)
        .flag(Flags::PwrButton)
        .flag(Flags::SlpButton);
    table.iapc_boot_arch = (NO_VGA | NO_CMOS_CLOCK).into();
    table.reset_reg = port(RESET_PORT);
    table.reset_value = RESET_VALUE;
    table.sleep_control_reg = port(SLEEP_CONTROL_PORT);
    table.sleep_status_reg = port(SLEEP_STATUS_PORT);
    table.finalize()
}

fn interrupt_controllers(processors: u8) -> MADT {
    let mut table =
        MADT::new(MAKER, MODEL, REVISION, LocalInterruptController::Address(LOCAL_APIC));
    for index in 0..processors {
        table.add_structure(ProcessorLocalApic::new(index, index, EnabledStatus::Enabled));
    }
    table.add_structure(IoApic::new(processors, IO_APIC, 0));
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kvm::memory::{MemorySize, empty_memory};

    /// The bytes of the table at `address`, whose length is in its header.
    fn table(memory: &GuestMemory, address: u64) -> Vec<u8> {
        let length: u32 = memory.read_obj(GuestAddress(address + 4)).unwrap();
        let mut bytes = vec![0; length as usize];
        memory.read_slice(&mut bytes, GuestAddress(address)).unwrap();
        bytes
    }

    #[test]
    fn every_table_is_found_from_the_pointer_and_sums_to_zero() {
        let memory = empty_memory(MemorySize::from_bytes(2 << 20).unwrap()).unwrap();
        let pointer = write_tables(&memory, 8, 16).unwrap();
        let directory: u64 = memory.read_obj(GuestAddress(pointer + 24)).unwrap();
        let directory = table(&memory, directory);
        let mut seen = vec![String::from_utf8_lossy(&directory[..4]).into_owned()];
        let mut tables = vec![directory.clone()];
        for entry in directory[36..].chunks(8) {
            let address = u64::from_le_bytes(entry.try_into().unwrap());
            tables.push(table(&memory, address));
            if tables.last().unwrap().starts_with(b"FACP") {
                let at = tables.last().unwrap()[140..148].try_into().unwrap();
                tables.push(table(&memory, u64::from_le_bytes(at)));
            }
        }
        seen.extend(
            tables[1..].iter().map(|table| String::from_utf8_lossy(&table[..4]).into_owned()),
        );
        assert_eq!(seen, ["XSDT", "FACP", "DSDT", "APIC"]);
        for table in tables {
            assert_eq!(table.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)), 0);
        }
    }
}
