//! Options of the Java virtual machine.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Options of the Java virtual machine.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JvmOptions {
    /// Options `-XX:…`: name to value; `true` and `false` become `+` and `-`.
    #[serde(rename = "-XX")]
    pub xx: Option<BTreeMap<String, String>>,
    /// The largest heap, such as `2g`.
    #[serde(rename = "-Xmx")]
    #[schemars(regex(pattern = r"^[0-9]+[mMgG]?$"))]
    pub xmx: Option<String>,
    /// The heap at start, such as `512m`.
    #[serde(rename = "-Xms")]
    #[schemars(regex(pattern = r"^[0-9]+[mMgG]?$"))]
    pub xms: Option<String>,
    /// Whether garbage collections are logged. Default false.
    pub gc_logging_enabled: Option<bool>,
    /// System properties, `-D`.
    pub java_system_properties: Option<Vec<JavaSystemProperty>>,
}

/// A system property of the Java virtual machine.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct JavaSystemProperty {
    /// Its name.
    pub name: Option<String>,
    /// Its value.
    pub value: Option<String>,
}
