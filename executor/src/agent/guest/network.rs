//! Addresses of the machine's network card.

use super::super::protocol::GuestNetwork;
use crate::sys::{Interface, add_default_route, set_interface_address};
use rustix::net::{AddressFamily, SocketType, socket};
use std::fs;
use std::os::fd::AsFd;

/// The lines of `resolv.conf`.
pub(super) fn name_servers(network: Option<&GuestNetwork>) -> String {
    match network {
        None => "nameserver 1.1.1.1\nnameserver 8.8.4.4\n".to_owned(),
        Some(network) => format!("nameserver {}\n", network.name_server),
    }
}

/// Gives the card its addresses. Returns what is in the way: without, the machine goes on alone.
pub(super) fn set_up(network: &GuestNetwork) -> Result<(), String> {
    let name = first_card().ok_or("the machine has no network card")?;
    let interface = Interface::named(&name).ok_or("the network card has an impossible name")?;
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None);
    let socket = socket.map_err(|error| format!("cannot make a socket: {error}"))?;
    set_interface_address(socket.as_fd(), &interface, network.address, network.prefix)
        .map_err(|error| format!("cannot give the network card its address: {error}"))?;
    add_default_route(socket.as_fd(), network.gateway)
        .map_err(|error| format!("cannot set the way to other machines: {error}"))
}

/// The card is the interface that has hardware behind it.
fn first_card() -> Option<String> {
    let entries = fs::read_dir("/sys/class/net").ok()?;
    let cards = entries.flatten().filter(|entry| entry.path().join("device").exists());
    cards.filter_map(|entry| entry.file_name().into_string().ok()).min()
}
