//! What is wrong, or merely doubtful, in what a user wrote.
//!
//! A problem stops the resource it belongs to and nothing else; a warning is only told.
//! Both are values: the parser collects all of them, the status, the events and
//! `klamm validate` print the same ones. Nothing here decides; see `desired::parse`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a value was refused, as it appears in a condition's `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProblemReason {
    /// A required field is absent.
    MissingField,
    /// A field that the resource does not have.
    UnknownField,
    /// The value has the wrong type, format or range.
    InvalidValue,
    /// Two parts of the resource exclude each other.
    Conflict,
    /// The same name, id or port is used twice.
    Duplicate,
    /// The user may not set this because the operator owns it.
    Forbidden,
    /// A version of Kafka or of its metadata that is not known here.
    UnsupportedVersion,
    /// A value that is valid, but that this version cannot serve.
    Unsupported,
    /// The resource names another one that is not there.
    MissingReference,
    /// A text that is no manifest at all.
    Unreadable,
}

impl ProblemReason {
    /// The CamelCase word for conditions, events and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingField => "MissingField",
            Self::UnknownField => "UnknownField",
            Self::InvalidValue => "InvalidValue",
            Self::Conflict => "Conflict",
            Self::Duplicate => "Duplicate",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "UnsupportedVersion",
            Self::Unsupported => "Unsupported",
            Self::MissingReference => "MissingReference",
            Self::Unreadable => "Unreadable",
        }
    }
}

impl fmt::Display for ProblemReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The resource a problem or warning belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// Kind, such as `Kafka`.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
}

impl Subject {
    /// Names a resource.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// One thing a user must change before the resource can be acted on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// The resource it belongs to.
    pub subject: Subject,
    /// The class of the problem.
    pub reason: ProblemReason,
    /// Field path, such as `spec.kafka.listeners[1].port`.
    pub field: String,
    /// What was given, as the user wrote it; empty when the field is absent.
    pub given: String,
    /// What is allowed there, as a phrase that follows "allowed:".
    pub allowed: String,
    /// A value that would be accepted; empty when none can be given.
    pub example: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject: _,
            reason,
            field,
            given,
            allowed,
            example,
        } = self;
        let (allowed_as, example_as) = match (reason, given.as_str()) {
            (ProblemReason::UnknownField, _) => {
                write!(f, "{field} is not a field")?;
                ("fields there", "did you mean")
            }
            (_, "") => {
                write!(f, "{field} is missing")?;
                ("allowed", "for example")
            }
            (ProblemReason::MissingReference, given) => {
                write!(f, "{field}: {given}")?;
                ("needed", "for example")
            }
            (ProblemReason::Unreadable, given) => {
                write!(f, "{field} cannot be read: {given}")?;
                ("allowed", "for example")
            }
            (ProblemReason::Forbidden, given) => {
                write!(f, "{field} cannot be set (to {given})")?;
                ("instead", "for example")
            }
            (_, given) => {
                write!(f, "{field}: {given} is not allowed")?;
                ("allowed", "for example")
            }
        };
        if !allowed.is_empty() {
            write!(f, "; {allowed_as}: {allowed}")?;
        }
        if !example.is_empty() {
            write!(f, "; {example_as}: {example}")?;
        }
        Ok(())
    }
}

/// Why something is doubtful, as it appears in the `reason` of a `Warning` condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WarningReason {
    /// `default.replication.factor` is unset in a cluster of several brokers.
    KafkaDefaultReplicationFactor,
    /// `min.insync.replicas` is unset in a cluster of several brokers.
    KafkaMinInsyncReplicas,
    /// Storage that loses data easily, or a change of storage that is not made.
    KafkaStorage,
    /// One, two or an even number of controllers.
    KafkaKRaftControllerNodeCount,
    /// The metadata version is older than the Kafka version.
    KafkaMetadataVersion,
    /// `inter.broker.protocol.version` has no meaning any more.
    KafkaInterBrokerProtocolVersionInKRaft,
    /// `log.message.format.version` has no meaning any more.
    KafkaLogMessageFormatVersionInKRaft,
    /// A kind that will go.
    DeprecatedObjects,
    /// A field that will go.
    DeprecatedFields,
    /// Fields that the resource does not have.
    UnknownFields,
    /// Kafka's own quotas and the quota plug-in are configured together.
    QuotasPluginConflict,
    /// A field is accepted, but nothing acts on it yet.
    FieldNotActedOn,
    /// A level of a log configuration that the library does not know.
    InvalidLogLevel,
    /// A listener type that cannot be reached where this cluster runs.
    ListenerNotReachable,
}

impl WarningReason {
    /// The CamelCase word for conditions, events and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KafkaDefaultReplicationFactor => "KafkaDefaultReplicationFactor",
            Self::KafkaMinInsyncReplicas => "KafkaMinInsyncReplicas",
            Self::KafkaStorage => "KafkaStorage",
            Self::KafkaKRaftControllerNodeCount => "KafkaKRaftControllerNodeCount",
            Self::KafkaMetadataVersion => "KafkaMetadataVersion",
            Self::KafkaInterBrokerProtocolVersionInKRaft => {
                "KafkaInterBrokerProtocolVersionInKRaft"
            }
            Self::KafkaLogMessageFormatVersionInKRaft => "KafkaLogMessageFormatVersionInKRaft",
            Self::DeprecatedObjects => "DeprecatedObjects",
            Self::DeprecatedFields => "DeprecatedFields",
            Self::UnknownFields => "UnknownFields",
            Self::QuotasPluginConflict => "QuotasPluginConflict",
            Self::FieldNotActedOn => "FieldNotActedOn",
            Self::InvalidLogLevel => "InvalidLogLevel",
            Self::ListenerNotReachable => "ListenerNotReachable",
        }
    }
}

impl fmt::Display for WarningReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something a user should know, though the resource is acted on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Warning {
    /// The resource it belongs to.
    pub subject: Subject,
    /// The class of the warning.
    pub reason: WarningReason,
    /// Field path it is about.
    pub field: String,
    /// A whole sentence.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject,
            field,
            message,
            ..
        } = self;
        // What is said of a whole object begins with its kind, not with a field.
        let about = if field == "kind" {
            &subject.kind
        } else {
            field
        };
        let colon = if field == "kind" { "" } else { ":" };
        write!(f, "{about}{colon} {message}")
    }
}
