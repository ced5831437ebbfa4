//! Who we are to an etcd with users: a name and a password, and the token that stands for them until it runs out.
//!
//! Not here: the call that logs in ([`super::Etcd`]).

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tonic::metadata::{Ascii, MetadataValue};

use super::EtcdError;

/// What etcd gave us for name and password.
pub(super) type Token = MetadataValue<Ascii>;

/// A user of etcd.
pub(super) struct Credentials {
    user: (String, String),
    login: Mutex<Login>,
}

/// What came of logging in.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) enum Login {
    /// Nothing yet, or no longer.
    #[default]
    Needed,
    /// etcd has no users: everybody may do everything, until a call is refused for want of a token.
    NotAsked,
    /// A token.
    Token(Token),
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
            login: Mutex::default(),
        }
    }

    pub(super) fn user(&self) -> (String, String) {
        self.user.clone()
    }

    pub(super) fn login(&self) -> Login {
        self.locked().clone()
    }

    /// Keeps what a login brought; a token that no header can hold is none.
    pub(super) fn keep(&self, token: &str) -> Login {
        let login = token.parse().map_or(Login::Needed, Login::Token);
        self.locked().clone_from(&login);
        login
    }

    /// etcd says that it has no users.
    pub(super) fn not_asked(&self) -> Login {
        *self.locked() = Login::NotAsked;
        Login::NotAsked
    }

    /// Drops what was kept, unless somebody has already got something else.
    pub(super) fn forget(&self, old: &Login) {
        let mut login = self.locked();
        if *login == *old {
            *login = Login::Needed;
        }
    }

    fn locked(&self) -> MutexGuard<'_, Login> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Login {
    /// What goes with a call.
    pub(super) fn into_token(self) -> Option<Token> {
        match self {
            Self::Needed | Self::NotAsked => None,
            Self::Token(token) => Some(token),
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
