//! Requests and answers as people read them: one line each.

use std::fmt::Write as _;

use bytes::Bytes;
use zookeeper_protocol::{
    Acl, Create, CreateKind, CreateMode, ErrorCode, EventKind, MultiOp, OpResult, Request,
    Response, SetWatches, Stat, WatchEvent,
};

/// Data longer than this is cut.
const SHOWN_BYTES: usize = 60;

/// A request, as its user would type it.
pub fn request(request: &Request) -> String {
    match request {
        Request::Create(create) => describe_create(create),
        Request::Delete { path, version } => format!("delete {path} version {version}"),
        Request::Exists { path, watch } => format!("exists {path}{}", watching(*watch)),
        Request::GetData { path, watch } => format!("getData {path}{}", watching(*watch)),
        Request::SetData {
            path,
            data: bytes,
            version,
        } => format!("setData {path} {} version {version}", data(bytes.as_ref())),
        Request::GetAcl { path } => format!("getACL {path}"),
        Request::SetAcl { path, acl, version } => {
            format!("setACL {path} {} version {version}", describe_acl(acl))
        }
        Request::GetChildren { path, watch } => format!("getChildren {path}{}", watching(*watch)),
        Request::GetChildren2 { path, watch } => {
            format!("getChildren2 {path}{}", watching(*watch))
        }
        Request::Sync { path } => format!("sync {path}"),
        Request::Ping => "ping".to_owned(),
        Request::Check { path, version } => format!("check {path} version {version}"),
        Request::Multi(ops) => format!("multi [{}]", multi(ops)),
        Request::MultiRead(ops) => format!("multiRead [{}]", multi(ops)),
        Request::Reconfig { .. } => "reconfig".to_owned(),
        Request::CheckWatches { path, kind } => format!("checkWatches {path} kind {kind}"),
        Request::RemoveWatches { path, kind } => format!("removeWatches {path} kind {kind}"),
        Request::Auth { scheme, .. } => format!("auth {scheme}"),
        Request::SetWatches(watches) => format!("setWatches {}", set_watches(watches)),
        Request::SetWatches2(watches) => format!("setWatches2 {}", set_watches(watches)),
        Request::Sasl { .. } => "sasl".to_owned(),
        Request::GetEphemerals { prefix } => format!("getEphemerals {prefix:?}"),
        Request::GetAllChildrenNumber { path } => format!("getAllChildrenNumber {path}"),
        Request::AddWatch { path, mode } => format!("addWatch {path} mode {mode}"),
        Request::WhoAmI => "whoAmI".to_owned(),
        Request::CloseSession => "closeSession".to_owned(),
        Request::Unknown { op, body } => format!("operation {op} with {} bytes", body.len()),
    }
}

fn watching(watch: bool) -> &'static str {
    if watch { " watch" } else { "" }
}

fn multi(ops: &[MultiOp]) -> String {
    ops.iter()
        .map(|op| match op {
            MultiOp::Create(create) => describe_create(create),
            MultiOp::Delete { path, version } => format!("delete {path} version {version}"),
            MultiOp::SetData {
                path,
                data: bytes,
                version,
            } => format!("setData {path} {} version {version}", data(bytes.as_ref())),
            MultiOp::Check { path, version } => format!("check {path} version {version}"),
            MultiOp::GetData { path, watch } => format!("getData {path}{}", watching(*watch)),
            MultiOp::GetChildren { path, watch } => {
                format!("getChildren {path}{}", watching(*watch))
            }
        })
        .collect::<Vec<_>>()
        .join(", ")
}

fn describe_create(create: &Create) -> String {
    let name = match create.kind {
        CreateKind::Create => "create",
        CreateKind::Create2 => "create2",
        CreateKind::Container => "createContainer",
        CreateKind::Ttl(_) => "createTTL",
    };
    let mode = CreateMode::from_flags(create.flags).map_or_else(
        || format!("flags {}", create.flags),
        |mode| format!("{mode:?}"),
    );
    let ttl = match create.kind {
        CreateKind::Ttl(ttl) => format!(" ttl {ttl} ms"),
        _ => String::new(),
    };
    format!(
        "{name} {} {} {mode}{ttl} acl {}",
        create.path,
        data(create.data.as_ref()),
        describe_acl(&create.acl)
    )
}

