//! Tests of the resources against facts about Strimzi's.

#[cfg(test)]
#[path = "it/definitions.rs"]
mod definitions;
#[cfg(test)]
#[path = "it/examples.rs"]
mod examples;
#[cfg(test)]
#[path = "it/facts.rs"]
mod facts;
#[cfg(test)]
#[path = "it/shared.rs"]
mod shared;
