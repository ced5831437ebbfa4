//! Who may do what.

use serde::{Deserialize, Serialize};

/// How requests are authorized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authorization {
    /// Everybody may do everything.
    None,
    /// Kafka's own access control lists.
    Simple {
        /// Principals that may do everything, such as `CN=admin` or `User:CN=admin`.
        super_users: Vec<String>,
    },
    /// A class of the user's.
    Custom {
        /// Its name.
        class: String,
        /// Principals that may do everything.
        super_users: Vec<String>,
        /// Whether access control lists can be managed through Kafka's Admin protocol.
        supports_admin_api: bool,
    },
}
