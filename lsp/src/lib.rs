//! Editor service over the compiler and the planner. Nothing here yet: the README says so.
