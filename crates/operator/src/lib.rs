//! The operator's loops: look → decide → act → tell.

pub mod certificates;
pub mod error;
