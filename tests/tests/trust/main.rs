//! What a team has to be able to rely on: that secrets stay secret, that many runs at once share a store, and that what
//! happens behind a step's back is told. Through the built command, on real machines.

mod background;
mod concurrent;
mod disk;
mod memory;
mod secrets;
