//! An observation that may be missing.
//!
//! Decides: nothing. It makes "we could not look" a value, so that no default can slip in for it.
//! Invariant: an unknown may delay a decision, it never destroys anything.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was seen, and when; or why it could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Known<T> {
    /// Seen at this time.
    At(Timestamp, T),
    /// Not seen, for this reason.
    Unknown(Why),
}

/// Why something could not be observed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "camelCase")]
pub enum Why {
    /// Nobody asked, because what would have to be asked is not there yet (no broker runs).
    NotAsked,
    /// No answer within the bound, or no connection.
    Unreachable {
        /// What was tried and how it failed, without secrets.
        text: String,
    },
    /// An answer that says no (forbidden, not authorised).
    Refused {
        /// What was tried and the refusal.
        text: String,
    },
    /// An answer that could not be understood.
    Malformed {
        /// What was read and what is wrong with it.
        text: String,
    },
}

impl<T> Known<T> {
    /// The value, where it was seen.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::At(_, value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The reason, where it was not seen.
    pub fn why(&self) -> Option<&Why> {
        match self {
            Self::At(_, _) => None,
            Self::Unknown(why) => Some(why),
        }
    }

    /// The same knowledge about a part of the value.
    pub fn map<U>(self, part: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::At(at, value) => Known::At(at, part(value)),
            Self::Unknown(why) => Known::Unknown(why),
        }
    }

    /// Borrows the value inside.
    pub fn as_ref(&self) -> Known<&T> {
        match self {
            Self::At(at, value) => Known::At(*at, value),
            Self::Unknown(why) => Known::Unknown(why.clone()),
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAsked => f.write_str("not asked yet"),
            Self::Unreachable { text } | Self::Refused { text } | Self::Malformed { text } => {
                f.write_str(text)
            }
        }
    }
}
