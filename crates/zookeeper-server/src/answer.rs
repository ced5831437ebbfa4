//! What is answered to requests that only read, from the mirror, and the watches they set.
//!
//! Source: ZooKeeper's `FinalRequestProcessor` and `DataTree`, as of 3.9.

use zookeeper_protocol::{
    ClientInfo, ErrorCode, EventKind, MultiOp, OpResult, Perms, Request, Response, SetWatches,
    Stat, WatchMode, WatcherKind,
};

use crate::access;
use crate::line::Line;
use crate::mirror::{Mirror, event_frame};
use crate::quota;
use crate::record::unshare_acl;
use crate::tree::Node;

/// The answer to a request that changes nothing. Watches that it asks for are set with it.
pub(crate) fn answer(
    mirror: &Mirror,
    line: &Line,
    request: Request,
) -> Result<Response, ErrorCode> {
    Ok(match request {
        Request::Exists { path, watch } => {
            if path.contains('\0') {
                return Err(ErrorCode::BAD_ARGUMENTS);
            }
            if mirror.tree.get(&path).is_some() {
                readable(mirror, line, &path)?;
            }
            if watch {
                mirror
                    .watches()
                    .data
                    .add(&path, line.id, WatchMode::Standard);
            }
            let node = mirror.tree.get(&path).ok_or(ErrorCode::NO_NODE)?;
            Response::Stat(quota::stat(&mirror.tree, &path, &node.meta))
        }
        Request::GetData { path, watch } => {
            let (data, stat) = get_data(mirror, line, &path, watch)?;
            Response::Data { data, stat }
        }
        Request::GetChildren { path, watch } => {
            Response::Children(get_children(mirror, line, &path, watch)?.0)
        }
        Request::GetChildren2 { path, watch } => {
            let (children, stat) = get_children(mirror, line, &path, watch)?;
            Response::Children2 { children, stat }
        }
        Request::GetAcl { path } => get_acl(mirror, line, &path)?,
        Request::GetAllChildrenNumber { path } => {
            readable(mirror, line, &path)?;
            let number = mirror.tree.count_below(&path);
            Response::AllChildrenNumber(i32::try_from(number).unwrap_or(i32::MAX))
        }
        Request::GetEphemerals { prefix } => {
            let prefix = prefix.unwrap_or_default();
            let all = prefix.trim().is_empty() || prefix.trim() == "/";
            let paths = mirror.tree.ephemerals(line.session);
            Response::Ephemerals(
                paths
                    .filter(|path| all || path.starts_with(&prefix))
                    .map(ToOwned::to_owned)
                    .collect(),
            )
        }
        Request::MultiRead(ops) => Response::Multi(multi_read(mirror, line, ops)?),
        Request::SetWatches(watches) | Request::SetWatches2(watches) => {
            set_watches(mirror, line, watches);
            Response::Empty
        }
        Request::AddWatch { path, mode } => {
            let mode = WatchMode::from_add_watch(mode).ok_or(ErrorCode::MARSHALLING_ERROR)?;
            mirror.watches().data.add(&path, line.id, mode);
            // A recursive one is told of children by their own changes.
            if mode == WatchMode::Persistent {
                mirror.watches().children.add(&path, line.id, mode);
            }
            Response::WatchAdded(ErrorCode::OK)
        }
        Request::CheckWatches { path, kind } => {
            let kind = watcher_kind(kind)?;
            let (data, child) = tables(kind);
            let mode = standard(kind);
            let tables = mirror.watches();
            found(
                (data && tables.data.contains(&path, line.id, mode))
                    || (child && tables.children.contains(&path, line.id, mode)),
            )?
        }
        Request::RemoveWatches { path, kind } => {
            let mode = watcher_kind(kind)?;
            let (data, child) = tables(mode);
            let mode = standard(mode);
            let from_data = data && mirror.watches().data.remove(&path, line.id, mode);
            let from_child = child && mirror.watches().children.remove(&path, line.id, mode);
            found(from_data || from_child)?
        }
        Request::WhoAmI => Response::WhoAmI(
            line.identities()
                .iter()
                .map(|id| ClientInfo {
                    scheme: id.scheme.clone(),
                    user: access::shown_name(id),
                })
                .collect(),
        ),
        Request::Sync { path } => Response::Synced { path },
        Request::Ping => Response::Empty,
        _ => return Err(ErrorCode::UNIMPLEMENTED),
    })
}

fn readable<'a>(mirror: &'a Mirror, line: &Line, path: &str) -> Result<&'a Node, ErrorCode> {
    let node = mirror.tree.get(path).ok_or(ErrorCode::NO_NODE)?;
    access::check(&node.meta.acl, Perms::READ, &line.identities())?;
    Ok(node)
}

fn get_data(
    mirror: &Mirror,
    line: &Line,
    path: &str,
    watch: bool,
) -> Result<(Option<bytes::Bytes>, Stat), ErrorCode> {
    let node = readable(mirror, line, path)?;
    let read = (
        quota::data(&mirror.tree, path, &node.meta),
        quota::stat(&mirror.tree, path, &node.meta),
    );
    if watch {
        mirror
            .watches()
            .data
            .add(path, line.id, WatchMode::Standard);
    }
    Ok(read)
}

