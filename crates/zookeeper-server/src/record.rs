//! What is stored under the keys, and how zxids come about.
//!
//! A zxid is the revision of the etcd transaction, shifted left, plus the number of the request in it. The revision is not known
//! before the transaction is done, so a record that is written says "number 3 of the transaction that writes this" (as -3),
//! and whoever reads it adds the key's own revision. See `docs/decisions`.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use zookeeper_protocol::{Acl, Id, Perms};

/// Requests that fold into one transaction must be fewer than 2 to this power.
pub(crate) const INDEX_BITS: u32 = 12;

/// A zxid that is known now: `stored` itself, or if it is -n, number n of the transaction `revision`.
pub(crate) fn resolve(stored: i64, revision: i64) -> i64 {
    if stored < 0 {
        (revision << INDEX_BITS) - stored
    } else {
        stored
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AclRecord {
    #[prost(int32, tag = "1")]
    pub(crate) perms: i32,
    #[prost(string, tag = "2")]
    pub(crate) scheme: String,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
}

/// A node.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NodeRecord {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub(crate) data: Option<Bytes>,
    /// None: everything to everyone.
    #[prost(message, repeated, tag = "2")]
    pub(crate) acl: Vec<AclRecord>,
    #[prost(sint64, tag = "3")]
    pub(crate) czxid: i64,
    #[prost(sint64, tag = "4")]
    pub(crate) mzxid: i64,
    #[prost(int64, tag = "5")]
    pub(crate) ctime: i64,
    #[prost(int64, tag = "6")]
    pub(crate) mtime: i64,
    #[prost(sint32, tag = "7")]
    pub(crate) version: i32,
    #[prost(sint32, tag = "8")]
    pub(crate) aversion: i32,
    #[prost(sfixed64, tag = "9")]
    pub(crate) owner: i64,
}

/// What children did to a node.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ChildrenRecord {
    #[prost(sint32, tag = "1")]
    pub(crate) creates: i32,
    #[prost(sint64, tag = "2")]
    pub(crate) pzxid: i64,
}

/// A session.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionRecord {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) password: Bytes,
    /// Milliseconds.
    #[prost(int32, tag = "2")]
    pub(crate) timeout: i32,
    /// The connection it is on: another number, another connection.
    #[prost(fixed64, tag = "3")]
    pub(crate) attachment: u64,
    /// The server of that connection.
    #[prost(fixed64, tag = "4")]
    pub(crate) server: u64,
}

/// A server's fence.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FenceRecord {
    /// The last batch it committed.
    #[prost(uint64, tag = "1")]
    pub(crate) sequence: u64,
    /// When, in milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub(crate) time: i64,
}

/// A batch: what changed, in order.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BatchRecord {
    #[prost(fixed64, tag = "1")]
    pub(crate) server: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence: u64,
    /// Requests in it: the last one's number.
    #[prost(int64, tag = "3")]
    pub(crate) count: i64,
    #[prost(message, repeated, tag = "4")]
    pub(crate) changes: Vec<ChangeRecord>,
}

/// A change of one node, as watches see it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ChangeRecord {
    /// The number of its request.
    #[prost(int64, tag = "1")]
    pub(crate) index: i64,
    /// 1 created, 2 deleted, 3 data set.
    #[prost(int32, tag = "2")]
    pub(crate) kind: i32,
    #[prost(string, tag = "3")]
    pub(crate) path: String,
    /// Who may read the node, since the change may be all that is left of it. None: everyone.
    #[prost(message, repeated, tag = "4")]
    pub(crate) acl: Vec<AclRecord>,
}

/// An ACL in memory: `None` is everything to everyone, which nearly every node has.
pub(crate) type SharedAcl = Option<Arc<[Acl]>>;

pub(crate) fn acl_to_record(acl: &SharedAcl) -> Vec<AclRecord> {
    acl.iter()
        .flat_map(|acl| acl.iter())
        .map(|acl| AclRecord {
            perms: acl.perms.0,
            scheme: acl.id.scheme.clone(),
            id: acl.id.id.clone(),
        })
        .collect()
}

pub(crate) fn acl_from_record(records: Vec<AclRecord>) -> SharedAcl {
    if records.is_empty() {
        return None;
    }
    Some(
        records
            .into_iter()
            .map(|record| Acl {
                perms: Perms(record.perms),
                id: Id {
                    scheme: record.scheme,
                    id: record.id,
                },
            })
            .collect(),
    )
}

/// An ACL as it is kept.
pub(crate) fn share_acl(acl: Vec<Acl>) -> SharedAcl {
    if acl == zookeeper_protocol::any_acl() {
        None
    } else {
        Some(acl.into())
    }
}

/// An ACL as it is shown.
pub(crate) fn unshare_acl(acl: &SharedAcl) -> Vec<Acl> {
    match acl {
        None => zookeeper_protocol::any_acl(),
        Some(acl) => acl.to_vec(),
    }
}
