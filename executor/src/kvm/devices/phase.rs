//! How far a driver has come with a device: the status register as a closed state machine.
//!
//! Knows the order in which a driver must proceed (virtio 1.2, 3.1.1), not what the steps mean for a device.

use serde::{Deserialize, Serialize};
use virtio_bindings::virtio_config::{
    VIRTIO_CONFIG_S_ACKNOWLEDGE, VIRTIO_CONFIG_S_DRIVER, VIRTIO_CONFIG_S_DRIVER_OK,
    VIRTIO_CONFIG_S_FAILED, VIRTIO_CONFIG_S_FEATURES_OK, VIRTIO_CONFIG_S_NEEDS_RESET,
};

const ACKNOWLEDGED: u32 = VIRTIO_CONFIG_S_ACKNOWLEDGE;
const DRIVER: u32 = ACKNOWLEDGED | VIRTIO_CONFIG_S_DRIVER;
const FEATURES_OK: u32 = DRIVER | VIRTIO_CONFIG_S_FEATURES_OK;
const RUNNING: u32 = FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;

/// Where a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// As at power on.
    Reset,
    /// The driver's system has seen it.
    Acknowledged,
    /// A driver knows how to drive it.
    Driver,
    /// They agreed on features; queues are being set up.
    FeaturesOk,
    /// It works.
    Running,
    /// The driver did something no driver may do; nothing works until it resets the device.
    NeedsReset,
    /// The driver gave up.
    Failed,
}

/// What a write to the status register asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Begin anew.
    Reset,
    /// Go to this phase, if the device agrees.
    To(Phase),
    /// Nothing: the value is there already, or no driver may write it now.
    Nothing,
}

impl Phase {
    /// The register's value.
    pub(super) const fn status(self) -> u32 {
        match self {
            Self::Reset => 0,
            Self::Acknowledged => ACKNOWLEDGED,
            Self::Driver => DRIVER,
            Self::FeaturesOk => FEATURES_OK,
            Self::Running => RUNNING,
            Self::NeedsReset => RUNNING | VIRTIO_CONFIG_S_NEEDS_RESET,
            Self::Failed => DRIVER | VIRTIO_CONFIG_S_FAILED,
        }
    }

    /// What writing `value` means now. Bits are only ever added, one after the other.
    pub(super) const fn step(self, value: u32) -> Step {
        if value == 0 {
            return Step::Reset;
        }
        if value & VIRTIO_CONFIG_S_FAILED != 0 {
            return Step::To(Self::Failed);
        }
        match (self, value) {
            (Self::Reset, ACKNOWLEDGED) => Step::To(Self::Acknowledged),
            (Self::Acknowledged, DRIVER) => Step::To(Self::Driver),
            (Self::Driver, FEATURES_OK) => Step::To(Self::FeaturesOk),
            (Self::FeaturesOk, RUNNING) => Step::To(Self::Running),
            _ => Step::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Phase, Step};

    #[test]
    fn a_driver_goes_step_by_step_and_can_always_begin_anew() {
        let way =
            [Phase::Reset, Phase::Acknowledged, Phase::Driver, Phase::FeaturesOk, Phase::Running];
        for (index, phase) in way.into_iter().enumerate() {
            for (other, next) in way.into_iter().enumerate() {
                let expected = match other {
                    0 => Step::Reset,
                    _ if other == index + 1 => Step::To(next),
                    _ => Step::Nothing,
                };
                assert_eq!(phase.step(next.status()), expected, "{phase:?} to {next:?}");
            }
            assert_eq!(phase.step(Phase::Failed.status()), Step::To(Phase::Failed));
        }
        assert_eq!(Phase::NeedsReset.step(Phase::Running.status()), Step::Nothing);
        assert_eq!(Phase::NeedsReset.step(0), Step::Reset);
    }
}
