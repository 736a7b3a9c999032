//! What editors can ask: one file for each feature, a pure function of a snapshot, a document and a place.
//!
//! Everything here returns protocol types and knows neither messages nor threads. A place in a half-typed file has an
//! answer too, if only an empty one; nothing here fails.

pub mod diagnostics;
pub mod hover;
pub mod locate;
pub mod pull;
