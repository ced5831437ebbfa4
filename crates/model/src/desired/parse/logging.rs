//! `logging`, and references to keys of ConfigMaps.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMapKeySelector;
use resources::logging::{self as given, LoggingType};

use super::report::Report;
use crate::desired::{ConfigMapKey, Logging, LoggingDialect};
use crate::problem::WarningReason;

/// Source of logger levels.
pub(super) fn parse(
    path: &str,
    logging: Option<&given::Logging>,
    dialect: LoggingDialect,
    report: &mut Report,
) -> Logging {
    let Some(given::Logging {
        kind,
        loggers,
        value_from,
    }) = logging
    else {
        return Logging::Default;
    };
    match kind {
        LoggingType::Inline => {
            if value_from.is_some() {
                report.meaningless(&format!("{path}.valueFrom"), "the type is `inline`");
            }
            let (many, one): (BTreeMap<_, _>, BTreeMap<_, _>) = loggers
                .clone()
                .unwrap_or_default()
                .into_iter()
                .partition(|(_, value)| value.contains(['\n', '\r']));
            for (name, value) in many {
                let field = format!("{path}.loggers[\"{name}\"]");
                report.invalid(&field, value, "one line", "INFO");
            }
            levels(path, &one, dialect, report);
            Logging::Inline {
                loggers: loggers.clone().unwrap_or_default(),
            }
        }
        LoggingType::External => {
            if loggers.is_some() {
                report.meaningless(&format!("{path}.loggers"), "the type is `external`");
            }
            let reference = value_from
                .as_ref()
                .and_then(|reference| reference.config_map_key_ref.as_ref());
            config_map_key(&format!("{path}.valueFrom"), reference, report)
                .map_or(Logging::Default, Logging::External)
        }
    }
}

/// What the library would replace without a word, or never read.
fn levels(
    path: &str,
    loggers: &BTreeMap<String, String>,
    dialect: LoggingDialect,
    report: &mut Report,
) {
    let field = |key: &str| format!("{path}.loggers[\"{key}\"]");
    // A cluster that ran with it goes on: Kafka takes it, and nothing else may wait for such a word.
    for (key, value) in dialect.wrong_levels(loggers) {
        let message = format!(
            "is {value}, which is not a level, and another one comes in its place; allowed: {}; for example: INFO",
            dialect.allowed()
        );
        report.warn(WarningReason::InvalidLogLevel, &field(key), &message);
    }
    for key in dialect.unknown_keys(loggers) {
        let message = "has no effect: Kafka 4 logs through log4j2, which has no such key; levels are `rootLogger.level`, \
            and `logger.<id>.level` beside `logger.<id>.name`.";
        report.warn(WarningReason::FieldNotActedOn, &field(key), message);
    }
}

/// A key of a ConfigMap; name and key must be there.
pub(super) fn config_map_key(
    path: &str,
    reference: Option<&ConfigMapKeySelector>,
    report: &mut Report,
) -> Option<ConfigMapKey> {
    let path = format!("{path}.configMapKeyRef");
    let Some(ConfigMapKeySelector {
        key,
        name,
        optional,
    }) = reference
    else {
        report.missing(
            &path,
            "name and key of a ConfigMap in this namespace",
            "{name: my-config, key: my-key}",
        );
        return None;
    };
    if *optional == Some(true) {
        report.meaningless(
            &format!("{path}.optional"),
            "what is referred to is waited for: it is needed",
        );
    }
    if name.is_empty() {
        report.missing(
            &format!("{path}.name"),
            "the name of a ConfigMap in this namespace",
            "my-config",
        );
    }
    if key.is_empty() {
        report.missing(&format!("{path}.key"), "a key of the ConfigMap", "my-key");
    }
    (!name.is_empty() && !key.is_empty()).then(|| ConfigMapKey {
        name: name.clone(),
        key: key.clone(),
    })
}
