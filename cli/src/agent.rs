//! The agent of virtual machines as a program of its own, an eighth as large as `layerc`, which can be the agent too and takes this one
//! where it lies beside it.
//!
//! Started by anybody else it says what it was built from, and ends.

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> io::Result<ExitCode> {
    if let Some(code) = layerc_executor::agent::run_if_agent() {
        return Ok(code);
    }
    io::stdout().write_all(layerc_executor::kvm::guest::description()?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
