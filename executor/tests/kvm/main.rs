//! Virtual machines, on a real KVM: that of this machine where the processor has it, otherwise that of the lab
//! (`tests/kvm-lab/lab`), which runs this same program again.
//!
//! Where neither can be had, that is told in a line that begins with SKIPPED:.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails must stop")]

#[cfg(target_arch = "x86_64")]
mod cases;
#[cfg(target_arch = "x86_64")]
mod guest;
#[cfg(target_arch = "x86_64")]
mod place;
#[cfg(target_arch = "x86_64")]
mod printed;
#[cfg(target_arch = "x86_64")]
mod tiny;

#[cfg(target_arch = "x86_64")]
fn main() -> std::process::ExitCode {
    if let Some(code) = layerc_executor::agent::run_if_agent() {
        return code;
    }
    if let Some(place) = std::env::var_os(cases::processes::HOLD) {
        cases::processes::hold_a_machine(place.as_ref());
    }
    let arguments = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&arguments, place::trials()).exit_code()
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("SKIPPED: virtual machines: only on x86-64");
}
