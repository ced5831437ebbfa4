//! Kafka's wire format: one codec that reads or writes, bounded on both sides.
//!
//! Does: walks a message field by field; each struct has one `wire` function and the [`Codec`] knows whether it is
//! reading a frame or building one. Reads: bytes a peer sent, never trusted. Invariants: every length is compared
//! with what is left of the frame before anything is allocated; what a frame makes us allocate is charged to a
//! budget of [`BUDGET_FACTOR`] times its length; nothing recurses deeper than Kafka's message definitions do; no
//! panic, no abort. Not here: which fields a message has (`messages`, generated), framing and sockets
//! (`connection`), record batches (`records`).

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod fill;
mod header;
mod read;
mod tags;
mod types;
mod write;

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::messages::ApiKey;
use fill::Entropy;
use read::Reader;

pub use header::{
    RequestHeader, decode_request_header, decode_response, encode_request, encode_response,
};

/// How many bytes of memory one byte of a frame may cost, see [`Codec`].
///
/// An empty string costs 24 bytes of memory for 1 byte on the wire; honest messages stay far below 16.
pub const BUDGET_FACTOR: usize = 16;

/// What every frame may cost however short it is: 64 KiB.
pub const BUDGET_FLOOR: usize = 64 * 1024;

/// Why bytes are not the message they should be, or a message cannot be written in a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The frame ends inside a value.
    #[error("at byte {at}: {need} more bytes are needed, {left} are left")]
    Truncated {
        /// Offset in the message.
        at: usize,
        /// Bytes the value needs.
        need: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// A length or count that cannot be true.
    #[error("at byte {at}: length {length} is impossible with {left} bytes left")]
    Length {
        /// Offset in the message.
        at: usize,
        /// The length as sent.
        length: i64,
        /// Bytes that are left.
        left: usize,
    },
    /// A null where the version allows none.
    #[error("at byte {at}: null is not allowed here in this version")]
    Null {
        /// Offset in the message.
        at: usize,
    },
    /// A string that is not UTF-8.
    #[error("at byte {at}: a string that is not UTF-8")]
    Text {
        /// Offset in the message.
        at: usize,
    },
    /// A variable-length number longer than its type.
    #[error("at byte {at}: a variable-length number that does not end")]
    Varint {
        /// Offset in the message.
        at: usize,
    },
    /// The message would take more memory than its length justifies.
    #[error("at byte {at}: decoding would take more than {budget} bytes of memory")]
    Budget {
        /// Offset in the message.
        at: usize,
        /// The whole budget of this frame.
        budget: usize,
    },
    /// Bytes after the end of the message.
    #[error("{left} bytes follow the end of the message")]
    Trailing {
        /// How many.
        left: usize,
    },
    /// A field was set that the version cannot carry.
    #[error("version {version} has no field {field}, which is set")]
    Absent {
        /// Kafka's name of the field.
        field: &'static str,
        /// The version being written.
        version: i16,
    },
    /// A value too long for the wire.
    #[error("{length} bytes or elements are too many for this field")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// The version is not one the message has.
    #[error("{message} has no version {version}, only {first} to {last}")]
    Version {
        /// Kafka's name of the message.
        message: &'static str,
        /// The version asked for.
        version: i16,
        /// Lowest version known.
        first: i16,
        /// Highest version known.
        last: i16,
    },
    /// A value outside of what the format allows.
    #[error("at byte {at}: {what}")]
    Invalid {
        /// Offset in the message.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// Something with a place on the wire.
pub trait Wire {
    /// Reads `self` from the codec or writes it to the codec, as the codec's side says.
    fn wire(&mut self, w: &mut Codec) -> Result<(), WireError>;
}

/// The body of a request or a response.
pub trait Message: Wire + Default {
    /// Kafka's name of it.
    const NAME: &'static str;
    /// The API it belongs to.
    const API: ApiKey;
    /// The versions it can be read and written in.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with compact lengths and tagged fields.
    const FLEXIBLE_FROM: i16;
}

/// The body of a request.
pub trait Request: Message {
    /// What answers it.
    type Response: Message;
}

/// A message being read or written, at one version.
#[derive(Debug)]
pub struct Codec {
    version: i16,
    flexible: bool,
    side: Side,
}

#[derive(Debug)]
enum Side {
    Read(Reader),
    Write(Vec<u8>),
    Fill(Entropy),
}

impl Codec {
    /// The version being read or written.
    pub fn version(&self) -> i16 {
        self.version
    }

    /// A field that this version lacks: writing it is an error unless it holds its default.
    pub fn absent(&mut self, field: &'static str, is_default: bool) -> Result<(), WireError> {
        match self.side {
            Side::Write(_) if !is_default => Err(WireError::Absent {
                field,
                version: self.version,
            }),
            Side::Read(_) | Side::Write(_) | Side::Fill(_) => Ok(()),
        }
    }

    fn of<M: Message>(version: i16, side: Side) -> Result<Self, WireError> {
        if M::VERSIONS.contains(&version) {
            return Ok(Self {
                version,
                flexible: version >= M::FLEXIBLE_FROM,
                side,
            });
        }
        let (first, last) = (*M::VERSIONS.start(), *M::VERSIONS.end());
        Err(WireError::Version {
            message: M::NAME,
            version,
            first,
            last,
        })
    }
}

/// Appends the body of `message` to `out`.
///
/// Takes `&mut` because one function per struct both reads and writes; the message is left as it was.
pub fn encode<M: Message>(
    message: &mut M,
    version: i16,
    out: Vec<u8>,
) -> Result<Vec<u8>, WireError> {
    let mut codec = Codec::of::<M>(version, Side::Write(out))?;
    message.wire(&mut codec)?;
    match codec.side {
        Side::Write(out) => Ok(out),
        Side::Read(_) | Side::Fill(_) => Ok(Vec::new()),
    }
}

/// Reads a body that must fill `body` to its end.
pub fn decode<M: Message>(body: Bytes, version: i16) -> Result<M, WireError> {
    let mut codec = Codec::of::<M>(version, Side::Read(Reader::new(body)))?;
    let mut message = M::default();
    message.wire(&mut codec)?;
    match codec.side {
        Side::Read(reader) if reader.left() > 0 => Err(WireError::Trailing {
            left: reader.left(),
        }),
        Side::Read(_) | Side::Write(_) | Side::Fill(_) => Ok(message),
    }
}

/// A message whose every field of this version is made from `entropy`: for property tests and fuzzing.
///
/// The same bytes give the same message; when they run out the rest is zero, empty or null.
pub fn arbitrary<M: Message>(entropy: &[u8], version: i16) -> Result<M, WireError> {
    let mut codec = Codec::of::<M>(version, Side::Fill(Entropy::new(entropy.to_vec())))?;
    let mut message = M::default();
    message.wire(&mut codec)?;
    Ok(message)
}
