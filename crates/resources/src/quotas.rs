//! Limits of clients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Limits of clients.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quotas {
    /// `kafka`: default quotas for each client; `strimzi`: limits for each broker by Strimzi's plug-in.
    #[serde(rename = "type")]
    pub kind: QuotasType,
    /// Bytes a second that may be produced.
    #[schemars(range(min = 0))]
    pub producer_byte_rate: Option<i64>,
    /// Bytes a second that may be consumed.
    #[schemars(range(min = 0))]
    pub consumer_byte_rate: Option<i64>,
    /// With type `kafka`: share of network and I/O threads that a client may use, in percent.
    #[schemars(range(min = 0))]
    pub request_percentage: Option<i32>,
    /// With type `kafka`: partitions a second that may be created or deleted.
    #[schemars(range(min = 0))]
    pub controller_mutation_rate: Option<f64>,
    /// With type `strimzi`: free bytes on any volume below which producing stops.
    #[schemars(range(min = 0))]
    pub min_available_bytes_per_volume: Option<i64>,
    /// With type `strimzi`: free share of any volume below which producing stops.
    #[schemars(range(min = 0, max = 1))]
    pub min_available_ratio_per_volume: Option<f64>,
    /// With type `strimzi`: principals without limits.
    pub excluded_principals: Option<Vec<String>>,
}

/// Who enforces quotas.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum QuotasType {
    /// Kafka itself, for each client.
    Kafka,
    /// Strimzi's plug-in, for each broker.
    Strimzi,
}
