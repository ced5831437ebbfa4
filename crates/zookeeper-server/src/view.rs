//! The tree as it will be when the requests of a batch are done, and what must stay as it is until then.
//!
//! Everything that is looked at becomes a guard of the transaction: an outcome, also an error, is only true if what it was
//! decided on is still so when the transaction happens. Changes lie over the tree, and can be taken back to a mark.
//!
//! Not here: rules of ZooKeeper ([`crate::evaluate`]), etcd's messages ([`crate::batch`]).

use std::collections::{BTreeMap, BTreeSet};

use zookeeper_protocol::parent_and_name;

use crate::record::{ChildrenRecord, SharedAcl};
use crate::tree::{Meta, Part, Tree};

/// A node that was changed. `meta` is `None` when it is deleted.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) meta: Option<Meta>,
    /// Whether the node's own key changes.
    pub(crate) node: bool,
    /// Whether the key for what its children did changes.
    pub(crate) children: bool,
}

impl Slot {
    /// Whether its own key is put or deleted: what came and went again has none.
    pub(crate) fn writes_node(&self, tree: &Tree, path: &str) -> bool {
        self.node && (self.meta.is_some() || tree.revision(Part::Node, path) != 0)
    }

    /// Likewise for what its children did.
    pub(crate) fn writes_children(&self, tree: &Tree, path: &str) -> bool {
        self.children
            && (self.children_record().is_some() || tree.revision(Part::Children, path) != 0)
    }

    pub(crate) fn children_record(&self) -> Option<ChildrenRecord> {
        self.meta.as_ref().and_then(Meta::children_record)
    }
}

/// What happened to a node, as watches see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Created,
    Deleted,
    DataSet,
}

/// A change, with the number of the request that made it.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) index: i64,
    pub(crate) kind: ChangeKind,
    pub(crate) path: String,
    pub(crate) acl: SharedAcl,
}

/// A point to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    undo: usize,
    changes: usize,
    closed: usize,
    guards: usize,
}

/// See the module.
pub(crate) struct View<'a> {
    tree: &'a Tree,
    slots: BTreeMap<String, Slot>,
    undo: Vec<(String, Option<Slot>)>,
    guards: BTreeSet<(Part, String)>,
    guard_order: Vec<(Part, String)>,
    changes: Vec<Change>,
    closed: Vec<i64>,
    /// The number of the request being evaluated; its zxid is `-index` until the revision is known.
    pub(crate) index: i64,
}

