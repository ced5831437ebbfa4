//! `log4j2.properties`: the user's wishes over the defaults, and a small log of our own that no wish can remove.
//!
//! The runner reads from that log how far a start has come and how much log is still to be recovered. The loggers that
//! tell it must be on at INFO and write to our appender, whatever the user says; what the user's own appenders get from
//! them stays exactly what the user asked for. To that end each of these loggers gets an entry of its own, with the
//! level, appenders and additivity that it would have had, as thresholds on references.

use std::collections::BTreeMap;

use model::desired::{Cluster, Logging, LoggingDialect};

use crate::broker_properties;

pub mod reload4j;

/// Key in the node's `ConfigMap`.
pub const KEY: &str = "log4j2.properties";

/// The log of our own, relative to the root.
pub const STATE_LOG: &str = "/var/run/klamm/state.log";

/// Loggers that tell how a broker comes up, goes down and recovers its logs, and when it reads certificates again.
///
/// Looked up in the jars of Kafka 4.1.0, 4.2.0 and 4.3.1.
///
/// `BrokerLifecycleManager` moved packages in 4.3. `UnifiedLog` is left out on purpose: it tells of each segment rolled
/// or deleted, for as long as the broker runs, and nothing about recovery that `LogLoader` does not tell.
pub const STATE_LOGGERS: [&str; 9] = [
    "kafka.log.LogManager",
    "kafka.server.BrokerLifecycleManager",
    "kafka.server.BrokerServer",
    "kafka.server.ControllerServer",
    "kafka.server.KafkaRaftServer",
    "kafka.server.SharedServer",
    "org.apache.kafka.common.security.ssl.SslFactory",
    "org.apache.kafka.server.BrokerLifecycleManager",
    "org.apache.kafka.storage.internals.log.LogLoader",
];

/// Identifier of our appender and prefix of those of our loggers.
const OURS: &str = "klammstate";

/// How often log4j2 looks for changes, where the user does not say: so levels change without a restart.
const MONITOR_SECONDS: &str = "30";

/// Strimzi's defaults: identifier, logger, level.
const DEFAULT_LOGGERS: [(&str, &str, &str); 8] = [
    ("kafka", "kafka", "INFO"),
    ("orgapachekafka", "org.apache.kafka", "INFO"),
    ("requestlogger", "kafka.request.logger", "WARN"),
    ("requestchannel", "kafka.network.RequestChannel$", "WARN"),
    ("controller", "org.apache.kafka.controller", "INFO"),
    ("logcleaner", "kafka.log.LogCleaner", "INFO"),
    ("statechange", "state.change.logger", "INFO"),
    ("authorizer", "kafka.authorizer.logger", "INFO"),
];

type Properties = BTreeMap<String, String>;

/// Name and content of the log configuration that a release understands.
pub fn file(cluster: &Cluster, external: Option<&str>) -> (&'static str, String) {
    if cluster.version.needs_zookeeper() {
        let text = reload4j::for_broker(&cluster.logging, external);
        (reload4j::KEY, text)
    } else {
        (KEY, render(&cluster.logging, external))
    }
}

/// The file. `external` is the content of the `ConfigMap` that the user refers to, if that is what the user does.
pub fn render(logging: &Logging, external: Option<&str>) -> String {
    let mut properties = match logging {
        Logging::Default => defaults(),
        Logging::Inline { loggers } => {
            let mut properties = defaults();
            properties.extend(loggers.clone());
            properties
        }
        Logging::External(_) => external.map_or_else(defaults, parse),
    };
    properties
        .entry("monitorInterval".to_owned())
        .or_insert_with(|| MONITOR_SECONDS.to_owned());
    add_state_log(&mut properties);
    let header =
        "# Written by the operator. Change logging in the Kafka resource instead.\n".to_owned();
    let lines = properties
        .iter()
        .map(|(key, value)| format!("{key}={value}\n"));
    std::iter::once(header)
        .chain(lines)
        .collect::<Vec<_>>()
        .concat()
}

