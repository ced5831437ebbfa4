//! The operator's loops: look → decide → act → tell.

pub mod certificates;
pub mod clock;
pub mod error;
pub mod faults;
pub mod metrics;
pub mod permit;
pub mod recorder;