fn get_children(
    mirror: &Mirror,
    line: &Line,
    path: &str,
    watch: bool,
) -> Result<(Vec<String>, Stat), ErrorCode> {
    let node = readable(mirror, line, path)?;
    let names = node.names.iter().map(ToString::to_string).collect();
    let read = (names, quota::stat(&mirror.tree, path, &node.meta));
    if watch {
        mirror
            .watches()
            .children
            .add(path, line.id, WatchMode::Standard);
    }
    Ok(read)
}

fn get_acl(mirror: &Mirror, line: &Line, path: &str) -> Result<Response, ErrorCode> {
    let node = mirror.tree.get(path).ok_or(ErrorCode::NO_NODE)?;
    let identities = line.identities();
    let either = Perms::READ.with(Perms::ADMIN);
    access::check(&node.meta.acl, either, &identities)?;
    let mut acl = unshare_acl(&node.meta.acl);
    if access::check(&node.meta.acl, Perms::ADMIN, &identities).is_err() {
        access::hide_digests(&mut acl);
    }
    Ok(Response::Acl {
        acl,
        stat: node.meta.stat(),
    })
}

fn multi_read(mirror: &Mirror, line: &Line, ops: Vec<MultiOp>) -> Result<Vec<OpResult>, ErrorCode> {
    ops.into_iter()
        .map(|op| {
            let result = match op {
                // No watch is left, even where one is asked for: so it is in ZooKeeper.
                MultiOp::GetData { path, watch: _ } => get_data(mirror, line, &path, false)
                    .map(|(data, stat)| OpResult::Data { data, stat }),
                MultiOp::GetChildren { path, watch: _ } => get_children(mirror, line, &path, false)
                    .map(|(children, _)| OpResult::Children(children)),
                _ => return Err(ErrorCode::MARSHALLING_ERROR),
            };
            Ok(result.unwrap_or_else(OpResult::Error))
        })
        .collect()
}

/// Sets watches again that a client had on another connection: what has changed since fires at once.
fn set_watches(mirror: &Mirror, line: &Line, watches: SetWatches) {
    let SetWatches {
        relative_zxid,
        data,
        exist,
        child,
        persistent,
        persistent_recursive,
    } = watches;
    let tell = |kind, path: &str| line.send(event_frame(kind, path, -1));
    for path in data {
        match mirror.tree.get(&path) {
            None => tell(EventKind::NodeDeleted, &path),
            Some(node) if node.meta.mzxid > relative_zxid => {
                tell(EventKind::NodeDataChanged, &path);
            }
            Some(_) => mirror
                .watches()
                .data
                .add(&path, line.id, WatchMode::Standard),
        }
    }
    for path in exist {
        match mirror.tree.get(&path) {
            Some(_) => tell(EventKind::NodeCreated, &path),
            None => mirror
                .watches()
                .data
                .add(&path, line.id, WatchMode::Standard),
        }
    }
    for path in child {
        match mirror.tree.get(&path) {
            None => tell(EventKind::NodeDeleted, &path),
            Some(node) if node.meta.pzxid > relative_zxid => {
                tell(EventKind::NodeChildrenChanged, &path);
            }
            Some(_) => mirror
                .watches()
                .children
                .add(&path, line.id, WatchMode::Standard),
        }
    }
    for path in persistent {
        mirror
            .watches()
            .data
            .add(&path, line.id, WatchMode::Persistent);
        mirror
            .watches()
            .children
            .add(&path, line.id, WatchMode::Persistent);
    }
    for path in persistent_recursive {
        mirror
            .watches()
            .data
            .add(&path, line.id, WatchMode::PersistentRecursive);
    }
}

fn watcher_kind(number: i32) -> Result<WatcherKind, ErrorCode> {
    WatcherKind::from_number(number).ok_or(ErrorCode::MARSHALLING_ERROR)
}

/// Which tables a kind of watch is in: data, children.
fn tables(kind: WatcherKind) -> (bool, bool) {
    match kind {
        WatcherKind::Children => (false, true),
        WatcherKind::Data | WatcherKind::PersistentRecursive => (true, false),
        WatcherKind::Any | WatcherKind::Persistent => (true, true),
    }
}

fn standard(kind: WatcherKind) -> Option<WatchMode> {
    match kind {
        WatcherKind::Children | WatcherKind::Data => Some(WatchMode::Standard),
        WatcherKind::Persistent => Some(WatchMode::Persistent),
        WatcherKind::PersistentRecursive => Some(WatchMode::PersistentRecursive),
        WatcherKind::Any => None,
    }
}

fn found(there: bool) -> Result<Response, ErrorCode> {
    if there {
        Ok(Response::Empty)
    } else {
        Err(ErrorCode::NO_WATCHER)
    }
}
