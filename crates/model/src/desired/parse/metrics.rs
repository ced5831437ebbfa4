//! `metricsConfig` and `jmxOptions`.

use resources::jmx::JmxOptions;
use resources::metrics::{ConfigMapReference, MetricsConfig, MetricsType};

use super::logging::config_map_key;
use super::report::Report;
use crate::desired::{Jmx, Metrics};

/// What Strimzi's reporter gives out of a broker when a user names nothing.
const DEFAULT_ALLOW_LIST: [&str; 14] = [
    "kafka_cluster_partition.*",
    "kafka_controller_kafkacontroller.*",
    "kafka_controller_controllerstats_uncleanleaderelectionspersec",
    "kafka_log_log_size",
    "kafka_network_requestmetrics.*",
    "kafka_network_socketserver_networkprocessoravgidlepercent",
    "kafka_server_app_info.*",
    "kafka_server_brokertopicmetrics.*",
    "kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent",
    "kafka_server_kafkaserver_brokerstate",
    "kafka_server_kafkaserver_clusterid",
    "kafka_server_kafkaserver_linux.*",
    "kafka_server_raft.*",
    "kafka_server_replicamanager.*",
];

/// Who serves Prometheus metrics.
pub(super) fn parse(config: Option<&MetricsConfig>, report: &mut Report) -> Metrics {
    let Some(MetricsConfig {
        kind,
        value_from,
        values,
    }) = config
    else {
        return Metrics::None;
    };
    match kind {
        MetricsType::JmxPrometheusExporter => {
            if values.is_some() {
                report.meaningless(
                    "spec.kafka.metricsConfig.values",
                    "the type is `jmxPrometheusExporter`",
                );
            }
            let reference = value_from
                .as_ref()
                .and_then(|ConfigMapReference { config_map_key_ref }| config_map_key_ref.as_ref());
            config_map_key("spec.kafka.metricsConfig.valueFrom", reference, report)
                .map_or(Metrics::None, Metrics::JmxExporter)
        }
        MetricsType::StrimziMetricsReporter => {
            if value_from.is_some() {
                report.meaningless(
                    "spec.kafka.metricsConfig.valueFrom",
                    "the type is `strimziMetricsReporter`",
                );
            }
            let given = values
                .as_ref()
                .and_then(|values| values.allow_list.as_ref());
            if given.is_some_and(Vec::is_empty) {
                let field = "spec.kafka.metricsConfig.values.allowList";
                report.invalid(
                    field,
                    "[]",
                    "at least one regular expression",
                    "[kafka_server.*]",
                );
            }
            let allow_list = given
                .cloned()
                .unwrap_or_else(|| DEFAULT_ALLOW_LIST.map(str::to_owned).to_vec());
            Metrics::StrimziReporter { allow_list }
        }
    }
}

/// Whether JMX is open to other Pods.
pub(super) fn parse_jmx(options: Option<&JmxOptions>) -> Jmx {
    match options {
        None => Jmx::Closed,
        Some(JmxOptions {
            authentication: None,
        }) => Jmx::Open,
        Some(JmxOptions {
            authentication: Some(_),
        }) => Jmx::Password,
    }
}
