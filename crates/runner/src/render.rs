//! The properties that Kafka is started with: what the operator rendered, filled in, and the fast-start values.
//!
//! Pure: text in, text out. The placeholders themselves are `model::runner::placeholder`.

use model::runner::placeholder::Place;

use crate::environment::Environment;

/// What placeholders stand for on this machine.
pub(crate) fn place(environment: &Environment, rack: Option<String>) -> Place {
    Place {
        root: environment.root.display().to_string(),
        pod_address: environment
            .uses_pod_ip
            .then(|| environment.pod_ip.to_string()),
        machine_address: environment
            .all
            .get(model::runner::env::HOST_IP)
            .filter(|ip| !ip.is_empty())
            .cloned(),
        rack,
    }
}

/// Properties that make a small machine start faster, only where the manifest says nothing and only on request.
///
/// Buffers and threads, never timeouts: what a cluster does under trouble stays as in production.
/// Source: measured, docs/decisions (fast start); the log cleaner's buffer alone is 128 MiB by default.
const FAST_START: &[(&str, &str)] = &[
    ("background.threads", "2"),
    ("group.coordinator.threads", "1"),
    ("log.cleaner.dedupe.buffer.size", "16777216"),
    ("log.cleaner.io.buffer.size", "65536"),
    ("num.io.threads", "2"),
    ("num.network.threads", "1"),
    ("share.coordinator.threads", "1"),
];

/// `server.properties` with the fast-start values appended that it does not set itself.
pub(crate) fn with_fast_start(mut properties: String) -> String {
    // Kafka wants 1 MiB of this for each cleaner thread; what it has is enough for those that are added while it runs.
    let threads = value_of(&properties, "log.cleaner.threads").is_some();
    let silent: Vec<_> = FAST_START
        .iter()
        .filter(|(key, _)| value_of(&properties, key).is_none())
        .filter(|(key, _)| !(threads && *key == "log.cleaner.dedupe.buffer.size"))
        .collect();
    if silent.is_empty() {
        return properties;
    }
    if !properties.ends_with('\n') {
        properties.push('\n');
    }
    properties.push_str("\n# Fast start on this machine, where the manifest is silent\n");
    for (key, value) in silent {
        properties.push_str(key);
        properties.push('=');
        properties.push_str(value);
        properties.push('\n');
    }
    properties
}

/// The value of a key in a properties file of ours (one `key=value` per line, no continuation lines).
pub(crate) fn value_of<'a>(properties: &'a str, key: &str) -> Option<&'a str> {
    properties
        .lines()
        .find_map(|line| {
            line.trim_start()
                .strip_prefix(key)?
                .trim_start()
                .strip_prefix('=')
        })
        .map(str::trim)
}

#[cfg(test)]
mod tests;
