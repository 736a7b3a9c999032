//! What machines reach: which network they get here, and what the user should know of it.

use super::identities::program;
use crate::agent::protocol::Network;

/// Which network machines get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkChoice {
    /// Their own loopback interface, nothing else.
    #[default]
    None,
    /// Other machines, through pasta where that is installed and works; never services on this host's loopback.
    Automatic,
    /// The same, and nothing runs where pasta is not installed.
    Pasta,
    /// The host's network, with everything that listens there.
    Host,
}

/// The program that leads out.
const PROGRAM: &str = "pasta";

/// How to get it.
const MISSING: &str = "`pasta` is not installed (package `passt`)";

impl NetworkChoice {
    /// What a machine is told, and what the user is told; `Err` says what is missing.
    pub(super) fn resolve(self) -> Result<(Network, Option<String>), String> {
        let found = program(PROGRAM).and_then(|path| path.to_str().map(str::to_owned));
        match (self, found) {
            (Self::None, _) => Ok((Network::Loopback, None)),
            (Self::Host, _) => Ok((
                Network::Host,
                Some(
                    "steps use this machine's own network (`--network host`) and reach everything that listens on it"
                        .to_owned(),
                ),
            )),
            (Self::Automatic | Self::Pasta, Some(program)) => Ok((
                Network::Outbound { program },
                Some(
                    "steps reach other machines through pasta, and nothing on this machine's loopback; `--network none` \
                     shuts them in"
                        .to_owned(),
                ),
            )),
            (Self::Automatic, None) => Ok((
                Network::Loopback,
                Some(format!(
                    "steps reach no other machine: {MISSING}; `--network host` gives them this machine's own network"
                )),
            )),
            (Self::Pasta, None) => Err(format!(
                "{MISSING}: install it, or choose `--network none` or `--network host`"
            )),
        }
    }
}
