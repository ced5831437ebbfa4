//! Random requests on a few paths.

use bytes::Bytes;
use proptest::prelude::*;
use zookeeper_protocol::{Create, CreateKind, MultiOp, Request, any_acl};

use super::world::{SESSIONS, Sent};

pub(super) fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "/[ab]", 3 => "/[ab]/[ab]", 2 => "/[ab]/[ab]/[ab]", 1 => Just("/".to_owned()),
    ]
}

pub(super) fn version() -> impl Strategy<Value = i32> {
    prop_oneof![3 => Just(-1), 1 => 0..3_i32]
}

pub(super) fn create_request() -> impl Strategy<Value = Create> {
    let kind = prop_oneof![
        Just((CreateKind::Create, 0)),
        Just((CreateKind::Create2, 0)),
        Just((CreateKind::Create2, 2)),
        Just((CreateKind::Create, 1)),
        Just((CreateKind::Create2, 3)),
        Just((CreateKind::Container, 4)),
        Just((CreateKind::Ttl(1000), 5)),
    ];
    (kind, path(), "[xy]{0,3}").prop_map(|((kind, flags), path, data)| Create {
        kind,
        path,
        data: Some(Bytes::from(data)),
        acl: any_acl(),
        flags,
    })
}

pub(super) fn op() -> impl Strategy<Value = MultiOp> {
    prop_oneof![
        4 => create_request().prop_map(MultiOp::Create),
        2 => (path(), version()).prop_map(|(path, version)| MultiOp::Delete { path, version }),
        2 => (path(), version()).prop_map(|(path, version)| MultiOp::SetData {
            path, data: None, version
        }),
        1 => (path(), version()).prop_map(|(path, version)| MultiOp::Check { path, version }),
    ]
}

pub(super) fn request() -> impl Strategy<Value = Sent> {
    let request = prop_oneof![
        8 => create_request().prop_map(Request::Create),
        6 => (path(), version()).prop_map(|(path, version)| Request::Delete { path, version }),
        6 => (path(), version()).prop_map(|(path, version)| Request::SetData {
            path, data: Some(Bytes::from_static(b"z")), version
        }),
        2 => path().prop_map(|path| Request::SetAcl { path, acl: any_acl(), version: -1 }),
        6 => proptest::collection::vec(op(), 1..4).prop_map(Request::Multi),
        1 => Just(Request::CloseSession),
    ];
    (0..SESSIONS.len(), request)
}
