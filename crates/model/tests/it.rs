//! Tests of the model against Strimzi's example manifests.

#[cfg(test)]
#[path = "it/examples.rs"]
mod examples;
