//! A guest of a dozen instructions, for what doesn't depend on what runs: even a host that emulates ring 0 runs it. It
//! counts in its memory and prints a letter for each number, for ever.

use layerc_executor::kvm::process::{HandedDevice, MachineProcess, Nursery, Starting};
use layerc_executor::kvm::{BootFiles, Output};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::guest::shape;
use crate::printed::Printed;

/// Longest wait for a letter.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the program is, the first address behind what firmware has.
const ADDRESS: u64 = 0x10_0000;

/// ```text
///        mov edx, 0x3f8
/// again: mov eax, [0x300000]
///        inc eax
///        mov [0x300000], eax
///        and al, 15
///        add al, 'a'
///        out dx, al
///        mov ecx, 2000
/// wait:  dec ecx
///        jnz wait
///        jmp again
/// ```
const PROGRAM: [u8; 37] = [
    0xba, 0xf8, 0x03, 0, 0, 0x8b, 0x04, 0x25, 0, 0, 0x30, 0, 0xff, 0xc0, 0x89, 0x04, 0x25, 0, 0,
    0x30, 0, 0x24, 0x0f, 0x04, 0x61, 0xee, 0xb9, 0xd0, 0x07, 0, 0, 0xff, 0xc9, 0x75, 0xfc, 0xeb,
    0xe0,
];

/// The program as the file of a kernel: headers for one loaded part.
fn kernel() -> Vec<u8> {
    const HEADERS: u64 = 64 + 56;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    for value in [ADDRESS, 64, 0] {
        file.extend(value.to_le_bytes());
    }
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    let length = PROGRAM.len() as u64;
    for value in [HEADERS, ADDRESS, ADDRESS, length, length, 4096] {
        file.extend(value.to_le_bytes());
    }
    file.extend(PROGRAM);
    file
}

/// What it printed so far.
#[derive(Clone, Default)]
pub(crate) struct Letters(Printed);

impl Letters {
    pub(crate) fn output(&self) -> Output {
        self.0.output()
    }

    /// Waits for so many more; answers the first of them.
    pub(crate) fn more(&self, count: usize) -> u8 {
        let until = Instant::now() + PATIENCE;
        let before = self.0.text().len();
        self.0.wait(|letters| {
            let found = letters.len() >= before + count;
            assert!(found || Instant::now() < until, "no letters come");
            found.then(|| letters.as_bytes()[before])
        })
    }

    /// All of them, each the one after the one before.
    pub(crate) fn all_in_order(&self) -> Vec<u8> {
        let letters = self.0.text().into_bytes();
        for pair in letters.windows(2) {
            assert_eq!((pair[0] - b'a' + 1) % 16, pair[1] - b'a', "{letters:?}");
        }
        letters
    }
}

/// Where the processes of this program's machines come from.
pub(crate) fn nursery() -> &'static Nursery {
    static NURSERY: OnceLock<Nursery> = OnceLock::new();
    NURSERY.get_or_init(|| Nursery::new(&std::env::current_exe().unwrap()))
}

/// Boots it in a process of its own.
pub(crate) fn boot(directory: &Path, devices: Vec<HandedDevice>) -> (MachineProcess, Letters) {
    boot_from(nursery(), directory, devices)
}

/// The same from another nursery.
pub(crate) fn boot_from(
    nursery: &Nursery,
    directory: &Path,
    devices: Vec<HandedDevice>,
) -> (MachineProcess, Letters) {
    let (path, letters) = (directory.join("kernel"), Letters::default());
    std::fs::write(&path, kernel()).unwrap();
    let files = BootFiles { kernel: &path, initramfs: None, command_line: "" };
    let starting = Starting::new(nursery, letters.output());
    let process = MachineProcess::boot(starting, shape(16, 1), &files, devices).unwrap();
    (process, letters)
}
