//! What the user says about Kafka's log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod level;

pub use level::Dialect;

/// Source of logger levels and appenders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Logging {
    /// The defaults.
    Default,
    /// Properties merged over the defaults.
    Inline {
        /// By name of the log4j2 property.
        loggers: BTreeMap<String, String>,
    },
    /// A whole log4j2 properties file from a `ConfigMap`.
    External(ConfigMapKey),
}

/// A key in a `ConfigMap` of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConfigMapKey {
    /// Name of the `ConfigMap`.
    pub name: String,
    /// The key in it.
    pub key: String,
}
