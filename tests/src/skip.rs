//! How a test says that it could not be done here. Never silent: `tests/run` counts these lines.

/// Prints the line that counts as one skipped test. The caller returns right after.
#[expect(clippy::print_stdout, reason = "the test runner's log is where skips are counted")]
pub fn skipped(test: &str, reason: &str) {
    println!("SKIPPED: {test}: {reason}");
}
