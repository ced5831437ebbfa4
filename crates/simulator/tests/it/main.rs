//! Stories, faults and properties of the planner, in the simulated world.

mod faults;
mod properties;
mod recorder;
mod stories;

/// How much is tried: everything with `KLAMM_CAMPAIGN=1`, else what fits into a minute.
#[expect(
    clippy::disallowed_methods,
    reason = "the one switch of the proof, not of what is proved"
)]
fn is_campaign() -> bool {
    std::env::var("KLAMM_CAMPAIGN").is_ok_and(|value| value == "1")
}
