//! Images that tests build themselves: a root of static programs, layers as archives, layouts, and a real registry.

pub mod layout;
pub mod registry;
pub mod root;