fn set_watches(watches: &SetWatches) -> String {
    let SetWatches {
        relative_zxid,
        data,
        exist,
        child,
        persistent,
        persistent_recursive,
    } = watches;
    format!(
        "since {relative_zxid:#x} data {data:?} exist {exist:?} child {child:?} persistent {persistent:?} recursive {persistent_recursive:?}"
    )
}

/// Data: null, or text where it is text, cut when long.
pub fn data(bytes: Option<&Bytes>) -> String {
    let Some(bytes) = bytes else {
        return "null".to_owned();
    };
    let shown = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    let more = if bytes.len() > shown.len() {
        format!("… ({} bytes)", bytes.len())
    } else {
        String::new()
    };
    format!("{:?}{more}", String::from_utf8_lossy(shown))
}

fn describe_acl(acl: &[Acl]) -> String {
    let entries: Vec<String> = acl
        .iter()
        .map(|entry| format!("{}:{}:{}", entry.id.scheme, entry.id.id, entry.perms.0))
        .collect();
    format!("[{}]", entries.join(" "))
}

/// An answer.
pub fn response(error: ErrorCode, response: &Response) -> String {
    if !error.is_ok() {
        return error.to_string();
    }
    match response {
        Response::Empty => "ok".to_owned(),
        Response::Created { path } | Response::Synced { path } => path.clone(),
        Response::Created2 { path, stat } => format!("{path} {}", describe_stat(stat)),
        Response::Stat(stat) => describe_stat(stat),
        Response::Data { data: bytes, stat } => {
            format!("{} {}", data(bytes.as_ref()), describe_stat(stat))
        }
        Response::Acl { acl, stat } => format!("{} {}", describe_acl(acl), describe_stat(stat)),
        Response::Children(names) => format!("{names:?}"),
        Response::Children2 { children, stat } => {
            format!("{children:?} {}", describe_stat(stat))
        }
        Response::Multi(results) => {
            let results: Vec<String> = results.iter().map(result).collect();
            format!("[{}]", results.join(", "))
        }
        Response::Sasl { token } => format!("sasl {}", data(token.as_ref())),
        Response::Ephemerals(paths) => format!("{paths:?}"),
        Response::AllChildrenNumber(number) => number.to_string(),
        Response::WhoAmI(clients) => clients.iter().fold(String::new(), |mut text, client| {
            // Writing to a string does not fail.
            let _ = write!(text, "{}:{} ", client.scheme, client.user);
            text
        }),
        Response::WatchAdded(code) => code.to_string(),
        Response::Unknown(body) => format!("{} bytes", body.len()),
    }
}

/// One result of a multi.
fn result(result: &OpResult) -> String {
    match result {
        OpResult::Created { path } => path.clone(),
        OpResult::Created2 { path, stat } => format!("{path} {}", describe_stat(stat)),
        OpResult::Deleted => "deleted".to_owned(),
        OpResult::DataSet(stat) => describe_stat(stat),
        OpResult::Checked => "checked".to_owned(),
        OpResult::Children(names) => format!("{names:?}"),
        OpResult::Data { data: bytes, stat } => {
            format!("{} {}", data(bytes.as_ref()), describe_stat(stat))
        }
        OpResult::Error(code) => code.to_string(),
    }
}

fn describe_stat(stat: &Stat) -> String {
    let Stat {
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
    } = stat;
    format!(
        "{{cz {czxid:#x} mz {mzxid:#x} pz {pzxid:#x} ct {ctime} mt {mtime} v {version} cv {cversion} av {aversion} owner {ephemeral_owner:#x} len {data_length} children {num_children}}}"
    )
}

/// An event.
pub fn event(event: &WatchEvent) -> String {
    match event.kind {
        EventKind::Unknown(number) => format!("event {number} {}", event.path),
        kind => format!("{kind:?} {}", event.path),
    }
}
