//! Rounds and medians; time and memory of processes.

use std::process::{Command, Stdio};
use std::time::Instant;

/// The middle of some values; the mean of the middle two of an even number.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "no rounds were measured");
    values.sort_by(f64::total_cmp);
    // One value of an odd number, two of an even one.
    let middle = values.iter().skip((values.len() - 1) / 2).take(2 - values.len() % 2);
    middle.clone().sum::<f64>() / middle.map(|_| 1.0).sum::<f64>()
}

/// Milliseconds that something takes.
pub(crate) fn milliseconds<T>(action: impl FnOnce() -> T) -> (f64, T) {
    let begun = Instant::now();
    let result = action();
    (begun.elapsed().as_secs_f64() * 1_000.0, result)
}

/// The median milliseconds of a whole process, from its start to its end, output thrown away.
pub(crate) fn process_milliseconds(rounds: usize, mut command: impl FnMut() -> Command) -> f64 {
    let round = |_| {
        let mut command = command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (elapsed, status) = milliseconds(|| command.status().expect("the command starts"));
        assert!(status.success(), "{command:?}: {status}");
        elapsed
    };
    median((0..rounds).map(round).collect())
}

/// The most memory a process ever had resident, in MiB. Asked of the kernel again and again until it is gone, since
/// the value only grows; what it needs in its very last moment may be missed.
pub(crate) fn peak_memory_mebibytes(command: &mut Command) -> f64 {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the command starts");
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_kibibytes = 0.0_f64;
    while child.try_wait().expect("its end can be waited for").is_none() {
        let status = std::fs::read_to_string(&status_file).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let value = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
        peak_kibibytes = peak_kibibytes.max(value.unwrap_or(0.0));
    }
    peak_kibibytes / 1_024.0
}
