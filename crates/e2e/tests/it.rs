//! Stories on real Apache Kafka, told as a user would live them: through `klamm`, `kcat`, Python and Kafka's own tools.
//!
//! They run one after the other: each wants the whole machine.

#[cfg(test)]
mod support;

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod by_turns;
#[cfg(test)]
mod disks;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod first_light;
#[cfg(test)]
mod format;
#[cfg(test)]
mod homes;
#[cfg(test)]
mod kube_apiserver;
#[cfg(test)]
mod metadata_store;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod running_changes;
#[cfg(test)]
mod runtimes;
#[cfg(test)]
mod security;
#[cfg(test)]
mod trouble;
