//! What the operator thinks with.
//!
//! `observed` is what was seen. Reads: nothing; every value here is handed in. No I/O, no clock, no randomness.

pub mod observed;
