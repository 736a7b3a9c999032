//! What of a program's file is needed to run it: kernel and loader read what the program's headers name and nothing behind
//! that, where names for debuggers are. A release of this program is a fifth shorter without them, and a guest's kernel copies
//! every byte of its archive more than once.

/// Offsets in the header of a 64-bit ELF file (System V ABI, "ELF Header"): where program headers begin, where section headers
/// begin, how many program headers there are.
const PROGRAM_HEADERS: usize = 32;
const HEADER_COUNT: usize = 56;

/// Bytes of a program header, and offsets in it: where its bytes begin in the file, and how many they are.
const HEADER_BYTES: usize = 56;
const OFFSET: usize = 8;
const LENGTH: usize = 32;

/// The beginning of the file up to its last byte that is loaded; all of it if that can't be told.
pub(super) fn what_runs(file: &[u8]) -> &[u8] {
    end_of_loaded(file).and_then(|end| file.get(..end)).unwrap_or(file)
}

fn end_of_loaded(file: &[u8]) -> Option<usize> {
    // 64 bits, least byte first.
    file.strip_prefix(b"\x7fELF\x02\x01")?;
    let start = number(file, PROGRAM_HEADERS)?;
    let count = u16::from_le_bytes(*file.get(HEADER_COUNT..)?.first_chunk()?);
    let headers = start.checked_add(usize::from(count).checked_mul(HEADER_BYTES)?)?;
    let mut end = headers;
    for header in file.get(start..headers)?.chunks_exact(HEADER_BYTES) {
        end = end.max(number(header, OFFSET)?.checked_add(number(header, LENGTH)?)?);
    }
    (count > 0).then_some(end)
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u64::from_le_bytes(*bytes)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    #[test]
    fn a_program_runs_without_what_is_cut_off() {
        let place = tempfile::tempdir().unwrap();
        let program = place.path().join("program");
        // One that tests never lack, and that has names for debuggers: this one.
        let whole = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let part = what_runs(&whole);
        assert!(part.len() < whole.len(), "{} of {}", part.len(), whole.len());
        std::fs::write(&program, part).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let listed = Command::new(&program).arg("--list").output().unwrap();
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(text.contains("a_program_runs_without_what_is_cut_off"), "{text}");
    }

    #[test]
    fn what_is_no_program_is_left_whole() {
        let mut headerless = b"\x7fELF\x02\x01".to_vec();
        headerless.resize(64, 0);
        let mut endless = headerless.clone();
        endless[PROGRAM_HEADERS] = 64;
        endless[HEADER_COUNT] = 1;
        endless.resize(64 + HEADER_BYTES, 0xff);
        let cases = [b"#!/bin/sh\n".to_vec(), b"\x7fELF\x02\x01".to_vec(), headerless, endless];
        for file in cases {
            assert_eq!(what_runs(&file), file);
        }
    }
}
