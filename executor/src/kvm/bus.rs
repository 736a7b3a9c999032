//! What a guest's processors reach besides memory: ports and the window of devices. Everything else reads as ones.

use super::acpi::SLEEP_VALUE;
use super::console::Console;
use super::devices::{DEVICES_BASE, DeviceBus, MOST_DEVICES, REGION_BYTES};
use super::layout::{
    KEYBOARD_PORT, RESET_PORT, RESET_VALUE, SERIAL_PORT, SLEEP_CONTROL_PORT, SLEEP_STATUS_PORT,
};
use super::vcpu::{Bus, Control, End};
use std::sync::Arc;

/// Written to [`KEYBOARD_PORT`], it resets a PC.
const KEYBOARD_RESET: u8 = 0xfe;

/// Ports of the serial line.
const SERIAL_REGISTERS: u16 = 8;

/// Length of the devices' window.
const DEVICES_BYTES: u64 = REGION_BYTES * MOST_DEVICES as u64;

/// The bus of a machine.
#[derive(Debug)]
pub(crate) struct MachineBus {
    /// The serial line.
    pub(crate) console: Arc<Console>,
    /// The devices.
    pub(crate) devices: Arc<DeviceBus>,
    /// Where the guest's wish to end goes.
    pub(crate) control: Arc<Control>,
}

impl Bus for MachineBus {
    fn read_port(&self, port: u16, data: &mut [u8]) {
        data.fill(0xff);
        if let [value] = data {
            match port {
                SLEEP_CONTROL_PORT | SLEEP_STATUS_PORT | KEYBOARD_PORT => *value = 0,
                _ => {
                    if let Some(register) = serial_register(port) {
                        *value = self.console.read(register);
                    }
                }
            }
        }
    }

    fn write_port(&self, port: u16, data: &[u8]) {
        let [value] = *data else { return };
        match (port, value) {
            (SLEEP_CONTROL_PORT, SLEEP_VALUE) => self.control.end(End::Off),
            (RESET_PORT, RESET_VALUE) | (KEYBOARD_PORT, KEYBOARD_RESET) => {
                self.control.end(End::Restarted);
            }
            _ => {
                if let Some(register) = serial_register(port) {
                    self.console.write(register, value);
                }
            }
        }
    }

    fn read_memory(&self, address: u64, data: &mut [u8]) {
        match offset(address) {
            Some(offset) => self.devices.read(offset, data),
            None => data.fill(0xff),
        }
    }

    fn write_memory(&self, address: u64, data: &[u8]) {
        if let Some(offset) = offset(address) {
            self.devices.write(offset, data);
        }
    }
}

/// From the start of the devices' window.
fn offset(address: u64) -> Option<u64> {
    address.checked_sub(DEVICES_BASE).filter(|offset| *offset < DEVICES_BYTES)
}

fn serial_register(port: u16) -> Option<u8> {
    let register = port.checked_sub(SERIAL_PORT)?;
    u8::try_from(register).ok().filter(|_| register < SERIAL_REGISTERS)
}
