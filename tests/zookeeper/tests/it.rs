//! `klamm zookeeper` beside Apache ZooKeeper: the same requests, the same clients, the same Kafka.
//!
//! Runs real processes; `cargo build -p klamm` first.

#[cfg(test)]
mod clients;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod kafka;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod random;
#[cfg(test)]
mod secured;
