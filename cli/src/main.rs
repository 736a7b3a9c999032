//! The `layerc` command: arguments, terminal output and exit codes.

fn main() {}
