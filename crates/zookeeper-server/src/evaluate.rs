//! What a write request comes to, by ZooKeeper's rules and in the order of its checks.
//!
//! Reads: a view of the tree, the request, who asks, the time. Decides everything about one request: what changes and what is
//! answered. Source: ZooKeeper's `PrepRequestProcessor`, `FinalRequestProcessor` and `DataTree`, as of 3.9.
//!
//! Not here: sessions that are no more, guards and etcd ([`crate::batch`]); requests that only read ([`crate::answer`]).

use std::borrow::Cow;
use std::sync::Arc;

use zookeeper_protocol::{
    Acl, Create, CreateKind, CreateMode, ErrorCode, Id, MultiOp, OpResult, Perms, Request,
    Response, Stat, validate,
};

use crate::access;
use crate::record::{SharedAcl, resolve, share_acl};
use crate::tree::{BUILT_IN, Meta, Owner};
use crate::view::View;

/// Who asks, and when.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) session: i64,
    pub(crate) identities: Arc<[Id]>,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
    /// Ephemeral nodes that may go in one transaction when a session ends.
    pub(crate) ends_at_once: usize,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// A request of a client.
    Client(Request),
    /// The session's key is gone: its ephemeral nodes follow.
    Expire(i64),
    /// A container or node with a time to live may be due.
    Reap(String),
}

/// What it came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// Answer this; zxids in it may still be numbers of the transaction.
    Answer(Response),
    /// Answer this error; nothing changed.
    Error(ErrorCode),
    /// Part of it is done; the rest follows in another transaction.
    Again,
}

/// Evaluates one act. What it changes is then in the view; after an error the view is as before.
pub(crate) fn evaluate(view: &mut View<'_>, caller: &Caller, act: &Act) -> Outcome {
    let mark = view.mark();
    let result = match act {
        Act::Client(Request::Multi(ops)) => return multi(view, caller, ops),
        Act::Client(request) => single(view, caller, request),
        Act::Expire(session) => Ok(end_session(view, *session, caller.ends_at_once)),
        Act::Reap(path) => reap(view, caller.now, path).map(Outcome::Answer),
    };
    result.unwrap_or_else(|code| {
        view.undo(mark);
        Outcome::Error(code)
    })
}

fn single(view: &mut View<'_>, caller: &Caller, request: &Request) -> Result<Outcome, ErrorCode> {
    let response = match request {
        Request::Create(create_request) => {
            let (path, stat) = create(view, caller, create_request)?;
            match create_request.kind {
                CreateKind::Create => Response::Created { path },
                _ => Response::Created2 { path, stat },
            }
        }
        Request::Delete { path, version } => {
            delete(view, caller, path, *version)?;
            Response::Empty
        }
        Request::SetData {
            path,
            data,
            version,
        } => Response::Stat(set_data(view, caller, path, data.as_ref(), *version)?),
        Request::SetAcl { path, acl, version } => {
            Response::Stat(set_acl(view, caller, path, acl, *version)?)
        }
        Request::Check { path, version } => Response::Stat(check(view, caller, path, *version)?),
        Request::Reconfig { .. } => return Err(ErrorCode::RECONFIG_DISABLED),
        Request::CloseSession => {
            let outcome = end_session(view, caller.session, caller.ends_at_once);
            if outcome != Outcome::Again {
                view.close(caller.session);
            }
            return Ok(outcome);
        }
        _ => return Err(ErrorCode::UNIMPLEMENTED),
    };
    Ok(Outcome::Answer(response))
}

/// In a multi it is the flags that make a container, whichever operation they come with. Source: ZooKeeper's `Op.create`.
fn of_multi(request: &Create) -> Cow<'_, Create> {
    let mode = CreateMode::from_flags(request.flags);
    if mode == Some(CreateMode::Container) && request.kind != CreateKind::Container {
        Cow::Owned(Create {
            kind: CreateKind::Container,
            ..request.clone()
        })
    } else {
        Cow::Borrowed(request)
    }
}

fn multi(view: &mut View<'_>, caller: &Caller, ops: &[MultiOp]) -> Outcome {
    let mark = view.mark();
    let mut results = Vec::with_capacity(ops.len());
    for op in ops {
        let result = match op {
            MultiOp::Create(request) => {
                let request = of_multi(request);
                create(view, caller, &request).map(|(path, stat)| {
                    if request.kind == CreateKind::Create {
                        OpResult::Created { path }
                    } else {
                        OpResult::Created2 { path, stat }
                    }
                })
            }
            MultiOp::Delete { path, version } => {
                delete(view, caller, path, *version).map(|()| OpResult::Deleted)
            }
            MultiOp::SetData {
                path,
                data,
                version,
            } => set_data(view, caller, path, data.as_ref(), *version).map(OpResult::DataSet),
            MultiOp::Check { path, version } => {
                check(view, caller, path, *version).map(|_| OpResult::Checked)
            }
            MultiOp::GetData { .. } | MultiOp::GetChildren { .. } => {
                view.undo(mark);
                return Outcome::Error(ErrorCode::MARSHALLING_ERROR);
            }
        };
        match result {
            Ok(result) => results.push(result),
            Err(code) => {
                view.undo(mark);
                return Outcome::Answer(Response::Multi(failed(results.len(), code, ops.len())));
            }
        }
    }
    Outcome::Answer(Response::Multi(results))
}

