//! Who we are to an etcd with users: a name and a password, and the token that stands for them until it runs out.
//!
//! Not here: the call that logs in ([`super::Etcd`]).

use std::fmt;
use std::sync::{Mutex, PoisonError};

use tonic::metadata::{Ascii, MetadataValue};

use super::EtcdError;

/// What etcd gave us for name and password.
pub(super) type Token = MetadataValue<Ascii>;

/// A user of etcd.
pub(super) struct Credentials {
    user: (String, String),
    token: Mutex<Option<Token>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("name", &self.user.0)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    pub(super) fn new(user: (String, String)) -> Self {
        Self {
            user,
            token: Mutex::new(None),
        }
    }

    pub(super) fn user(&self) -> (String, String) {
        self.user.clone()
    }

    pub(super) fn token(&self) -> Option<Token> {
        self.token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Keeps a new token; none comes of one that no header can hold.
    pub(super) fn keep(&self, token: &str) -> Option<Token> {
        let token: Option<Token> = token.parse().ok();
        self.token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&token);
        token
    }

    /// Drops the token, unless somebody has already got another one.
    pub(super) fn forget(&self, old: Option<&Token>) {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if token.as_ref() == old {
            *token = None;
        }
    }
}

/// Whether a call failed for want of a token that etcd knows: another one helps.
///
/// Source: `shouldRefreshToken` in etcd's `client/v3/retry_interceptor.go`.
pub(super) fn is_stale(error: &EtcdError) -> bool {
    let EtcdError::Refused { message, .. } = error else {
        return false;
    };
    [
        "invalid auth token",
        "revision of auth store is old",
        "user name is empty",
    ]
    .iter()
    .any(|reason| message.contains(reason))
}
