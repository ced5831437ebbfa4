//! The CEL rules of our schemas, in Rust, so that they can be checked where no API server is.
//!
//! A test finds rules that are in a schema but not here.

use serde_json::Value;

#[cfg(test)]
mod tests;

/// A rule that does not hold.
pub(crate) struct Broken {
    /// The field to change, below the object that the rule is about; empty for the object itself.
    pub(crate) field: &'static str,
    pub(crate) allowed: &'static str,
    pub(crate) example: &'static str,
}

struct Rule {
    /// As it stands in the schema.
    text: &'static str,
    holds: fn(&Value) -> bool,
    field: &'static str,
    allowed: &'static str,
    example: &'static str,
}

const RULES: [Rule; 7] = [
    Rule {
        text: r#"(has(self.type) && self.type != "topology-label") || self.topologyKey != """#,
        holds: |rack| kind_is_not(rack, "topology-label", true) || is_given(rack, "topologyKey"),
        field: "topologyKey",
        allowed: "the label of the Kubernetes nodes, because the type is `topology-label`",
        example: "topology.kubernetes.io/zone",
    },
    Rule {
        text: r#"has(self.type) == false || self.type != "environment-variable" || self.envVarName != """#,
        holds: |rack| {
            kind_is_not(rack, "environment-variable", false) || is_given(rack, "envVarName")
        },
        field: "envVarName",
        allowed: "the name of an environment variable, because the type is `environment-variable`",
        example: "MY_RACK",
    },
    Rule {
        text: "self.type != 'jmxPrometheusExporter' || has(self.valueFrom)",
        holds: |metrics| {
            kind_is_not(metrics, "jmxPrometheusExporter", false) || !metrics["valueFrom"].is_null()
        },
        field: "valueFrom",
        allowed: "a key of a ConfigMap, because the type is `jmxPrometheusExporter`",
        example: "{configMapKeyRef: {name: kafka-metrics, key: kafka-metrics-config.yml}}",
    },
    Rule {
        text: "self.type != 'strimziMetricsReporter'",
        holds: |metrics| kind_is_not(metrics, "strimziMetricsReporter", false),
        field: "type",
        allowed: "`jmxPrometheusExporter` (Cruise Control has no other)",
        example: "jmxPrometheusExporter",
    },
    Rule {
        text: "self.type == 'tls' || (!has(self.validityDays) && !has(self.renewalDays))",
        holds: |user| {
            user["type"] == "tls"
                || (user["validityDays"].is_null() && user["renewalDays"].is_null())
        },
        field: "type",
        allowed: "`tls`, because `validityDays` or `renewalDays` is set",
        example: "tls",
    },
    Rule {
        text: "self.type != 'tls' || (has(self.renewalDays) == has(self.validityDays))",
        holds: |user| {
            user["type"] != "tls" || user["renewalDays"].is_null() == user["validityDays"].is_null()
        },
        field: "",
        allowed: "`validityDays` and `renewalDays` together, or neither",
        example: "{type: tls, validityDays: 365, renewalDays: 30}",
    },
    Rule {
        text: "self.type != 'tls' || !has(self.renewalDays) || !has(self.validityDays) || self.renewalDays < self.validityDays",
        holds: |user| match (user["renewalDays"].as_i64(), user["validityDays"].as_i64()) {
            (Some(renewal), Some(validity)) => user["type"] != "tls" || renewal < validity,
            _ => true,
        },
        field: "renewalDays",
        allowed: "fewer days than `validityDays`",
        example: "30",
    },
];

/// The rules of `schema` that `value` breaks.
pub(crate) fn broken(schema: &Value, value: &Value) -> impl Iterator<Item = Broken> {
    schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|rule| RULES.iter().find(|known| rule["rule"] == known.text))
        .filter(|rule| !(rule.holds)(value))
        .map(|rule| Broken {
            field: rule.field,
            allowed: rule.allowed,
            example: rule.example,
        })
}

fn kind_is_not(value: &Value, kind: &str, when_absent: bool) -> bool {
    match value["type"].as_str() {
        Some(given) => given != kind,
        None => !when_absent,
    }
}

fn is_given(value: &Value, field: &str) -> bool {
    value[field].as_str().is_some_and(|text| !text.is_empty())
}

/// All rules that are here, for the test that finds missing ones.
#[cfg(test)]
pub(crate) fn known() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.text)
}
