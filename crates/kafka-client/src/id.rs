//! Kafka's way of writing a UUID: 22 characters of URL-safe base64.
//!
//! Cluster ids, topic ids and directory ids are written so in properties, logs and tools.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// `id` as Kafka writes it, for instance `MkU3OEVBNTcwNTJENDM2Qg`.
pub fn kafka_id(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

/// Reads what [`kafka_id`] writes; `None` if it is not that.
pub fn parse_kafka_id(text: &str) -> Option<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Uuid::from_slice(&bytes).ok()
}
