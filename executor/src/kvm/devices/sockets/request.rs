//! Packets between guest and host: a header of 44 bytes (virtio 1.2, 5.10.6) and perhaps some of a stream's bytes.

/// The host's number.
pub(super) const HOST: u64 = 2;

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 44;

/// Most bytes of a stream in one packet, in either direction (Linux sends at most this many too).
pub(super) const MOST_PAYLOAD_BYTES: usize = 64 * 1024;

/// Streams; there are other kinds of sockets, which are refused.
const STREAM: u16 = 1;

/// What a packet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Request,
    Response,
    Reset,
    Shutdown,
    Payload,
    CreditUpdate,
    CreditRequest,
}

impl Operation {
    const fn number(self) -> u16 {
        match self {
            Self::Request => 1,
            Self::Response => 2,
            Self::Reset => 3,
            Self::Shutdown => 4,
            Self::Payload => 5,
            Self::CreditUpdate => 6,
            Self::CreditRequest => 7,
        }
    }

    const fn of(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Request,
            2 => Self::Response,
            3 => Self::Reset,
            4 => Self::Shutdown,
            5 => Self::Payload,
            6 => Self::CreditUpdate,
            7 => Self::CreditRequest,
            _ => return None,
        })
    }
}

/// Directions that a shutdown closes, as seen by its sender.
pub(super) mod closing {
    /// It takes nothing any more.
    pub(in super::super) const RECEIVING: u32 = 1;
    /// It sends nothing any more.
    pub(in super::super) const SENDING: u32 = 2;
    /// Both.
    pub(in super::super) const BOTH: u32 = 3;
}

/// A connection by the ports of its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ends {
    pub(super) host_port: u32,
    pub(super) guest_port: u32,
}

/// A packet without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) ends: Ends,
    pub(super) operation: Operation,
    /// Of the payload.
    pub(super) length: u32,
    /// Of a shutdown: what is closed.
    pub(super) flags: u32,
    /// Room that the sender has for this stream.
    pub(super) room: u32,
    /// Bytes of the stream that the sender has passed on, ever; wraps.
    pub(super) passed_on: u32,
}

/// Why a packet is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Nothing can be said about it.
    Unreadable,
    /// It is about this connection, but asks for what there isn't.
    Unsupported(Ends),
}

impl Header {
    /// The header as the host sends it to `guest`.
    pub(super) fn to_bytes(self, guest: u64) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let fields: [&[u8]; 10] = [
            &HOST.to_le_bytes(),
            &guest.to_le_bytes(),
            &self.ends.host_port.to_le_bytes(),
            &self.ends.guest_port.to_le_bytes(),
            &self.length.to_le_bytes(),
            &STREAM.to_le_bytes(),
            &self.operation.number().to_le_bytes(),
            &self.flags.to_le_bytes(),
            &self.room.to_le_bytes(),
            &self.passed_on.to_le_bytes(),
        ];
        for (place, byte) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *place = *byte;
        }
        bytes
    }

    /// A header that `guest` sent.
    pub(super) fn from_bytes(bytes: &[u8; HEADER_BYTES], guest: u64) -> Result<Self, Malformed> {
        let mut rest = bytes.as_slice();
        let (source, destination) = (take_u64(&mut rest), take_u64(&mut rest));
        let (guest_port, host_port) = (take_u32(&mut rest), take_u32(&mut rest));
        let ends = Ends { host_port, guest_port };
        let length = take_u32(&mut rest);
        let (kind, operation) = (take_u16(&mut rest), take_u16(&mut rest));
        let (flags, room, passed_on) =
            (take_u32(&mut rest), take_u32(&mut rest), take_u32(&mut rest));
        if source != guest || destination != HOST {
            return Err(Malformed::Unreadable);
        }
        let operation = Operation::of(operation).filter(|_| kind == STREAM);
        let operation = operation.ok_or(Malformed::Unsupported(ends))?;
        Ok(Self { ends, operation, length, flags, room, passed_on })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let Some((taken, left)) = rest.split_first_chunk() else { return [0; N] };
    *rest = left;
    *taken
}

fn take_u64(rest: &mut &[u8]) -> u64 {
    u64::from_le_bytes(take(rest))
}

fn take_u32(rest: &mut &[u8]) -> u32 {
    u32::from_le_bytes(take(rest))
}

fn take_u16(rest: &mut &[u8]) -> u16 {
    u16::from_le_bytes(take(rest))
}
