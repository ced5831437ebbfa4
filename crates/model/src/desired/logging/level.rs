//! Which values of a log configuration are meant as levels, and which of these are none.
//!
//! What a library cannot read as a level it replaces without a word: log4j2 by ERROR, reload4j by DEBUG. What may be one
//! in the end counts as one: substitutions, levels of the user's own, classes.

use std::collections::BTreeMap;

/// The library that reads the properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Of Kafka 4 and later.
    Log4j2,
    /// The heir of log4j 1, of Kafka 3.
    Reload4j,
}

/// What both know, in any letter case.
const LEVELS: [&str; 8] = [
    "OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL",
];

/// First parts of the keys that log4j2 knows. Source: its `PropertiesConfigurationBuilder` and root attributes.
const LOG4J2_KEYS: [&str; 22] = [
    "advertiser",
    "appender",
    "appenders",
    "customLevel",
    "dest",
    "filter",
    "filters",
    "logger",
    "loggers",
    "monitorInterval",
    "monitorUri",
    "name",
    "packages",
    "property",
    "rootLogger",
    "script",
    "scripts",
    "shutdownHook",
    "shutdownTimeout",
    "status",
    "strict",
    "verbose",
];

impl Dialect {
    /// What may stand where a level is expected, for people.
    pub fn allowed(self) -> String {
        let levels = LEVELS.join(", ");
        match self {
            Self::Log4j2 => format!("one of {levels}"),
            Self::Reload4j => format!("one of {levels}; names of appenders behind it, with commas"),
        }
    }

    /// The values that are meant as levels and are none, by their keys.
    pub fn wrong_levels(
        self,
        properties: &BTreeMap<String, String>,
    ) -> impl Iterator<Item = (&str, &str)> {
        let wrong = properties.iter().filter(move |(key, value)| {
            self.level_of(key, value)
                .is_some_and(|level| !self.is_level(level, properties))
        });
        wrong.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Keys that the library reads nothing from, nor any value of the others; only those of log4j2 can be told.
    pub fn unknown_keys(self, properties: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
        let is_unknown = move |key: &str| {
            let first = key.split('.').next().unwrap_or_default();
            let reference = format!("${{{key}");
            self == Self::Log4j2
                && !LOG4J2_KEYS.contains(&first)
                && !properties.values().any(|value| value.contains(&reference))
        };
        let keys = properties.keys().map(String::as_str);
        keys.filter(move |key| is_unknown(key))
    }

    /// The level in the value of this key, if it holds one.
    fn level_of<'a>(self, key: &str, value: &'a str) -> Option<&'a str> {
        // `LEVEL, APPENDER, …`; appenders alone say nothing about the level.
        let first = || value.split(',').next().unwrap_or_default();
        let level = match self {
            Self::Log4j2 => {
                let of_logger = key == "rootLogger"
                    || key
                        .strip_prefix("logger.")
                        .is_some_and(|id| !id.contains('.'));
                let of_reference = key.contains(".appenderRef.");
                let owner = key.strip_suffix(".level").filter(|owner| {
                    let logger = owner.strip_prefix("logger.");
                    let logger = logger.is_some_and(|id| !id.contains('.'));
                    *owner == "rootLogger" || logger || of_reference
                });
                match owner {
                    Some(_) => value,
                    None if of_logger => first(),
                    None => return None,
                }
            }
            Self::Reload4j => {
                let of_logger = ["log4j.rootLogger", "log4j.rootCategory"].contains(&key)
                    || key.starts_with("log4j.logger.")
                    || key.starts_with("log4j.category.");
                if of_logger || key == "kafka.root.logger.level" {
                    first()
                } else {
                    return None;
                }
            }
        };
        Some(level.trim()).filter(|level| !level.is_empty())
    }

    fn is_level(self, text: &str, properties: &BTreeMap<String, String>) -> bool {
        let is = |level: &str| text.eq_ignore_ascii_case(level);
        let own = match self {
            Self::Log4j2 => properties
                .keys()
                .filter_map(|key| key.strip_prefix("customLevel."))
                .any(is),
            // A level of a class, and what takes the level of the parent.
            Self::Reload4j => text.contains('#') || is("INHERITED") || is("NULL"),
        };
        own || text.contains("${") || LEVELS.into_iter().any(is)
    }
}

#[cfg(test)]
mod tests;