/// The results of a multi that failed at one operation: those before it would have worked, those after it were not tried.
pub(crate) fn failed(at: usize, code: ErrorCode, of: usize) -> Vec<OpResult> {
    (0..of)
        .map(|index| {
            OpResult::Error(match index.cmp(&at) {
                std::cmp::Ordering::Less => ErrorCode::OK,
                std::cmp::Ordering::Equal => code,
                std::cmp::Ordering::Greater => ErrorCode::RUNTIME_INCONSISTENCY,
            })
        })
        .collect()
}

fn bad_path(path: &str) -> Result<(), ErrorCode> {
    validate(path).map_err(|_| ErrorCode::BAD_ARGUMENTS)
}

/// The parent's path of anything that has a slash, even of what is no path.
fn parent_of(path: &str) -> Result<&str, ErrorCode> {
    if path.contains('\0') {
        return Err(ErrorCode::BAD_ARGUMENTS);
    }
    match path.rfind('/') {
        None => Err(ErrorCode::BAD_ARGUMENTS),
        Some(0) => Ok("/"),
        Some(at) => Ok(&path[..at]),
    }
}

/// What a create makes, if its flags, operation and time to live go together.
fn created_owner(caller: &Caller, request: &Create) -> Result<(CreateMode, Owner), ErrorCode> {
    let mode = CreateMode::from_flags(request.flags).ok_or(ErrorCode::BAD_ARGUMENTS)?;
    let ttl = match request.kind {
        CreateKind::Ttl(ttl) => ttl,
        _ => -1,
    };
    if mode.has_ttl() {
        if !(1..=Owner::LONGEST_TTL).contains(&ttl) {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
    } else if ttl >= 0 || matches!(request.kind, CreateKind::Ttl(_)) {
        return Err(ErrorCode::BAD_ARGUMENTS);
    }
    let owner = match request.kind {
        CreateKind::Ttl(ttl) => Owner::ttl(ttl),
        CreateKind::Container => Owner::CONTAINER,
        CreateKind::Create | CreateKind::Create2 if mode.is_ephemeral() => Owner(caller.session),
        CreateKind::Create | CreateKind::Create2 => Owner::NOBODY,
    };
    Ok((mode, owner))
}

fn create(
    view: &mut View<'_>,
    caller: &Caller,
    request: &Create,
) -> Result<(String, Stat), ErrorCode> {
    let (mode, owner) = created_owner(caller, request)?;
    let parent_path = parent_of(&request.path)?.to_owned();
    let acl = share_acl(access::complete(&request.acl, &caller.identities)?);
    let parent = view.node(&parent_path).ok_or(ErrorCode::NO_NODE)?;
    access::check(&parent.acl, Perms::CREATE, &caller.identities)?;
    let parent_owner = parent.owner;
    let path = if mode.is_sequential() {
        let creates = view.whole(&parent_path).map_or(0, |parent| parent.creates);
        format!("{}{creates:010}", request.path)
    } else {
        request.path.clone()
    };
    bad_path(&path)?;
    if view.node(&path).is_some() {
        return Err(ErrorCode::NODE_EXISTS);
    }
    if parent_owner.session().is_some() {
        return Err(ErrorCode::NO_CHILDREN_FOR_EPHEMERALS);
    }
    let zxid = -view.index;
    let meta = Meta {
        data: request.data.clone(),
        acl,
        czxid: zxid,
        mzxid: zxid,
        pzxid: zxid,
        ctime: caller.now,
        mtime: caller.now,
        version: 0,
        aversion: 0,
        owner,
        creates: 0,
        children: 0,
    };
    let stat = meta.stat();
    view.create(&path, meta);
    Ok((path, stat))
}

/// Whether a version that is asked for is the one there is; -1 asks for none.
fn expect_version(there: i32, asked: i32) -> Result<(), ErrorCode> {
    if asked == -1 || asked == there {
        Ok(())
    } else {
        Err(ErrorCode::BAD_VERSION)
    }
}

fn delete(view: &mut View<'_>, caller: &Caller, path: &str, version: i32) -> Result<(), ErrorCode> {
    let parent_path = parent_of(path)?;
    if BUILT_IN.contains(&path) {
        return Err(ErrorCode::BAD_ARGUMENTS);
    }
    let parent_acl: SharedAcl = view
        .node(parent_path)
        .ok_or(ErrorCode::NO_NODE)?
        .acl
        .clone();
    access::check(&parent_acl, Perms::DELETE, &caller.identities)?;
    let there = view.node(path).ok_or(ErrorCode::NO_NODE)?.version;
    expect_version(there, version)?;
    if view.whole(path).is_some_and(|meta| meta.children > 0) {
        return Err(ErrorCode::NOT_EMPTY);
    }
    view.delete(path);
    Ok(())
}

fn set_data(
    view: &mut View<'_>,
    caller: &Caller,
    path: &str,
    data: Option<&bytes::Bytes>,
    version: i32,
) -> Result<Stat, ErrorCode> {
    bad_path(path)?;
    let node = view.node(path).ok_or(ErrorCode::NO_NODE)?;
    access::check(&node.acl, Perms::WRITE, &caller.identities)?;
    expect_version(node.version, version)?;
    let zxid = -view.index;
    view.set_data(path, |meta| {
        meta.data = data.cloned();
        meta.version = meta.version.wrapping_add(1);
        meta.mzxid = zxid;
        meta.mtime = caller.now;
    });
    // The Stat in the answer also tells of children.
    Ok(view.whole(path).map(Meta::stat).unwrap_or_default())
}

fn set_acl(
    view: &mut View<'_>,
    caller: &Caller,
    path: &str,
    acl: &[Acl],
    version: i32,
) -> Result<Stat, ErrorCode> {
    bad_path(path)?;
    let acl = share_acl(access::complete(acl, &caller.identities)?);
    let node = view.node(path).ok_or(ErrorCode::NO_NODE)?;
    access::check(&node.acl, Perms::ADMIN, &caller.identities)?;
    expect_version(node.aversion, version)?;
    view.set_acl(path, |meta| {
        meta.acl = acl;
        meta.aversion = meta.aversion.wrapping_add(1);
    });
    Ok(view.whole(path).map(Meta::stat).unwrap_or_default())
}

fn check(
    view: &mut View<'_>,
    caller: &Caller,
    path: &str,
    version: i32,
) -> Result<Stat, ErrorCode> {
    bad_path(path)?;
    let node = view.node(path).ok_or(ErrorCode::NO_NODE)?;
    access::check(&node.acl, Perms::READ, &caller.identities)?;
    expect_version(node.version, version)?;
    Ok(node.stat())
}

fn end_session(view: &mut View<'_>, session: i64, at_once: usize) -> Outcome {
    let paths = view.ephemerals(session);
    let rest = paths.len().saturating_sub(at_once);
    for path in paths.into_iter().take(at_once) {
        if view.node(&path).is_some() {
            view.delete(&path);
        }
    }
    if rest > 0 {
        Outcome::Again
    } else {
        Outcome::Answer(Response::Empty)
    }
}

fn reap(view: &mut View<'_>, now: i64, path: &str) -> Result<Response, ErrorCode> {
    let meta = view.whole(path).ok_or(ErrorCode::NO_NODE)?;
    if is_due(meta, now) {
        view.delete(path);
        Ok(Response::Empty)
    } else {
        Err(ErrorCode::NOT_EMPTY)
    }
}

/// Whether a container that had children has none any more, or a node without children has outlived its time.
pub(crate) fn is_due(meta: &Meta, now: i64) -> bool {
    if meta.children > 0 {
        return false;
    }
    if meta.owner == Owner::CONTAINER {
        return meta.creates > 0;
    }
    meta.owner
        .time_to_live()
        .is_some_and(|ttl| meta.mtime.saturating_add(ttl) < now)
}

/// The answer with zxids as they are, once the transaction's revision is known.
pub(crate) fn settle(response: Response, revision: i64) -> Response {
    let fix = |stat: Stat| Stat {
        czxid: resolve(stat.czxid, revision),
        mzxid: resolve(stat.mzxid, revision),
        pzxid: resolve(stat.pzxid, revision),
        ..stat
    };
    match response {
        Response::Created2 { path, stat } => Response::Created2 {
            path,
            stat: fix(stat),
        },
        Response::Stat(stat) => Response::Stat(fix(stat)),
        Response::Multi(results) => Response::Multi(
            results
                .into_iter()
                .map(|result| match result {
                    OpResult::Created2 { path, stat } => OpResult::Created2 {
                        path,
                        stat: fix(stat),
                    },
                    OpResult::DataSet(stat) => OpResult::DataSet(fix(stat)),
                    other => other,
                })
                .collect(),
        ),
        other => other,
    }
}
