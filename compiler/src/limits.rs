//! The named limits of the front end.

/// Bytes of one Layerfile. Offsets are 32 bits wide; nobody writes a Layerfile near this size.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Findings kept for one file. A person fixes the first ones; a generated file must not fill the memory.
pub const MAX_DIAGNOSTICS_PER_FILE: usize = 10_000;

/// Copies of one SPLIT. The largest public use is 30; every copy is a machine.
pub const MAX_SPLIT_COPIES: u32 = 1024;

/// Bytes that a regular expression of SKIP REMAINING IF may take when compiled.
pub const MAX_PATTERN_BYTES: usize = 1024 * 1024;

/// Bytes of a command whose bash syntax is checked. Longer ones are written by programs.
pub const MAX_SHELL_SCRIPT_BYTES: usize = 8 * 1024;

/// Brackets and compound commands of a command whose bash syntax is checked: each may double the time that takes.
pub const MAX_SHELL_BRACKETS: usize = 14;

/// `case` in a command whose bash syntax is checked: each may triple the time that takes.
pub const MAX_SHELL_CASES: usize = 4;
