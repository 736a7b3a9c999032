//! What a run keeps for later ones, through the built command on real machines.

mod steps;
