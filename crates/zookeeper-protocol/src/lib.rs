//! ZooKeeper's wire format (jute), both directions: what clients send and what servers answer.
//!
//! Reads: bytes of one frame. Decides nothing but what they say.
//!
//! ```text
//!  bytes ─► take_frame ─► ConnectRequest (the first frame)
//!                     └─► RequestFrame { xid, request }            client to server
//!                     └─► ConnectResponse, then ReplyHeader + Response | WatchEvent    server to client
//! ```
//!
//! Invariants: decoding never allocates more than a small multiple of what arrived, never panics, and what was read is
//! written again as the same message. Trailing bytes are ignored, as ZooKeeper's own archive does, which is how fields are
//! added to the protocol.
//!
//! Not here: what a request means (`zookeeper-server`), sockets, time.

mod acl;
mod connect;
mod create_mode;
mod error_code;
mod event;
mod four_letter;
mod frame;
mod multi;
mod op;
mod path;
mod request;
mod response;
mod stat;
#[cfg(test)]
mod tests;
mod wire;

pub use acl::{Acl, Id, Perms, any_acl};
pub use connect::{ConnectRequest, ConnectResponse};
pub use create_mode::CreateMode;
pub use error_code::ErrorCode;
pub use event::{EventKind, WatchEvent, WatchMode, WatcherKind};
pub use four_letter::FourLetter;
pub use frame::{DEFAULT_MAX_FRAME, FrameTooLong, put_frame, take_frame};
pub use multi::{MultiOp, OpResult};
pub use op::Op;
pub use path::{InvalidPath, join, parent_and_name, validate};
pub use request::{Create, CreateKind, Request, RequestFrame, SetWatches};
pub use response::{ClientInfo, Reply, ReplyHeader, Response};
pub use stat::Stat;
pub use wire::{Malformed, Reader, Writer};

/// Ids of messages that answer no numbered request.
pub mod xid {
    /// A watch event.
    pub const EVENT: i32 = -1;
    /// A ping and its answer.
    pub const PING: i32 = -2;
    /// An authentication packet and its answer.
    pub const AUTH: i32 = -4;
    /// Watches that a client sets again after it reconnected, and the answer.
    pub const SET_WATCHES: i32 = -8;
}