/// What a configuration of the user's own has for levels that are none, by its keys.
pub fn wrong_levels(cluster: &Cluster, external: &str) -> Vec<(String, String)> {
    dialect(cluster)
        .wrong_levels(&parse(external))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// What the cluster's Kafka logs through.
pub fn dialect(cluster: &Cluster) -> LoggingDialect {
    if cluster.version.needs_zookeeper() {
        LoggingDialect::Reload4j
    } else {
        LoggingDialect::Log4j2
    }
}

fn defaults() -> Properties {
    let mut properties = Properties::new();
    let mut set = |key: String, value: &str| properties.insert(key, value.to_owned());
    set("name".to_owned(), "KafkaConfig");
    set("appender.console.type".to_owned(), "Console");
    set("appender.console.name".to_owned(), "STDOUT");
    set("appender.console.layout.type".to_owned(), "PatternLayout");
    set(
        "appender.console.layout.pattern".to_owned(),
        "%d{yyyy-MM-dd HH:mm:ss} %-5p [%t] %c{1}:%L - %m%n",
    );
    set("rootLogger.level".to_owned(), "INFO");
    set("rootLogger.additivity".to_owned(), "false");
    set("rootLogger.appenderRef.console.ref".to_owned(), "STDOUT");
    for (id, name, level) in DEFAULT_LOGGERS {
        set(format!("logger.{id}.name"), name);
        set(format!("logger.{id}.level"), level);
        set(format!("logger.{id}.additivity"), "false");
        set(format!("logger.{id}.appenderRef.console.ref"), "STDOUT");
    }
    properties
}

/// Reads Java's properties format as far as log4j2 files use it: comments, continued lines, three separators.
fn parse(text: &str) -> Properties {
    let mut properties = Properties::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut logical = line.trim_start().to_owned();
        if logical.starts_with(['#', '!']) || logical.is_empty() {
            continue;
        }
        while continues(&logical) {
            logical.pop();
            logical.push_str(lines.next().unwrap_or_default().trim_start());
        }
        let end = logical
            .find(|c: char| c == '=' || c == ':' || c.is_whitespace())
            .unwrap_or(logical.len());
        let (key, rest) = logical.split_at(end);
        let rest = rest.trim_start();
        let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim();
        properties.insert(key.to_owned(), value.to_owned());
    }
    properties
}

fn continues(line: &str) -> bool {
    !line
        .chars()
        .rev()
        .take_while(|c| *c == '\\')
        .count()
        .is_multiple_of(2)
}

/// A logger as the file defines it.
#[derive(Debug, Clone, Default)]
struct Logger {
    /// Identifier in the file; none for the root.
    id: Option<String>,
    level: Option<String>,
    /// References to appenders, each with a threshold if it has one.
    references: Vec<(String, Option<String>)>,
    additive: bool,
}

fn add_state_log(properties: &mut Properties) {
    properties.retain(|key, _| {
        !key.starts_with(&format!("appender.{OURS}."))
            && !key.starts_with(&format!("logger.{OURS}"))
    });
    let loggers = loggers(properties);
    let mut ids = Vec::new();
    for (index, name) in STATE_LOGGERS.iter().enumerate() {
        let id = format!("{OURS}{index}");
        let own = loggers.get(*name).and_then(|logger| logger.id.clone());
        let (level, references) = effective(&loggers, name);
        if let Some(own) = own {
            let prefix = format!("logger.{own}.");
            properties
                .retain(|key, _| !key.starts_with(&prefix) && *key != format!("logger.{own}"));
        }
        add_logger(properties, &id, name, &level, &references);
        ids.push(id);
    }
    add_appender(properties);
    // Where a file lists its parts, only listed parts count.
    extend_list(properties, "appenders", &[OURS.to_owned()]);
    extend_list(properties, "loggers", &ids);
}

fn add_logger(
    properties: &mut Properties,
    id: &str,
    name: &str,
    level: &str,
    references: &[(String, Option<String>)],
) {
    let mut set =
        |key: &str, value: &str| properties.insert(format!("logger.{id}.{key}"), value.to_owned());
    set("name", name);
    set("level", if is_verbose(level) { level } else { "INFO" });
    set("additivity", "false");
    set("appenderRef.state.ref", OURS);
    set("appenderRef.state.level", "INFO");
    for (index, (reference, threshold)) in references.iter().enumerate() {
        set(&format!("appenderRef.user{index}.ref"), reference);
        set(
            &format!("appenderRef.user{index}.level"),
            threshold.as_deref().unwrap_or(level),
        );
    }
}

