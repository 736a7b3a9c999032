//! What this process keeps in memory without needing it: pages of the program that only its start touched, and what the
//! allocator holds back.
//!
//! Knows nothing of what the program does.

use rustix::mm::{Advice, madvise};
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

/// Bytes of a page.
const PAGE_BYTES: usize = 4096;

/// Has all threads take memory from one heap instead of one for each of them: for a process whose threads seldom ask for any.
pub(crate) fn share_one_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two integers. That it is called while there is one thread costs nothing to promise: later calls
    // are allowed too.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives back to the system what was freed, and lets go of the program's and its libraries' code and constants: what is used
/// again is found again where the system keeps files.
pub(crate) fn let_go() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim only touches memory that the allocator holds back.
    unsafe {
        libc::malloc_trim(0);
    }
    // SAFETY: the function is called with what the linker says of each loaded object and keeps nothing of it.
    unsafe { libc::dl_iterate_phdr(Some(let_go_of_object), null_mut()) };
}

/// Of one loaded object.
unsafe extern "C" fn let_go_of_object(
    object: *mut libc::dl_phdr_info,
    _bytes: usize,
    _nothing: *mut c_void,
) -> c_int {
    // SAFETY: the linker hands over a live description for the time of this call.
    let object = unsafe { &*object };
    if object.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: it has so many headers, which live as long as the object is loaded.
    let headers =
        unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
    for header in headers {
        if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0 {
            let_go_of_segment(object.dlpi_addr as usize, header);
        }
    }
    0
}

/// Of one that nobody may write.
fn let_go_of_segment(base: usize, header: &libc::Elf64_Phdr) {
    let (Ok(place), Ok(bytes)) = (usize::try_from(header.p_vaddr), usize::try_from(header.p_memsz))
    else {
        return;
    };
    let start = base.wrapping_add(place);
    let first = start - start % PAGE_BYTES;
    let length = (start - first + bytes).next_multiple_of(PAGE_BYTES);
    // SAFETY: the range is a segment that the linker mapped from a file, privately and not writable. Position-independent
    // programs have nothing to relocate there (linkers refuse that: `-z text`), so its pages are those of the file, and whoever
    // touches one again finds the same there. A refusal leaves everything as it is.
    let _ =
        unsafe { madvise(std::ptr::without_provenance_mut(first), length, Advice::LinuxDontNeed) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So that there is a relocated table: those must stay.
    static TABLE: [fn(&str) -> String; 2] = [str::to_uppercase, str::to_lowercase];

    #[test]
    fn the_program_goes_on_as_it_was() {
        let words = vec!["word".to_owned(); 10_000];
        drop(words.clone());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let_go();
                        let told: Vec<_> = TABLE.iter().map(|change| change("Word")).collect();
                        assert_eq!(told, ["WORD", "word"]);
                        assert!(words.iter().all(|word| word == "word"));
                    }
                });
            }
        });
    }
}
