//! Features on small trees: a tree with a cursor in, text out.

mod actions;
mod every_offset;
mod naming;
mod refactorings;
mod shape;
mod typing;
