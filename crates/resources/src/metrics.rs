//! How metrics are given to Prometheus.

use k8s_openapi::api::core::v1::ConfigMapKeySelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::core_schema::core;

/// How metrics are given to Prometheus, on port 9404.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.type != 'jmxPrometheusExporter' || has(self.valueFrom)", "message": "valueFrom property is required"},
]))]
pub struct MetricsConfig {
    /// Prometheus' JMX exporter or Strimzi's metrics reporter.
    #[serde(rename = "type")]
    pub kind: MetricsType,
    /// With the JMX exporter: where its rules are.
    pub value_from: Option<ConfigMapReference>,
    /// With Strimzi's reporter: its settings.
    pub values: Option<MetricsReporterValues>,
}

/// Settings of Strimzi's metrics reporter.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricsReporterValues {
    /// Regular expressions of the metrics to give out. Absent: all.
    pub allow_list: Option<Vec<String>>,
}

/// A value in a `ConfigMap`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapReference {
    /// The `ConfigMap` and its key.
    #[serde(default)]
    #[schemars(schema_with = "core::<ConfigMapKeySelector>")]
    pub config_map_key_ref: Option<ConfigMapKeySelector>,
}

/// What gives metrics to Prometheus.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum MetricsType {
    /// Prometheus' JMX exporter.
    JmxPrometheusExporter,
    /// Strimzi's metrics reporter.
    StrimziMetricsReporter,
}
