//! The configuration of the JMX exporter, from the user's `ConfigMap`.

use serde_json::Value;

/// Key in the node's `ConfigMap`.
pub const KEY: &str = "metrics-config.json";

/// The user's YAML as JSON, which is how it stands in the node's `ConfigMap`.
///
/// Errors: the text is not YAML; the message says where.
pub fn render(yaml: &str) -> Result<String, String> {
    let value: Value = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    Ok(value.to_string())
}
