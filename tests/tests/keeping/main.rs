//! What a run keeps for later ones, through the built command on real machines.

mod bases;
mod caches;
mod clones;
mod clones_over_https;
mod others;
mod repeatable;
mod steps;
mod storage;
mod store_files;
