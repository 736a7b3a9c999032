//! Trees of Layerfiles in memory, for the tests of features.
