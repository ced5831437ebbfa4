//! Names as types, so that a pool's name cannot stand where a cluster's is meant.
//!
//! A value of these types is valid: it can be part of every object name we make from it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest DNS label, the limit of Pod host names and label values.
pub const LABEL_MAX: usize = 63;

/// Longest listener name, as in the resource's schema.
pub const LISTENER_NAME_MAX: usize = 11;

/// A name that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not {allowed}")]
pub struct NameError {
    /// The name as given.
    pub given: String,
    /// What is allowed, as a noun phrase.
    pub allowed: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $valid:expr, $allowed:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What is allowed, as a noun phrase.
            pub const ALLOWED: &'static str = $allowed;

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NameError { given: text.to_owned(), allowed: $allowed })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Name of a namespace.
    Namespace,
    is_dns_label,
    "a lower-case DNS label of at most 63 characters"
);
name!(
    /// Name of a `Kafka`; a prefix of the names of Services and Pods.
    ClusterName,
    is_dns_label,
    "a lower-case DNS label of at most 63 characters"
);
name!(
    /// Name of a `KafkaNodePool`.
    PoolName,
    is_dns_label,
    "a lower-case DNS label of at most 63 characters"
);
name!(
    /// Name of a client listener.
    ListenerName,
    is_listener_name,
    "1 to 11 lower-case letters and digits"
);

fn is_dns_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= LABEL_MAX
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_listener_name(text: &str) -> bool {
    (1..=LISTENER_NAME_MAX).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

#[cfg(test)]
mod tests;
