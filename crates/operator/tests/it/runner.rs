//! The runner beside a scripted node: what it answers.

use std::collections::{BTreeMap, BTreeSet};

use model::runner::{BrokerState, RunnerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Certificates of a node.
pub(super) struct Certificates {
    /// Hash of the mounted one.
    pub(super) mounted: String,
    served: String,
    /// How often Kafka had been altered when it last read them.
    read_at: u64,
}

impl Certificates {
    pub(super) fn at_start(mounted: String) -> Self {
        Self {
            served: mounted.clone(),
            mounted,
            read_at: 0,
        }
    }

    /// Kafka reads its files whenever its configuration is altered.
    pub(super) fn look(&mut self, altered: u64) -> &Self {
        if altered > self.read_at {
            self.read_at = altered;
            self.served.clone_from(&self.mounted);
        }
        self
    }

    pub(super) fn are_served(&self) -> bool {
        self.mounted == self.served
    }
}

/// What of a node's properties may change while it runs.
pub(super) fn file_configs(data: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let lines = data[::manifests::config_map::SERVER_CONFIG].lines();
    lines
        .filter_map(|line| line.split_once('='))
        .filter(|(key, _)| ::manifests::revision::is_dynamic(key))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Answers one question.
pub(super) fn answer(
    config: &RunnerConfig,
    certificates: &Certificates,
) -> tokio::io::DuplexStream {
    let by_listener =
        |hash: &str| BTreeMap::from([("REPLICATION-9091".to_owned(), hash.to_owned())]);
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    let state = BrokerState {
        broker_state: model::runner::broker_state::RUNNING,
        doing: None,
        recovery_state: None,
        certificate_hash: by_listener(&certificates.served),
        assembled_hash: by_listener(&certificates.mounted),
        stale_trust: BTreeSet::new(),
        started_certificate_ends: None,
        files_kept_because: None,
        config_hash: config.configuration_hash.clone(),
        runner_version: String::new(),
    };
    let body = serde_json::to_string(&state).unwrap();
    tokio::spawn(async move {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            match theirs.read_buf(&mut request).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let _ = theirs.write_all(format!("{head}{body}").as_bytes()).await;
    });
    ours
}
