//! `log4j.properties` of Kafka 3.9 and of ZooKeeper, which log through reload4j, the heir of log4j 1.
//!
//! Its format is another than log4j2's: users of Strimzi up to 0.45 wrote `kafka.root.logger.level` and
//! `log4j.logger.<name>`. The small log of our own is appended to the loggers that tell how a broker comes up and goes
//! down; they are on at INFO whatever users say, also in the users' own appenders, since reload4j has one level for
//! both.

use std::collections::BTreeMap;

use model::desired::Logging;

use super::{OURS, STATE_LOG, parse};
use crate::broker_properties;

/// Key in the `ConfigMap`.
pub const KEY: &str = "log4j.properties";

/// Loggers that tell how a broker that has ZooKeeper comes up, goes down and recovers its logs. Looked up in Kafka 3.9.
const STATE_LOGGERS: [&str; 3] = [
    "kafka.log.LogManager",
    "kafka.server.KafkaServer",
    "org.apache.kafka.storage.internals.log.LogLoader",
];

const PATTERN: &str = "%d{yyyy-MM-dd HH:mm:ss} %-5p [%t] %c{1}:%L - %m%n";

/// Strimzi's defaults for Kafka up to 3.9.
const DEFAULTS: [(&str, &str); 13] = [
    ("kafka.root.logger.level", "INFO"),
    ("log4j.rootLogger", "${kafka.root.logger.level}, CONSOLE"),
    ("log4j.appender.CONSOLE", "org.apache.log4j.ConsoleAppender"),
    (
        "log4j.appender.CONSOLE.layout",
        "org.apache.log4j.PatternLayout",
    ),
    ("log4j.appender.CONSOLE.layout.ConversionPattern", PATTERN),
    ("log4j.logger.org.apache.zookeeper", "INFO"),
    ("log4j.logger.kafka", "INFO"),
    ("log4j.logger.org.apache.kafka", "INFO"),
    ("log4j.logger.kafka.request.logger", "WARN, CONSOLE"),
    ("log4j.logger.kafka.controller", "INFO"),
    ("log4j.logger.kafka.log.LogCleaner", "INFO"),
    ("log4j.logger.state.change.logger", "INFO"),
    ("log4j.logger.kafka.authorizer.logger", "INFO"),
];

/// The file for a broker. `external` is the content of the `ConfigMap` that the user refers to.
pub(crate) fn for_broker(logging: &Logging, external: Option<&str>) -> String {
    let mut properties = match logging {
        Logging::Default => defaults(),
        Logging::Inline { loggers } => {
            let mut properties = defaults();
            properties.extend(loggers.clone());
            properties
        }
        Logging::External(_) => external.map_or_else(defaults, parse),
    };
    add_state_log(&mut properties);
    written(&properties)
}

/// The file for a server of an ensemble.
pub(crate) fn for_zookeeper() -> String {
    let mut properties = defaults();
    properties.retain(|key, _| {
        !key.starts_with("log4j.logger.") || key == "log4j.logger.org.apache.zookeeper"
    });
    written(&properties)
}

fn defaults() -> BTreeMap<String, String> {
    DEFAULTS
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn add_state_log(properties: &mut BTreeMap<String, String>) {
    for name in STATE_LOGGERS {
        let entry = properties.entry(format!("log4j.logger.{name}"));
        let logger = entry.or_insert_with(|| "INFO".to_owned());
        let (level, appenders) = logger.split_once(',').unwrap_or((logger, ""));
        let level = match level.trim().to_ascii_uppercase().as_str() {
            verbose @ ("DEBUG" | "TRACE" | "ALL") => verbose.to_owned(),
            _ => "INFO".to_owned(),
        };
        let comma = if appenders.trim().is_empty() { "" } else { "," };
        *logger = format!("{level}, {OURS}{comma}{appenders}");
    }
    let entries = [
        ("", "org.apache.log4j.RollingFileAppender".to_owned()),
        (".File", broker_properties::in_root(STATE_LOG)),
        (".MaxFileSize", "256KB".to_owned()),
        (".MaxBackupIndex", "1".to_owned()),
        (".layout", "org.apache.log4j.PatternLayout".to_owned()),
        // Milliseconds since the start, level, logger, message; then the exception, where there is one.
        (".layout.ConversionPattern", "%r %p %c %m%n".to_owned()),
    ];
    properties.extend(entries.map(|(key, value)| (format!("log4j.appender.{OURS}{key}"), value)));
}

fn written(properties: &BTreeMap<String, String>) -> String {
    let lines = properties
        .iter()
        .map(|(key, value)| format!("{key}={value}\n"));
    std::iter::once("# Written by the operator.\n".to_owned())
        .chain(lines)
        .collect::<Vec<_>>()
        .concat()
}
