//! `KafkaUser`: a user, its credentials, rights and limits.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::condition::Condition;
use crate::cruise_control::SecretReference;
use crate::template::ObjectTemplate;

/// A user of the cluster.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaUser",
    plural = "kafkausers",
    namespaced,
    schema = "disabled",
    category = "strimzi",
    shortname = "ku",
    derive = "PartialEq",
    status = "KafkaUserStatus",
    printcolumn(
        name = "Cluster",
        type_ = "string",
        json_path = r".metadata.labels.strimzi\.io/cluster",
        description = "The cluster it belongs to"
    ),
    printcolumn(
        name = "Authentication",
        type_ = "string",
        json_path = ".spec.authentication.type",
        description = "How the user proves who it is"
    ),
    printcolumn(
        name = "Authorization",
        type_ = "string",
        json_path = ".spec.authorization.type",
        description = "How the rights of the user are given"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether it is as asked for"
    )
)]
pub struct KafkaUserSpec {
    /// How the user proves who it is. Absent: nothing is made for that.
    pub authentication: Option<UserAuthentication>,
    /// What the user may do.
    pub authorization: Option<UserAuthorization>,
    /// Limits of the user.
    pub quotas: Option<UserQuotas>,
    /// Changes to the objects made for the user.
    pub template: Option<UserTemplate>,
}

/// How a user proves who it is.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.type == 'tls' || (!has(self.validityDays) && !has(self.renewalDays))", "message": "'validityDays' and 'renewalDays' can be configured only with 'type: tls'"},
    {"rule": "self.type != 'tls' || (has(self.renewalDays) == has(self.validityDays))", "message": "Both 'validityDays' and 'renewalDays' must be set together, or both must be unset."},
    {"rule": "self.type != 'tls' || !has(self.renewalDays) || !has(self.validityDays) || self.renewalDays < self.validityDays", "message": "'renewalDays' must be less than 'validityDays'."},
]))]
pub struct UserAuthentication {
    /// The mechanism.
    #[serde(rename = "type")]
    pub kind: UserAuthenticationType,
    /// With type `scram-sha-512`: a password of your own. Absent: one is made.
    pub password: Option<UserPassword>,
    /// With type `tls`: days that the certificate is valid.
    #[schemars(range(min = 1))]
    pub validity_days: Option<i32>,
    /// With type `tls`: days before the end at which it is renewed.
    #[schemars(range(min = 1))]
    pub renewal_days: Option<i32>,
}

/// A password of your own.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserPassword {
    /// The Secret that holds it.
    pub value_from: SecretReference,
}

/// What a user may do.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct UserAuthorization {
    /// Always `simple`.
    #[serde(rename = "type")]
    pub kind: UserAuthorizationType,
    /// The rights, one by one.
    pub acls: Vec<AclRule>,
}

/// A right.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct AclRule {
    /// Whether it allows or denies. Default `allow`.
    #[serde(rename = "type")]
    pub kind: Option<AclEffect>,
    /// What it is about.
    pub resource: AclResource,
    /// From where. Default `*`: from everywhere.
    pub host: Option<String>,
    /// What may be done.
    pub operations: Vec<AclOperation>,
}

/// What a right is about.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AclResource {
    /// The kind of thing.
    #[serde(rename = "type")]
    pub kind: AclResourceType,
    /// Its name; the whole cluster has none.
    pub name: Option<String>,
    /// Whether the name is meant as such or as a prefix. Default `literal`.
    pub pattern_type: Option<AclPatternType>,
}

/// Limits of a user.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserQuotas {
    /// Bytes a second that may be produced, for each broker.
    #[schemars(range(min = 0))]
    pub producer_byte_rate: Option<i64>,
    /// Bytes a second that may be consumed, for each broker.
    #[schemars(range(min = 0))]
    pub consumer_byte_rate: Option<i64>,
    /// Share of network and I/O threads, in percent.
    #[schemars(range(min = 0))]
    pub request_percentage: Option<i32>,
    /// Partitions a second that may be created or deleted.
    #[schemars(range(min = 0))]
    pub controller_mutation_rate: Option<f64>,
}

/// Changes to the objects made for a user.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct UserTemplate {
    /// The Secret with the user's credentials.
    pub secret: Option<ObjectTemplate>,
}

/// What is known about the user.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaUserStatus {
    /// How the user is.
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the specification that this status speaks of.
    pub observed_generation: Option<i64>,
    /// The name that Kafka knows the user by.
    pub username: Option<String>,
    /// The Secret with the user's credentials.
    pub secret: Option<String>,
}

/// How a user proves who it is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum UserAuthenticationType {
    /// By a certificate made here.
    #[serde(rename = "tls")]
    Tls,
    /// By a certificate made elsewhere.
    #[serde(rename = "tls-external")]
    TlsExternal,
    /// By a password, never sent as such.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

/// How rights are given.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum UserAuthorizationType {
    /// As Kafka's own ACLs.
    Simple,
}

/// What a right does.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum AclEffect {
    /// It allows.
    Allow,
    /// It denies.
    Deny,
}

/// A kind of thing that rights are about.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum AclResourceType {
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// The whole cluster.
    Cluster,
    /// A transactional id.
    TransactionalId,
}

/// How a name in a right is meant.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum AclPatternType {
    /// As such.
    Literal,
    /// As the beginning of names.
    Prefix,
}

/// What a right lets do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum AclOperation {
    /// Read.
    Read,
    /// Write.
    Write,
    /// Create.
    Create,
    /// Delete.
    Delete,
    /// Alter.
    Alter,
    /// Describe.
    Describe,
    /// What brokers do among themselves.
    ClusterAction,
    /// Alter configuration.
    AlterConfigs,
    /// Describe configuration.
    DescribeConfigs,
    /// Write idempotently.
    IdempotentWrite,
    /// Everything.
    All,
}
