//! The registers of a virtio device on a memory-mapped bus, version 2 (virtio 1.2, 4.2.2): names for offsets.
//!
//! Knows no values but the two that never change.

/// Bytes that one device takes of the bus.
pub const REGION_BYTES: u64 = 0x1000;

/// Where the configuration of the device's kind begins.
pub(super) const CONFIGURATION_OFFSET: u64 = 0x100;

/// "virt".
pub(super) const MAGIC: u32 = 0x7472_6976;

/// Of the register layout.
pub(super) const LAYOUT_VERSION: u32 = 2;

/// Which half of a 64-bit value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Low,
    High,
}

/// The three parts of a queue in the guest's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueuePart {
    Descriptors,
    /// What the driver offers.
    Available,
    /// What the device gives back.
    Used,
}

/// A register of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Register {
    Magic,
    LayoutVersion,
    DeviceKind,
    Vendor,
    DeviceFeatures,
    DeviceFeaturesSelect,
    DriverFeatures,
    DriverFeaturesSelect,
    QueueSelect,
    QueueSizeLimit,
    QueueSize,
    QueueReady,
    QueueNotify,
    InterruptStatus,
    InterruptAcknowledge,
    Status,
    QueueAddress(QueuePart, Half),
    /// Regions of memory shared with the device: there are none.
    SharedMemory,
    ConfigurationGeneration,
}

impl Register {
    /// The register at an offset in the device's region.
    pub(super) const fn at(offset: u64) -> Option<Self> {
        Some(match offset {
            0x000 => Self::Magic,
            0x004 => Self::LayoutVersion,
            0x008 => Self::DeviceKind,
            0x00c => Self::Vendor,
            0x010 => Self::DeviceFeatures,
            0x014 => Self::DeviceFeaturesSelect,
            0x020 => Self::DriverFeatures,
            0x024 => Self::DriverFeaturesSelect,
            0x030 => Self::QueueSelect,
            0x034 => Self::QueueSizeLimit,
            0x038 => Self::QueueSize,
            0x044 => Self::QueueReady,
            0x050 => Self::QueueNotify,
            0x060 => Self::InterruptStatus,
            0x064 => Self::InterruptAcknowledge,
            0x070 => Self::Status,
            0x080 => Self::QueueAddress(QueuePart::Descriptors, Half::Low),
            0x084 => Self::QueueAddress(QueuePart::Descriptors, Half::High),
            0x090 => Self::QueueAddress(QueuePart::Available, Half::Low),
            0x094 => Self::QueueAddress(QueuePart::Available, Half::High),
            0x0a0 => Self::QueueAddress(QueuePart::Used, Half::Low),
            0x0a4 => Self::QueueAddress(QueuePart::Used, Half::High),
            0x0b0..=0x0bc => Self::SharedMemory,
            0x0fc => Self::ConfigurationGeneration,
            _ => return None,
        })
    }
}
