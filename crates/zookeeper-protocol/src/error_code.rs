//! ZooKeeper's error codes.

use std::fmt;

/// An error code of a reply. Codes that are not known here pass through unharmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i32);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name in ZooKeeper's documentation.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// No error.
    OK = 0, "Ok";
    /// The server could not do what it should.
    SYSTEM_ERROR = -1, "SystemError";
    /// In a failed multi: this operation was not tried.
    RUNTIME_INCONSISTENCY = -2, "RuntimeInconsistency";
    /// Data of the server contradicts itself.
    DATA_INCONSISTENCY = -3, "DataInconsistency";
    /// The connection was lost.
    CONNECTION_LOSS = -4, "ConnectionLoss";
    /// The request could not be read.
    MARSHALLING_ERROR = -5, "MarshallingError";
    /// There is no such operation here.
    UNIMPLEMENTED = -6, "Unimplemented";
    /// It took too long.
    OPERATION_TIMEOUT = -7, "OperationTimeout";
    /// An argument is not valid.
    BAD_ARGUMENTS = -8, "BadArguments";
    /// The session is not known.
    UNKNOWN_SESSION = -12, "UnknownSession";
    /// The node does not exist.
    NO_NODE = -101, "NoNode";
    /// Not allowed by the node's ACL.
    NO_AUTH = -102, "NoAuth";
    /// The node has another version.
    BAD_VERSION = -103, "BadVersion";
    /// Ephemeral nodes have no children.
    NO_CHILDREN_FOR_EPHEMERALS = -108, "NoChildrenForEphemerals";
    /// The node exists.
    NODE_EXISTS = -110, "NodeExists";
    /// The node has children.
    NOT_EMPTY = -111, "NotEmpty";
    /// The session has expired.
    SESSION_EXPIRED = -112, "SessionExpired";
    /// The callback is not valid.
    INVALID_CALLBACK = -113, "InvalidCallback";
    /// The ACL is not valid.
    INVALID_ACL = -114, "InvalidACL";
    /// Authentication failed.
    AUTH_FAILED = -115, "AuthFailed";
    /// The session is now at another server.
    SESSION_MOVED = -118, "SessionMoved";
    /// The server only reads.
    NOT_READ_ONLY = -119, "NotReadOnly";
    /// Ephemeral nodes need a global session.
    EPHEMERAL_ON_LOCAL_SESSION = -120, "EphemeralOnLocalSession";
    /// There is no such watch.
    NO_WATCHER = -121, "NoWatcher";
    /// The request took too long.
    REQUEST_TIMEOUT = -122, "RequestTimeout";
    /// Members cannot be changed.
    RECONFIG_DISABLED = -123, "ReconfigDisabled";
    /// The server wants SASL first.
    SESSION_CLOSED_REQUIRE_SASL_AUTH = -124, "SessionClosedRequireSaslAuth";
    /// A quota would be exceeded.
    QUOTA_EXCEEDED = -125, "QuotaExceeded";
    /// The server has too much to do.
    THROTTLED_OP = -127, "ThrottledOp";
}

impl ErrorCode {
    /// Whether it stands for success.
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "error {}", self.0),
        }
    }
}
