//! What can be measured from outside.

use serde::{Deserialize, Serialize};

use super::logging::ConfigMapKey;

/// Who serves Prometheus metrics on port 9404.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metrics {
    /// Nobody.
    None,
    /// The JMX exporter, configured by a `ConfigMap`.
    JmxExporter(ConfigMapKey),
    /// Strimzi's reporter inside Kafka.
    StrimziReporter {
        /// Regular expressions of metric names.
        allow_list: Vec<String>,
    },
}

/// Whether JMX is open to other Pods on port 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Jmx {
    /// It is not.
    Closed,
    /// To everybody.
    Open,
    /// To those who know the password in the JMX Secret.
    Password,
}
