//! The client against real Apache Kafka, and its codec against Kafka's own.
//!
//! One two-node cluster is started for the whole binary. `KLAMM_KAFKA_HOME` names a directory with Kafka's `libs/`;
//! without it Maven fetches the jars once into the target directory. A JDK 17 or newer is needed.

#[cfg(test)]
#[path = "it/admin.rs"]
mod admin;
#[cfg(test)]
#[path = "it/codec.rs"]
mod codec;
#[cfg(test)]
#[path = "it/data.rs"]
mod data;
#[cfg(test)]
#[path = "it/jars.rs"]
mod jars;
#[cfg(test)]
#[path = "it/kafka.rs"]
mod kafka;
#[cfg(test)]
#[path = "it/places.rs"]
mod places;
#[cfg(test)]
#[path = "it/quorum.rs"]
mod quorum;
#[cfg(test)]
#[path = "it/security.rs"]
mod security;
