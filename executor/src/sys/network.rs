//! Network interfaces: bringing them up, giving them addresses, a way to other networks. Through the calls of old,
//! which take one structure each.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The name of an interface.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interface {
    name: [libc::c_char; libc::IFNAMSIZ],
}

impl Interface {
    /// `None` if no interface can have it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut place = [0; libc::IFNAMSIZ];
        if name.is_empty() || name.len() >= place.len() {
            return None;
        }
        for (place, byte) in place.iter_mut().zip(name.bytes()) {
            *place = libc::c_char::from_ne_bytes([byte]);
        }
        Some(Self { name: place })
    }

    /// A request about it, otherwise empty.
    fn request(&self) -> libc::ifreq {
        // SAFETY: ifreq is plain data of integers, arrays and a union of such; all zeros is a valid value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        request.ifr_name = self.name;
        request
    }
}

/// Brings up `lo` in the network namespace that `socket` was made in.
pub(crate) fn bring_loopback_up(socket: BorrowedFd<'_>) -> io::Result<()> {
    let interface = Interface::named("lo").ok_or(io::ErrorKind::InvalidInput)?;
    bring_up(socket, &interface)
}

fn bring_up(socket: BorrowedFd<'_>, interface: &Interface) -> io::Result<()> {
    let mut request = interface.request();
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    call(socket, libc::SIOCSIFFLAGS, &request)
}

/// Gives an interface its address and brings it up.
pub(crate) fn set_interface_address(
    socket: BorrowedFd<'_>,
    interface: &Interface,
    address: Ipv4Addr,
    prefix: u8,
) -> io::Result<()> {
    let mut request = interface.request();
    request.ifr_ifru.ifru_addr = generic(address);
    call(socket, libc::SIOCSIFADDR, &request)?;
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
    request.ifr_ifru.ifru_netmask = generic(Ipv4Addr::from_bits(mask));
    call(socket, libc::SIOCSIFNETMASK, &request)?;
    bring_up(socket, interface)
}

/// Everything without another way goes through `gateway`.
pub(crate) fn add_default_route(socket: BorrowedFd<'_>, gateway: Ipv4Addr) -> io::Result<()> {
    // SAFETY: rtentry is plain data of integers and pointers that may be null; all zeros is a valid value.
    let mut route: libc::rtentry = unsafe { std::mem::zeroed() };
    route.rt_dst = generic(Ipv4Addr::UNSPECIFIED);
    route.rt_genmask = generic(Ipv4Addr::UNSPECIFIED);
    route.rt_gateway = generic(gateway);
    route.rt_flags = libc::RTF_UP | libc::RTF_GATEWAY;
    match call(socket, libc::SIOCADDRT, &route) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

/// An internet address as the structures have it: family, port, then four bytes.
fn generic(address: Ipv4Addr) -> libc::sockaddr {
    // SAFETY: sockaddr is plain data of integers; all zeros is a valid value.
    let mut generic: libc::sockaddr = unsafe { std::mem::zeroed() };
    generic.sa_family = libc::AF_INET as libc::sa_family_t;
    for (place, byte) in generic.sa_data.iter_mut().skip(2).zip(address.octets()) {
        *place = libc::c_char::from_ne_bytes([byte]);
    }
    generic
}

/// Makes a call that reads one structure. Only for requests of this file, each with the structure it takes.
fn call<T>(socket: BorrowedFd<'_>, request: libc::c_ulong, argument: &T) -> io::Result<()> {
    // SAFETY: every request of this file reads one T from the pointer, which is valid and initialised for the call, and
    // writes nothing.
    let answer =
        unsafe { libc::ioctl(socket.as_raw_fd(), request as _, std::ptr::from_ref(argument)) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
