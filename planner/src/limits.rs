//! The named limits of a plan. Building obeys them, so that whatever was built can be written and read again;
//! decoding enforces them, so that a hostile file can't cost more than this.

/// A plan file, header included: 256 MiB. A 10,000-step plan is about 1 MiB.
pub const MAX_FILE_BYTES: usize = 256 << 20;

/// Layerfiles in one plan. The largest public repository has fewer than fifty.
pub const MAX_LAYERFILES: usize = 100_000;

/// Nodes in one plan: one million, less than 256 bytes each in memory.
pub const MAX_NODES: usize = 1_000_000;

/// Edges in one plan: four million, 24 bytes each in memory. WAIT of everything on everything gets here first.
pub const MAX_EDGES: usize = 4_000_000;

/// One string: a command, a path, a name. 1 MiB; the longest public command is below 20 KiB.
pub const MAX_STRING_BYTES: usize = 1 << 20;

/// Entries of one list: sources of a COPY, pairs of an ENV, nodes of a path, variables of a file.
pub const MAX_LIST_ENTRIES: usize = MAX_NODES;
