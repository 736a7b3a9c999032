//! What guests reach: other machines through passt, or nothing. The card is always there, so that a machine which was
//! kept with one can go on without, and the other way round.

use crate::agent::protocol::GuestNetwork;
use crate::backend::BackendError;
use crate::kvm::devices::network::{GUEST_NETWORK, HARDWARE_ADDRESS, NetworkPart, Passt};
use crate::overlay::NetworkChoice;
use crate::overlay::failure::Doing;
use crate::overlay::identities::program;
use std::os::unix::net::UnixStream;

/// The program that leads out.
const PROGRAM: &str = "passt";

/// The other end of a card, as long as the machine lives.
#[derive(Debug)]
#[expect(dead_code, reason = "held for as long as the machine lives")]
pub(super) enum Outside {
    /// Nobody is there.
    Nobody(UnixStream),
    /// Other machines.
    Passt(Passt),
}

/// A card and what is behind it.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) part: NetworkPart,
    pub(super) outside: Outside,
    /// What the guest is told.
    pub(super) told: Option<GuestNetwork>,
    /// What the user is told.
    pub(super) note: Option<String>,
}

/// A card for this choice.
pub(super) fn card(choice: NetworkChoice) -> Result<Card, BackendError> {
    let missing = "`passt` is not installed (package `passt`)";
    match (choice, program(PROGRAM)) {
        (NetworkChoice::Host, _) => Err(BackendError::Unavailable(
            "a virtual machine has a network of its own: choose `--network none` or `--network pasta`, or run with \
             `--executor overlay`"
                .to_owned(),
        )),
        (NetworkChoice::Pasta, None) => Err(BackendError::Unavailable(format!(
            "{missing}: install it, or choose `--network none`"
        ))),
        (NetworkChoice::None, _) => silent(None),
        (NetworkChoice::Automatic, None) => {
            silent(Some(format!("steps reach no other machine: {missing}")))
        }
        (NetworkChoice::Automatic | NetworkChoice::Pasta, Some(program)) => {
            let started = Passt::start(&program);
            let (passt, part) = started.doing(|| format!("start {}", program.display()))?;
            let note = "steps reach other machines through passt, and nothing on this machine's loopback; \
                        `--network none` shuts them in";
            Ok(Card {
                part,
                outside: Outside::Passt(passt),
                told: Some(GUEST_NETWORK),
                note: Some(note.to_owned()),
            })
        }
    }
}

fn silent(note: Option<String>) -> Result<Card, BackendError> {
    let (ours, theirs) = UnixStream::pair().doing(|| "make a network card".to_owned())?;
    let part = NetworkPart { hardware_address: HARDWARE_ADDRESS, stream: theirs };
    Ok(Card { part, outside: Outside::Nobody(ours), told: None, note })
}
