//! Log levels.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::metrics::ConfigMapReference;

/// Log levels.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Logging {
    /// `inline`, from `loggers`; or `external`, from a `ConfigMap`.
    #[serde(rename = "type")]
    pub kind: LoggingType,
    /// Logger to level, such as `rootLogger.level: INFO`.
    pub loggers: Option<BTreeMap<String, String>>,
    /// With type `external`: the `ConfigMap` that holds a Log4j configuration.
    pub value_from: Option<ConfigMapReference>,
}

/// Where log levels come from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LoggingType {
    /// From the resource itself.
    Inline,
    /// From a `ConfigMap`.
    External,
}
