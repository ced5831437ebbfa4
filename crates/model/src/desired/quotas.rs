//! Limits on what clients may use, for the whole cluster.

use serde::{Deserialize, Serialize};

/// Quotas of the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quotas {
    /// None.
    None,
    /// Kafka's default client quotas; set through Kafka's protocol, not in its properties.
    Kafka {
        /// Bytes per second and broker that a client may produce.
        producer_byte_rate: Option<f64>,
        /// Bytes per second and broker that a client may consume.
        consumer_byte_rate: Option<f64>,
        /// Percent of a broker's request time.
        request_percentage: Option<f64>,
        /// Partition creations, deletions per second.
        controller_mutation_rate: Option<f64>,
    },
    /// The quota plug-in, which stops producers before disks are full.
    Strimzi {
        /// Bytes per second and broker for all producers.
        producer_byte_rate: Option<i64>,
        /// Bytes per second and broker for all consumers.
        consumer_byte_rate: Option<i64>,
        /// Bytes that must stay free on each volume.
        min_available_bytes_per_volume: Option<i64>,
        /// Share of each volume that must stay free.
        min_available_ratio_per_volume: Option<f64>,
        /// Principals without limits.
        excluded_principals: Vec<String>,
    },
}