fn add_appender(properties: &mut Properties) {
    let file = broker_properties::in_root(STATE_LOG);
    let entries = [
        ("type", "RollingFile".to_owned()),
        ("name", OURS.to_owned()),
        ("fileName", file.clone()),
        ("filePattern", format!("{file}.%i")),
        ("layout.type", "PatternLayout".to_owned()),
        ("layout.charset", "UTF-8".to_owned()),
        // One line per event: milliseconds, level, logger, message; then the exception, where there is one: the last
        // one is what a container that ends by itself leaves as its termination message.
        (
            "layout.pattern",
            "%d{UNIX_MILLIS} %p %c %enc{%m}{CRLF}%n%ex".to_owned(),
        ),
        ("policies.type", "Policies".to_owned()),
        ("policies.size.type", "SizeBasedTriggeringPolicy".to_owned()),
        ("policies.size.size", "256KB".to_owned()),
        ("strategy.type", "DefaultRolloverStrategy".to_owned()),
        ("strategy.max", "1".to_owned()),
    ];
    properties.extend(entries.map(|(key, value)| (format!("appender.{OURS}.{key}"), value)));
}

fn extend_list(properties: &mut Properties, key: &str, more: &[String]) {
    if let Some(list) = properties.get_mut(key) {
        list.push(',');
        list.push_str(&more.join(","));
    }
}

/// All loggers of the file by name; the root has the empty name.
fn loggers(properties: &Properties) -> BTreeMap<String, Logger> {
    let mut by_name =
        BTreeMap::from([(String::new(), read_logger(properties, "rootLogger", None))]);
    let ids = properties
        .keys()
        .filter_map(|key| key.strip_prefix("logger.")?.split('.').next());
    for id in ids {
        let prefix = format!("logger.{id}");
        if let Some(name) = properties.get(&format!("{prefix}.name")) {
            by_name.insert(
                name.clone(),
                read_logger(properties, &prefix, Some(id.to_owned())),
            );
        }
    }
    by_name
}

fn read_logger(properties: &Properties, prefix: &str, id: Option<String>) -> Logger {
    let get = |key: &str| {
        properties
            .get(&format!("{prefix}.{key}"))
            .map(|value| value.trim().to_owned())
    };
    // `rootLogger = INFO, STDOUT` is short for a level and references.
    let mut short = properties
        .get(prefix)
        .map(|text| text.split(',').map(|part| part.trim().to_owned()));
    let short_level = short.as_mut().and_then(Iterator::next);
    let mut references: Vec<_> = short
        .into_iter()
        .flatten()
        .map(|name| (name, None))
        .collect();
    let start = format!("{prefix}.appenderRef.");
    for (key, value) in properties.range(start.clone()..) {
        let Some(rest) = key.strip_prefix(&start) else {
            break;
        };
        if let Some(reference) = rest.strip_suffix(".ref") {
            let threshold = properties
                .get(&format!("{start}{reference}.level"))
                .cloned();
            references.push((value.trim().to_owned(), threshold));
        }
    }
    Logger {
        id,
        level: get("level").or(short_level),
        references,
        additive: get("additivity").is_none_or(|value| !value.eq_ignore_ascii_case("false")),
    }
}

/// The level and the appenders that a logger of this name has, by its own entry and those of its parents.
fn effective(
    loggers: &BTreeMap<String, Logger>,
    name: &str,
) -> (String, Vec<(String, Option<String>)>) {
    let mut level = None;
    let mut references: Vec<(String, Option<String>)> = Vec::new();
    let mut inherits = true;
    for ancestor in ancestors(name) {
        let Some(logger) = loggers.get(ancestor) else {
            continue;
        };
        level = level.or_else(|| logger.level.clone());
        if inherits {
            for reference in &logger.references {
                // Twice the same appender would write each line twice; the file as it was would have done so, too,
                // but never on purpose.
                if !references.contains(reference) {
                    references.push(reference.clone());
                }
            }
            inherits = logger.additive;
        }
    }
    // log4j2's own default for a root without a level.
    (level.unwrap_or_else(|| "ERROR".to_owned()), references)
}

/// `a.b.C`, `a.b`, `a`, and the root.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    let parents = std::iter::successors(Some(name), |name| {
        name.rsplit_once('.').map(|(parent, _)| parent)
    });
    parents.chain(std::iter::once(""))
}

fn is_verbose(level: &str) -> bool {
    ["DEBUG", "TRACE", "ALL"]
        .iter()
        .any(|verbose| level.eq_ignore_ascii_case(verbose))
}

#[cfg(test)]
mod tests;
