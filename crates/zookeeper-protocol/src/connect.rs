//! The first frame each way.

use bytes::Bytes;

use crate::wire::{Malformed, Reader, Writer};

/// Opens a connection: a new session, or one that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectRequest {
    /// Zero.
    pub protocol_version: i32,
    /// The newest transaction the client has seen; a server that is behind must refuse.
    pub last_zxid_seen: i64,
    /// Session timeout wished for, milliseconds.
    pub timeout: i32,
    /// Zero for a new session.
    pub session_id: i64,
    /// The session's password; zeros for a new one.
    pub password: Bytes,
    /// Whether a server that only reads would do. `None`: clients before 3.4 do not send the byte.
    pub read_only: Option<bool>,
}

impl ConnectRequest {
    /// Reads one.
    pub fn decode(content: Bytes) -> Result<Self, Malformed> {
        let mut from = Reader::new(content);
        Ok(Self {
            protocol_version: from.int()?,
            last_zxid_seen: from.long()?,
            timeout: from.int()?,
            session_id: from.long()?,
            password: from.buffer()?.unwrap_or_default(),
            read_only: optional_bool(&mut from)?,
        })
    }

    /// The content of its frame.
    pub fn encode(&self) -> Bytes {
        let mut to = Writer::new();
        to.int(self.protocol_version);
        to.long(self.last_zxid_seen);
        to.int(self.timeout);
        to.long(self.session_id);
        to.buffer(Some(&self.password));
        if let Some(read_only) = self.read_only {
            to.bool(read_only);
        }
        to.finish()
    }
}

/// Answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectResponse {
    /// Zero.
    pub protocol_version: i32,
    /// Session timeout that will be kept, milliseconds; zero: the session is no more.
    pub timeout: i32,
    /// The session; zero: it is no more.
    pub session_id: i64,
    /// Its password.
    pub password: Bytes,
    /// Whether this server only reads. `None` for clients that did not send the byte.
    pub read_only: Option<bool>,
}

impl ConnectResponse {
    /// The answer to a client whose session is no more.
    pub fn expired(read_only: Option<bool>) -> Self {
        Self {
            protocol_version: 0,
            timeout: 0,
            session_id: 0,
            password: Bytes::from_static(&[0; 16]),
            read_only,
        }
    }

    /// Reads one.
    pub fn decode(content: Bytes) -> Result<Self, Malformed> {
        let mut from = Reader::new(content);
        Ok(Self {
            protocol_version: from.int()?,
            timeout: from.int()?,
            session_id: from.long()?,
            password: from.buffer()?.unwrap_or_default(),
            read_only: optional_bool(&mut from)?,
        })
    }

    /// The content of its frame.
    pub fn encode(&self) -> Bytes {
        let mut to = Writer::new();
        to.int(self.protocol_version);
        to.int(self.timeout);
        to.long(self.session_id);
        to.buffer(Some(&self.password));
        if let Some(read_only) = self.read_only {
            to.bool(read_only);
        }
        to.finish()
    }
}

fn optional_bool(from: &mut Reader) -> Result<Option<bool>, Malformed> {
    if from.remaining() == 0 {
        return Ok(None);
    }
    from.bool().map(Some)
}
