//! The tree of nodes in memory, as etcd has it at one revision.
//!
//! Reads: records of keys with their revisions. Invariants: a node's children are exactly the nodes below it; the sets of
//! ephemerals, containers and nodes with a time to live hold exactly the nodes that are.
//!
//! Not here: watches, sessions, anything that decides.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use zookeeper_protocol::{Perms, Stat, parent_and_name};

use crate::record::{
    ChildrenRecord, NodeRecord, SharedAcl, acl_from_record, acl_to_record, resolve, share_acl,
};

/// What is known of one node, children apart. Negative zxids are those of the transaction being prepared, see [`crate::record`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meta {
    pub(crate) data: Option<Bytes>,
    pub(crate) acl: SharedAcl,
    pub(crate) czxid: i64,
    pub(crate) mzxid: i64,
    pub(crate) pzxid: i64,
    pub(crate) ctime: i64,
    pub(crate) mtime: i64,
    pub(crate) version: i32,
    pub(crate) aversion: i32,
    pub(crate) owner: Owner,
    /// Children ever created.
    pub(crate) creates: i32,
    /// Children there are.
    pub(crate) children: i32,
}

impl Meta {
    /// The Stat that clients see.
    pub(crate) fn stat(&self) -> Stat {
        Stat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            // Creates and deletes together, counted by creates alone: deletes are creates less what is there.
            cversion: self.creates.wrapping_mul(2).wrapping_sub(self.children),
            aversion: self.aversion,
            // Only sessions are shown: not what marks containers and times to live.
            ephemeral_owner: self.owner.session().unwrap_or(0),
            data_length: self
                .data
                .as_ref()
                .map_or(0, |data| i32::try_from(data.len()).unwrap_or(i32::MAX)),
            num_children: self.children,
            pzxid: self.pzxid,
        }
    }

    /// What is stored under the node's key.
    pub(crate) fn node_record(&self) -> NodeRecord {
        NodeRecord {
            data: self.data.clone(),
            acl: acl_to_record(&self.acl),
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            aversion: self.aversion,
            owner: self.owner.0,
        }
    }

    /// What is stored under the key for what its children did; `None` if none ever was.
    pub(crate) fn children_record(&self) -> Option<ChildrenRecord> {
        (self.creates != 0 || self.pzxid != self.czxid).then_some(ChildrenRecord {
            creates: self.creates,
            pzxid: self.pzxid,
        })
    }
}

/// The ephemeralOwner of a Stat, which says more than its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner(pub(crate) i64);

impl Owner {
    pub(crate) const NOBODY: Self = Self(0);
    pub(crate) const CONTAINER: Self = Self(i64::MIN);
    /// The topmost byte of a node with a time to live; no session id has it.
    const TTL_MASK: i64 = 0xff << 56;
    /// The longest time to live, in milliseconds.
    pub(crate) const LONGEST_TTL: i64 = 0xff_ffff_ffff;

    pub(crate) fn ttl(milliseconds: i64) -> Self {
        Self(Self::TTL_MASK | milliseconds)
    }

    /// The session, if the node is ephemeral.
    pub(crate) fn session(self) -> Option<i64> {
        (self != Self::NOBODY && self != Self::CONTAINER && self.time_to_live().is_none())
            .then_some(self.0)
    }

    /// The time to live in milliseconds, if there is one.
    pub(crate) fn time_to_live(self) -> Option<i64> {
        (self.0 & Self::TTL_MASK == Self::TTL_MASK).then_some(self.0 & Self::LONGEST_TTL)
    }
}

/// Which of a node's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Node,
    Children,
}

/// A node with the revisions of its keys; zero: the key does not exist.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) meta: Meta,
    pub(crate) own_revision: i64,
    pub(crate) children_revision: i64,
    pub(crate) names: BTreeSet<Box<str>>,
}

/// All nodes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    nodes: BTreeMap<String, Node>,
    ephemerals: BTreeMap<i64, BTreeSet<String>>,
    containers: BTreeSet<String>,
    ttls: BTreeSet<String>,
    bytes: usize,
}

/// Nodes that every ZooKeeper has and nobody can delete.
pub(crate) const BUILT_IN: [&str; 4] = ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"];

impl Tree {
    /// A tree in which nothing was ever written.
    pub(crate) fn new() -> Self {
        let mut tree = Self {
            nodes: BTreeMap::new(),
            ephemerals: BTreeMap::new(),
            containers: BTreeSet::new(),
            ttls: BTreeSet::new(),
            bytes: 0,
        };
        for path in BUILT_IN {
            tree.insert(path, Self::built_in(path), 0);
        }
        tree
    }

