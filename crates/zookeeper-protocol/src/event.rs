//! Watches: what fires, and the kinds of watch there are.

use crate::wire::{Malformed, Reader, Writer};

/// What happened to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are ZooKeeper's")]
pub enum EventKind {
    /// Nothing happened to a node; the state of the session changed.
    None,
    NodeCreated,
    NodeDeleted,
    NodeDataChanged,
    NodeChildrenChanged,
    /// A number that is none of the above.
    Unknown(i32),
}

impl EventKind {
    /// The kind of this number.
    pub fn from_number(number: i32) -> Self {
        match number {
            -1 => Self::None,
            1 => Self::NodeCreated,
            2 => Self::NodeDeleted,
            3 => Self::NodeDataChanged,
            4 => Self::NodeChildrenChanged,
            other => Self::Unknown(other),
        }
    }

    /// Its number.
    pub fn number(self) -> i32 {
        match self {
            Self::None => -1,
            Self::NodeCreated => 1,
            Self::NodeDeleted => 2,
            Self::NodeDataChanged => 3,
            Self::NodeChildrenChanged => 4,
            Self::Unknown(number) => number,
        }
    }
}

/// A watch has fired. It travels as a reply whose xid is [`crate::xid::EVENT`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchEvent {
    /// What happened.
    pub kind: EventKind,
    /// State of the session: 3, connected.
    pub state: i32,
    /// The node.
    pub path: String,
}

impl WatchEvent {
    /// The state of a session that is connected.
    pub const CONNECTED: i32 = 3;

    /// Reads the body after the reply header.
    pub fn decode(from: &mut Reader) -> Result<Self, Malformed> {
        Ok(Self {
            kind: EventKind::from_number(from.int()?),
            state: from.int()?,
            path: from.string()?,
        })
    }

    /// Writes the body after the reply header.
    pub fn encode(&self, to: &mut Writer) {
        to.int(self.kind.number());
        to.int(self.state);
        to.string(&self.path);
    }
}

/// How a watch lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WatchMode {
    /// Fires once.
    Standard,
    /// Fires until it is removed.
    Persistent,
    /// As before, for all nodes below as well.
    PersistentRecursive,
}

impl WatchMode {
    /// The mode of an addWatch request.
    pub fn from_add_watch(number: i32) -> Option<Self> {
        match number {
            0 => Some(Self::Persistent),
            1 => Some(Self::PersistentRecursive),
            _ => None,
        }
    }
}

/// Which watches checkWatches and removeWatches mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are ZooKeeper's")]
pub enum WatcherKind {
    Children,
    Data,
    Any,
    Persistent,
    PersistentRecursive,
}

impl WatcherKind {
    /// The kind of this number.
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::Children),
            2 => Some(Self::Data),
            3 => Some(Self::Any),
            4 => Some(Self::Persistent),
            5 => Some(Self::PersistentRecursive),
            _ => None,
        }
    }
}
