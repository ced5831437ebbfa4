//! One Pod: look at its containers, decide what may run, do it, tell its status.
//!
//! ```text
//!   Pod object ─┐
//!   containers ─┼─► look ─► plan (pure) ─► carry out ─► status (pure) ─► patch, if changed
//!   probes ─────┘                            │
//!                                            └─► launch, stop, probes: news comes back to the next look
//! ```

pub(crate) mod enter;
pub(crate) mod plan;
pub(crate) mod probe;
pub(crate) mod sandbox;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod worker;