impl<'a> View<'a> {
    pub(crate) fn new(tree: &'a Tree) -> Self {
        Self {
            tree,
            slots: BTreeMap::new(),
            undo: Vec::new(),
            guards: BTreeSet::new(),
            guard_order: Vec::new(),
            changes: Vec::new(),
            closed: Vec::new(),
            index: 0,
        }
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            undo: self.undo.len(),
            changes: self.changes.len(),
            closed: self.closed.len(),
            guards: self.guard_order.len(),
        }
    }

    /// Takes back every change since the mark. What was looked at stays a guard: an error was decided on it.
    pub(crate) fn undo(&mut self, mark: Mark) {
        while self.undo.len() > mark.undo {
            let Some((path, before)) = self.undo.pop() else {
                break;
            };
            match before {
                Some(slot) => self.slots.insert(path, slot),
                None => self.slots.remove(&path),
            };
        }
        self.changes.truncate(mark.changes);
        self.closed.truncate(mark.closed);
    }

    /// As if nothing since the mark had been looked at either.
    pub(crate) fn forget(&mut self, mark: Mark) {
        self.undo(mark);
        for guard in self.guard_order.drain(mark.guards..) {
            self.guards.remove(&guard);
        }
    }

    fn guard(&mut self, part: Part, path: &str) {
        // Where there is no node, nothing can have happened to its children.
        let part = match part {
            Part::Children if self.tree.get(path).is_none() => Part::Node,
            part => part,
        };
        let guard = (part, path.to_owned());
        if self.guards.insert(guard.clone()) {
            self.guard_order.push(guard);
        }
    }

    fn peek(&self, path: &str) -> Option<&Meta> {
        match self.slots.get(path) {
            Some(slot) => slot.meta.as_ref(),
            None => self.tree.get(path).map(|node| &node.meta),
        }
    }

    /// The node, without what its children did.
    pub(crate) fn node(&mut self, path: &str) -> Option<&Meta> {
        self.guard(Part::Node, path);
        self.peek(path)
    }

    /// The node with everything.
    pub(crate) fn whole(&mut self, path: &str) -> Option<&Meta> {
        self.guard(Part::Node, path);
        self.guard(Part::Children, path);
        self.peek(path)
    }

    fn change(&mut self, path: &str) -> &mut Slot {
        let before = self.slots.get(path).cloned();
        self.undo.push((path.to_owned(), before));
        let tree = self.tree;
        self.slots.entry(path.to_owned()).or_insert_with(|| Slot {
            meta: tree.get(path).map(|node| node.meta.clone()),
            node: false,
            children: false,
        })
    }

    fn note(&mut self, kind: ChangeKind, path: &str, acl: SharedAcl) {
        self.changes.push(Change {
            index: self.index,
            kind,
            path: path.to_owned(),
            acl,
        });
    }

    fn change_parent(&mut self, path: &str, by: i32) {
        let Some((parent, _)) = parent_and_name(path) else {
            return;
        };
        self.guard(Part::Children, parent);
        let zxid = -self.index;
        let slot = self.change(parent);
        slot.children = true;
        if let Some(meta) = &mut slot.meta {
            meta.children += by;
            meta.pzxid = zxid;
            if by > 0 {
                meta.creates = meta.creates.wrapping_add(1);
            }
        }
    }

    /// Creates a node that is not there, below a parent that is.
    pub(crate) fn create(&mut self, path: &str, meta: Meta) {
        self.guard(Part::Node, path);
        self.guard(Part::Children, path);
        let acl = meta.acl.clone();
        let slot = self.change(path);
        slot.meta = Some(meta);
        slot.node = true;
        slot.children = true;
        self.change_parent(path, 1);
        self.note(ChangeKind::Created, path, acl);
    }

    /// Deletes a node that is there and has no children.
    pub(crate) fn delete(&mut self, path: &str) {
        self.guard(Part::Node, path);
        // An ephemeral node never had children.
        let barren = self
            .peek(path)
            .is_some_and(|meta| meta.owner.session().is_some());
        if !barren {
            self.guard(Part::Children, path);
        }
        let slot = self.change(path);
        let acl = slot.meta.take().and_then(|meta| meta.acl);
        slot.node = true;
        slot.children |= !barren;
        self.change_parent(path, -1);
        self.note(ChangeKind::Deleted, path, acl);
    }

    /// Sets data of a node that is there.
    pub(crate) fn set_data(&mut self, path: &str, set: impl FnOnce(&mut Meta)) {
        self.guard(Part::Node, path);
        let slot = self.change(path);
        slot.node = true;
        let acl = slot.meta.as_mut().and_then(|meta| {
            set(meta);
            meta.acl.clone()
        });
        self.note(ChangeKind::DataSet, path, acl);
    }

    /// Sets the ACL of a node that is there. No watch sees it.
    pub(crate) fn set_acl(&mut self, path: &str, set: impl FnOnce(&mut Meta)) {
        self.guard(Part::Node, path);
        let slot = self.change(path);
        slot.node = true;
        if let Some(meta) = &mut slot.meta {
            set(meta);
        }
    }

    /// The ephemeral nodes a session has now, deepest name last.
    pub(crate) fn ephemerals(&self, session: i64) -> BTreeSet<String> {
        let mut paths: BTreeSet<String> = self
            .tree
            .ephemerals(session)
            .map(ToOwned::to_owned)
            .collect();
        for (path, slot) in &self.slots {
            if slot
                .meta
                .as_ref()
                .is_some_and(|meta| meta.owner.session() == Some(session))
            {
                paths.insert(path.clone());
            } else {
                paths.remove(path);
            }
        }
        paths
    }

    /// Ends a session.
    pub(crate) fn close(&mut self, session: i64) {
        self.closed.push(session);
    }

    pub(crate) fn tree(&self) -> &'a Tree {
        self.tree
    }

    pub(crate) fn slots(&self) -> &BTreeMap<String, Slot> {
        &self.slots
    }

    pub(crate) fn guards(&self) -> &BTreeSet<(Part, String)> {
        &self.guards
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(crate) fn guards_since(&self, mark: Mark) -> &[(Part, String)] {
        self.guard_order.get(mark.guards..).unwrap_or_default()
    }

    pub(crate) fn changes_since(&self, mark: Mark) -> &[Change] {
        self.changes.get(mark.changes..).unwrap_or_default()
    }

    pub(crate) fn closed_since(&self, mark: Mark) -> &[i64] {
        self.closed.get(mark.closed..).unwrap_or_default()
    }

    /// Every path that was changed since the mark, once, with what was there before.
    pub(crate) fn touched_since(&self, mark: Mark) -> BTreeMap<&str, Option<&Slot>> {
        let mut touched = BTreeMap::new();
        for (path, before) in self.undo.get(mark.undo..).unwrap_or_default() {
            touched.entry(path.as_str()).or_insert(before.as_ref());
        }
        touched
    }

    pub(crate) fn closed(&self) -> &[i64] {
        &self.closed
    }
}
