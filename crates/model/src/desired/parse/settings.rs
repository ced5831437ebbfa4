//! What the operator itself decides where a user says nothing.

use serde::{Deserialize, Serialize};

use crate::desired::KafkaVersion;

/// Defaults that are the operator's to set, not constants of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Image of Apache Kafka without a tag; the tag is the version.
    pub kafka_image: String,
    /// The namespace of resources that name none.
    pub namespace: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kafka_image: "apache/kafka".to_owned(),
            namespace: "default".to_owned(),
        }
    }
}

impl Settings {
    /// The image for a release.
    pub(super) fn image(&self, version: KafkaVersion) -> String {
        format!("{}:{version}", self.kafka_image)
    }
}
