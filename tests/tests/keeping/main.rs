//! What a run keeps for later ones, through the built command on real machines.

mod caches;
mod clones;
mod repeatable;
mod steps;
mod store_files;