    fn built_in(path: &str) -> Meta {
        let acl = if path == "/zookeeper/config" {
            let mut acl = zookeeper_protocol::any_acl();
            for entry in &mut acl {
                entry.perms = Perms::READ;
            }
            share_acl(acl)
        } else {
            None
        };
        Meta {
            data: Some(Bytes::new()),
            acl,
            czxid: 0,
            mzxid: 0,
            pzxid: 0,
            ctime: 0,
            mtime: 0,
            version: 0,
            aversion: 0,
            owner: Owner::NOBODY,
            creates: 0,
            children: 0,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Node> {
        // ZooKeeper knows its root by both names.
        self.nodes.get(if path.is_empty() { "/" } else { path })
    }

    /// The revision of one of a node's keys; zero: there is none.
    pub(crate) fn revision(&self, part: Part, path: &str) -> i64 {
        self.get(path).map_or(0, |node| match part {
            Part::Node => node.own_revision,
            Part::Children => node.children_revision,
        })
    }

    /// Nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes of paths and data.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Paths of all nodes, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// Nodes below this one, at any depth.
    pub(crate) fn count_below(&self, path: &str) -> usize {
        if path == "/" {
            return self.nodes.len() - 1;
        }
        self.below(path).count()
    }

    /// Nodes below this one, which is not the root, at any depth.
    pub(crate) fn below(&self, path: &str) -> impl Iterator<Item = &Meta> {
        let from = format!("{path}/");
        // '0' follows '/'.
        let to = format!("{path}0");
        self.nodes.range(from..to).map(|(_, node)| &node.meta)
    }

    /// The ephemeral nodes of a session.
    pub(crate) fn ephemerals(&self, session: i64) -> impl Iterator<Item = &str> {
        self.ephemerals
            .get(&session)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// Sessions that have ephemeral nodes.
    pub(crate) fn owners(&self) -> impl Iterator<Item = i64> {
        self.ephemerals.keys().copied()
    }

    /// How many ephemeral nodes there are.
    pub(crate) fn ephemeral_count(&self) -> usize {
        self.ephemerals.values().map(BTreeSet::len).sum()
    }

    /// Containers and nodes with a time to live: what the reaper looks at.
    pub(crate) fn mortal(&self) -> impl Iterator<Item = &str> {
        self.containers.iter().chain(&self.ttls).map(String::as_str)
    }

    fn insert(&mut self, path: &str, meta: Meta, revision: i64) {
        self.note_kind(path, meta.owner, true);
        self.bytes += path.len() + meta.data.as_ref().map_or(0, Bytes::len);
        if let Some((parent, name)) = parent_and_name(path) {
            if let Some(parent) = self.nodes.get_mut(parent) {
                parent.names.insert(name.into());
                parent.meta.children = count(&parent.names);
            } else {
                tracing::error!(path, "etcd holds a node without its parent");
            }
        }
        self.nodes.insert(
            path.to_owned(),
            Node {
                meta,
                own_revision: revision,
                children_revision: 0,
                names: BTreeSet::new(),
            },
        );
    }

    fn note_kind(&mut self, path: &str, owner: Owner, there: bool) {
        let set = if owner == Owner::CONTAINER {
            &mut self.containers
        } else if owner.time_to_live().is_some() {
            &mut self.ttls
        } else if let Some(session) = owner.session() {
            if !there {
                if let Some(paths) = self.ephemerals.get_mut(&session) {
                    paths.remove(path);
                    if paths.is_empty() {
                        self.ephemerals.remove(&session);
                    }
                }
                return;
            }
            self.ephemerals.entry(session).or_default()
        } else {
            return;
        };
        if there {
            set.insert(path.to_owned());
        } else {
            set.remove(path);
        }
    }

    /// A node's key was put.
    pub(crate) fn put_node(&mut self, path: &str, record: NodeRecord, revision: i64) {
        let czxid = resolve(record.czxid, revision);
        let meta = Meta {
            // A slice of a large answer would keep all of it in memory.
            data: record.data.map(|data| Bytes::copy_from_slice(&data)),
            acl: acl_from_record(record.acl),
            czxid,
            mzxid: resolve(record.mzxid, revision),
            pzxid: czxid,
            ctime: record.ctime,
            mtime: record.mtime,
            version: record.version,
            aversion: record.aversion,
            owner: Owner(record.owner),
            creates: 0,
            children: 0,
        };
        let Some(node) = self.nodes.get_mut(path) else {
            self.insert(path, meta, revision);
            return;
        };
        let before = std::mem::replace(&mut node.meta, meta);
        node.own_revision = revision;
        self.bytes += node.meta.data.as_ref().map_or(0, Bytes::len);
        self.bytes -= before.data.as_ref().map_or(0, Bytes::len);
        node.meta.children = before.children;
        if before.czxid == node.meta.czxid {
            node.meta.creates = before.creates;
            node.meta.pzxid = before.pzxid;
        } else {
            // Deleted and created again in one transaction: nothing of the old one stays.
            let owner = node.meta.owner;
            self.note_kind(path, before.owner, false);
            self.note_kind(path, owner, true);
        }
    }

    /// The key for what its children did was put.
    pub(crate) fn put_children(&mut self, path: &str, record: &ChildrenRecord, revision: i64) {
        let Some(node) = self.nodes.get_mut(path) else {
            tracing::error!(
                path,
                "etcd holds what children did to a node that is not there"
            );
            return;
        };
        node.children_revision = revision;
        node.meta.creates = record.creates;
        node.meta.pzxid = resolve(record.pzxid, revision);
    }

    /// The key for what its children did was deleted, and the node perhaps not.
    pub(crate) fn delete_children(&mut self, path: &str) {
        if let Some(node) = self.nodes.get_mut(path) {
            node.children_revision = 0;
            node.meta.creates = 0;
            node.meta.pzxid = node.meta.czxid;
        }
    }

    /// A node's key was deleted.
    pub(crate) fn delete_node(&mut self, path: &str) {
        let Some(node) = self.nodes.remove(path) else {
            return;
        };
        self.bytes -= path.len() + node.meta.data.as_ref().map_or(0, Bytes::len);
        self.note_kind(path, node.meta.owner, false);
        if let Some((parent, name)) = parent_and_name(path)
            && let Some(parent) = self.nodes.get_mut(parent)
        {
            parent.names.remove(name);
            parent.meta.children = count(&parent.names);
        }
        if BUILT_IN.contains(&path) {
            self.insert(path, Self::built_in(path), 0);
        }
    }
}

fn count(names: &BTreeSet<Box<str>>) -> i32 {
    i32::try_from(names.len()).unwrap_or(i32::MAX)
}
