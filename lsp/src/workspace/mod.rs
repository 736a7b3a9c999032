//! What the server knows: repositories, open documents over disk, and immutable pictures of both.
//!
//! ```text
//! State (edits, files, settings) ─► Snapshot ─► Repository ─► Document ─► analysis
//!                                                   └─► linked project ─► plan
//! ```
//!
//! A [`Snapshot`] never changes, so that any number of requests may work on it while edits go on. What is costly is
//! computed when it is first asked for, and once. Knows texts and positions, nothing of messages.

mod differences;
pub mod document;
pub mod embedded;
pub mod graph;
pub mod position;
pub mod repository;
pub mod settings;
pub mod snapshot;
pub mod state;
mod tree;
pub mod uri;
pub mod variables;

pub use document::Document;
pub use position::PositionEncoding;
pub use repository::Repository;
pub use settings::Settings;
pub use snapshot::{FileView, Snapshot};
pub use state::State;
