//! Small C programs that look at files in ways bash can't: through a memory map, by descriptor, at an offset.

use layerc_tests::layerc::Outcome;
use layerc_tests::repository::Repository;
use std::process::Command;

/// Maps a file and sums its bytes, never calling read.
const MAP: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
int main(int count, char **words) {
    int file = open(words[1], O_RDONLY);
    struct stat status;
    if (count < 2 || file < 0 || fstat(file, &status)) return 2;
    unsigned char *bytes = mmap(0, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) return 3;
    long sum = 0;
    for (long i = 0; i < status.st_size; i++) sum += bytes[i];
    printf("%ld\n", sum);
    return 0;
}
"#;

/// Reads four bytes at an offset with pread.
const AT_OFFSET: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(int count, char **words) {
    char bytes[4];
    int file = open(words[1], O_RDONLY);
    if (count < 2 || file < 0 || pread(file, bytes, 4, 1) < 0) return 2;
    return fwrite(bytes, 1, 4, stdout) == 4 ? 0 : 3;
}
"#;

/// Opens a directory, then a file relative to it by descriptor.
const BY_DESCRIPTOR: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(int count, char **words) {
    char byte;
    int directory = open(words[1], O_RDONLY | O_DIRECTORY);
    int file = openat(directory, words[2], O_RDONLY);
    if (count < 3 || file < 0 || read(file, &byte, 1) != 1) return 2;
    putchar(byte);
    return 0;
}
"#;

/// Hands a file to a pipe with sendfile: the kernel reads, the program never does.
const SEND_FILE: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <unistd.h>
int main(int count, char **words) {
    int file = open(words[1], O_RDONLY);
    if (count < 2 || file < 0) return 2;
    while (sendfile(1, file, 0, 65536) > 0) {}
    return 0;
}
"#;

/// Builds the programs into `bin/` of the repository.
pub(crate) fn add(repository: &Repository) -> Result<(), String> {
    for (name, source) in [
        ("map", MAP),
        ("at-offset", AT_OFFSET),
        ("by-descriptor", BY_DESCRIPTOR),
        ("send-file", SEND_FILE),
    ] {
        let file = format!("source/{name}.c");
        repository.write(&file, source);
        repository.write(&format!("bin/{name}"), "");
        let built = Outcome::of(
            Command::new("gcc")
                .args(["-O1", "-o"])
                .arg(repository.join(&format!("bin/{name}")))
                .arg(repository.join(&file)),
        );
        if !built.status.success() {
            return Err(format!("gcc could not build {name}\n{}", built.everything()));
        }
    }
    Ok(())
}
