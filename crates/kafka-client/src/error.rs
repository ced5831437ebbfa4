//! What can go wrong when asking Kafka, and when it is worth asking again.
//!
//! Invariants: an [`Error`] names the operation, its object and the broker; its text never repeats its source;
//! every cause answers [`Retry`]. Not here: errors of the wire format (`wire::WireError`).

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::error_code::ErrorCode;
use crate::wire::WireError;

/// A question to Kafka that was not answered as hoped.
#[derive(Clone, Debug)]
pub struct Error {
    /// What was done, as a verb and a noun or Kafka's name of the request.
    pub operation: &'static str,
    /// To what it was done, if to something.
    pub object: Option<String>,
    /// Whom we asked, if we got as far as choosing.
    pub broker: Option<String>,
    /// Why it failed.
    pub cause: Cause,
}

/// When the same call may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// At once or after a moment: a connection broke, a leader moved.
    Soon,
    /// After a while: something is down or overloaded.
    Later,
    /// Not before the input, a right or the version of something changes.
    OnChange,
}

/// Why a question failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Cause {
    /// The TCP connection could not be made.
    #[error("cannot connect")]
    Dial(#[source] Arc<io::Error>),
    /// The TLS handshake failed, or the peer refused us right after it.
    #[error("TLS failed")]
    Tls(#[source] Arc<io::Error>),
    /// The peer's first bytes are not Kafka's.
    #[error("the peer does not speak Kafka in plain text: {0}")]
    NotKafka(&'static str),
    /// The peer refused who we say we are.
    #[error("authentication failed: {0}")]
    Authentication(String),
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] Arc<io::Error>),
    /// The connection was closed before the answer came.
    #[error("the connection was closed before an answer came")]
    Closed,
    /// No answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Deadline(Duration),
    /// A frame longer than we accept.
    #[error("an answer of {length} bytes is more than the limit of {limit}")]
    FrameTooLong {
        /// Its length as announced.
        length: u32,
        /// Our limit.
        limit: usize,
    },
    /// An answer to another question.
    #[error("the answer carries correlation id {got} instead of {expected}")]
    Correlation {
        /// What was sent.
        expected: i32,
        /// What came.
        got: i32,
    },
    /// Bytes that are not the message they should be.
    #[error("{message} version {version} cannot be read or written")]
    Wire {
        /// Kafka's name of the message.
        message: &'static str,
        /// Its version.
        version: i16,
        /// What is wrong.
        #[source]
        source: WireError,
    },
    /// The broker does not speak a version of the API that we speak.
    #[error("the broker speaks {api} {theirs}, we speak {} to {}", .ours.0, .ours.1)]
    UnsupportedApi {
        /// Kafka's name of it.
        api: &'static str,
        /// First and last version of ours.
        ours: (i16, i16),
        /// The broker's versions, as text.
        theirs: String,
    },
    /// Kafka answered with an error code.
    #[error("Kafka says {}{}", .code.name(), sentence(*.code, .message.as_deref()))]
    Kafka {
        /// The code.
        code: ErrorCode,
        /// Kafka's own words, if it sent some.
        message: Option<String>,
    },
    /// An answer that lacks what it must contain.
    #[error("the answer makes no sense: {0}")]
    Nonsense(String),
    /// Nobody to ask.
    #[error("{0}")]
    Nobody(String),
    /// Our own input is wrong.
    #[error("{0}")]
    Input(String),
}

impl Cause {
    /// A code as a cause, or nothing if it is no error.
    pub fn check(code: i16, message: Option<&str>) -> Result<(), Self> {
        match ErrorCode::from_code(code) {
            ErrorCode::None => Ok(()),
            code => Err(Self::Kafka {
                code,
                message: message.filter(|text| !text.is_empty()).map(str::to_owned),
            }),
        }
    }

    /// When the same call may succeed.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Broken(_) | Self::Closed | Self::Deadline(_) => Retry::Soon,
            Self::Dial(_) | Self::Tls(_) | Self::Authentication(_) | Self::Nobody(_) => {
                Retry::Later
            }
            Self::NotKafka(_)
            | Self::FrameTooLong { .. }
            | Self::Correlation { .. }
            | Self::Wire { .. }
            | Self::UnsupportedApi { .. }
            | Self::Nonsense(_)
            | Self::Input(_) => Retry::OnChange,
            Self::Kafka { code, .. } => retry_of(*code),
        }
    }

    /// Whether the request surely never reached a broker, so that sending it again cannot do it twice.
    pub fn was_never_sent(&self) -> bool {
        matches!(
            self,
            Self::Dial(_)
                | Self::Tls(_)
                | Self::NotKafka(_)
                | Self::Authentication(_)
                | Self::Nobody(_)
        )
    }
}

fn retry_of(code: ErrorCode) -> Retry {
    match code {
        ErrorCode::ThrottlingQuotaExceeded
        | ErrorCode::BrokerNotAvailable
        | ErrorCode::PolicyViolation
        | ErrorCode::ReassignmentInProgress
        | ErrorCode::KafkaStorageError
        | ErrorCode::NonEmptyGroup
        | ErrorCode::FeatureUpdateFailed
        | ErrorCode::InvalidReplicationFactor
        | ErrorCode::EligibleLeadersNotAvailable
        | ErrorCode::UnknownServerError => Retry::Later,
        retriable if retriable.is_retriable() => Retry::Soon,
        _ => Retry::OnChange,
    }
}

fn sentence(code: ErrorCode, message: Option<&str>) -> String {
    match (message, code) {
        (Some(message), _) => format!(": {message}"),
        (None, ErrorCode::Unknown(number)) => format!(" {number}"),
        (None, code) => format!(": {}", code.sentence()),
    }
}

impl Error {
    pub(crate) fn new(operation: &'static str, cause: Cause) -> Self {
        Self {
            operation,
            object: None,
            broker: None,
            cause,
        }
    }

    /// The same error about `object`, unless it already names one.
    #[must_use]
    pub fn about(mut self, operation: &'static str, object: impl Into<String>) -> Self {
        self.operation = operation;
        let object = Some(object.into()).filter(|object| !object.is_empty());
        self.object = self.object.or(object);
        self
    }

    pub(crate) fn at(mut self, broker: impl fmt::Display) -> Self {
        self.broker.get_or_insert(broker.to_string());
        self
    }

    /// When the same call may succeed.
    pub fn retry(&self) -> Retry {
        self.cause.retry()
    }

    /// Kafka's error code, if Kafka sent one.
    pub fn code(&self) -> Option<ErrorCode> {
        match &self.cause {
            Cause::Kafka { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The whole chain in one line: operation, cause, the cause's cause.
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            object,
            broker,
            cause: _,
        } = self;
        f.write_str(operation)?;
        if let Some(object) = object {
            write!(f, " {object}")?;
        }
        if let Some(broker) = broker {
            write!(f, " at {broker}")?;
        }
        f.write_str(" failed")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}
