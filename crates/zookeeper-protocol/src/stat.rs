//! What ZooKeeper tells about a node besides its data.

use crate::wire::{Malformed, Reader, Writer};

/// The Stat record: 68 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// The transaction that created the node.
    pub czxid: i64,
    /// The transaction that last set its data.
    pub mzxid: i64,
    /// When it was created, milliseconds since 1970.
    pub ctime: i64,
    /// When its data was last set, milliseconds since 1970.
    pub mtime: i64,
    /// How often its data was set.
    pub version: i32,
    /// How often children came or went.
    pub cversion: i32,
    /// How often its ACL was set.
    pub aversion: i32,
    /// The session of an ephemeral node; zero otherwise; containers and nodes with a time to live have values of their own.
    pub ephemeral_owner: i64,
    /// Bytes of data.
    pub data_length: i32,
    /// Children there are.
    pub num_children: i32,
    /// The last transaction in which a child came or went.
    pub pzxid: i64,
}

impl Stat {
    /// Bytes on the wire.
    pub const SIZE: usize = 6 * 8 + 5 * 4;

    /// Reads one.
    pub fn decode(from: &mut Reader) -> Result<Self, Malformed> {
        Ok(Self {
            czxid: from.long()?,
            mzxid: from.long()?,
            ctime: from.long()?,
            mtime: from.long()?,
            version: from.int()?,
            cversion: from.int()?,
            aversion: from.int()?,
            ephemeral_owner: from.long()?,
            data_length: from.int()?,
            num_children: from.int()?,
            pzxid: from.long()?,
        })
    }

    /// Writes it.
    pub fn encode(&self, to: &mut Writer) {
        let Self {
            czxid,
            mzxid,
            ctime,
            mtime,
            version,
            cversion,
            aversion,
            ephemeral_owner,
            data_length,
            num_children,
            pzxid,
        } = *self;
        to.long(czxid);
        to.long(mzxid);
        to.long(ctime);
        to.long(mtime);
        to.int(version);
        to.int(cversion);
        to.int(aversion);
        to.long(ephemeral_owner);
        to.int(data_length);
        to.int(num_children);
        to.long(pzxid);
    }
}
