//! Known bytes, and that what was written is read as the same.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use crate::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-zA-Z0-9/_.ü€-]{0,12}"]
}

fn data() -> impl Strategy<Value = Option<Bytes>> {
    proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from))
}

fn acls() -> impl Strategy<Value = Vec<Acl>> {
    proptest::collection::vec(
        (any::<i32>(), text(), text()).prop_map(|(perms, scheme, id)| Acl {
            perms: Perms(perms),
            id: Id { scheme, id },
        }),
        0..3,
    )
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(text(), 0..4)
}

fn stat() -> impl Strategy<Value = Stat> {
    (any::<[i64; 6]>(), any::<[i32; 5]>()).prop_map(|(long, int)| Stat {
        czxid: long[0],
        mzxid: long[1],
        ctime: long[2],
        mtime: long[3],
        version: int[0],
        cversion: int[1],
        aversion: int[2],
        ephemeral_owner: long[4],
        data_length: int[3],
        num_children: int[4],
        pzxid: long[5],
    })
}

fn create(flags: std::ops::Range<i32>) -> impl Strategy<Value = Create> {
    let kind = prop_oneof![
        Just(CreateKind::Create),
        Just(CreateKind::Create2),
        Just(CreateKind::Container),
        any::<i64>().prop_map(CreateKind::Ttl),
    ];
    (kind, text(), data(), acls(), flags).prop_map(|(kind, path, data, acl, flags)| Create {
        kind,
        path,
        data,
        acl,
        flags,
    })
}

fn multi() -> impl Strategy<Value = Request> {
    let write = prop_oneof![
        create(0..5).prop_map(|mut create| {
            if matches!(create.kind, CreateKind::Ttl(_)) {
                create.flags = 5 + create.flags % 2;
            }
            MultiOp::Create(create)
        }),
        (text(), any::<i32>()).prop_map(|(path, version)| MultiOp::Delete { path, version }),
        (text(), data(), any::<i32>()).prop_map(|(path, data, version)| MultiOp::SetData {
            path,
            data,
            version
        }),
        (text(), any::<i32>()).prop_map(|(path, version)| MultiOp::Check { path, version }),
    ];
    let read = prop_oneof![
        (text(), any::<bool>()).prop_map(|(path, watch)| MultiOp::GetData { path, watch }),
        (text(), any::<bool>()).prop_map(|(path, watch)| MultiOp::GetChildren { path, watch }),
    ];
    prop_oneof![
        proptest::collection::vec(write, 0..5).prop_map(Request::Multi),
        proptest::collection::vec(read, 0..5).prop_map(Request::MultiRead),
    ]
}

fn set_watches() -> impl Strategy<Value = SetWatches> {
    (any::<i64>(), texts(), texts(), texts()).prop_map(|(relative_zxid, data, exist, child)| {
        SetWatches {
            relative_zxid,
            data,
            exist,
            child,
            ..SetWatches::default()
        }
    })
}

fn request() -> impl Strategy<Value = Request> {
    let pathed = (text(), any::<bool>(), any::<i32>(), 0..13_usize).prop_map(
        |(path, watch, number, which)| match which {
            0 => Request::Exists { path, watch },
            1 => Request::GetData { path, watch },
            2 => Request::GetChildren { path, watch },
            3 => Request::GetChildren2 { path, watch },
            4 => Request::Delete {
                path,
                version: number,
            },
            5 => Request::Check {
                path,
                version: number,
            },
            6 => Request::GetAcl { path },
            7 => Request::Sync { path },
            8 => Request::GetAllChildrenNumber { path },
            9 => Request::AddWatch { path, mode: number },
            10 => Request::CheckWatches { path, kind: number },
            11 => Request::RemoveWatches { path, kind: number },
            _ => Request::GetEphemerals {
                prefix: watch.then_some(path),
            },
        },
    );
    prop_oneof![
        pathed,
        create(-1..9).prop_map(Request::Create),
        multi(),
        (text(), data(), any::<i32>()).prop_map(|(path, data, version)| Request::SetData {
            path,
            data,
            version
        }),
        (text(), acls(), any::<i32>()).prop_map(|(path, acl, version)| Request::SetAcl {
            path,
            acl,
            version
        }),
        (any::<i32>(), text(), data()).prop_map(|(kind, scheme, auth)| Request::Auth {
            kind,
            scheme,
            auth
        }),
        data().prop_map(|token| Request::Sasl { token }),
        set_watches().prop_map(Request::SetWatches),
        (set_watches(), texts(), texts()).prop_map(|(watches, persistent, recursive)| {
            Request::SetWatches2(SetWatches {
                persistent,
                persistent_recursive: recursive,
                ..watches
            })
        }),
        Just(Request::Ping),
        Just(Request::WhoAmI),
        Just(Request::CloseSession),
    ]
}

fn response() -> impl Strategy<Value = (Op, Response)> {
    let results = prop_oneof![
        text().prop_map(|path| OpResult::Created { path }),
        (text(), stat()).prop_map(|(path, stat)| OpResult::Created2 { path, stat }),
        Just(OpResult::Deleted),
        stat().prop_map(OpResult::DataSet),
        Just(OpResult::Checked),
        texts().prop_map(OpResult::Children),
        (data(), stat()).prop_map(|(data, stat)| OpResult::Data { data, stat }),
        any::<i32>().prop_map(|code| OpResult::Error(ErrorCode(code))),
    ];
    prop_oneof![
        text().prop_map(|path| (Op::Create, Response::Created { path })),
        (text(), stat())
            .prop_map(|(path, stat)| (Op::CreateTtl, Response::Created2 { path, stat })),
        stat().prop_map(|stat| (Op::SetAcl, Response::Stat(stat))),
        (data(), stat()).prop_map(|(data, stat)| (Op::GetData, Response::Data { data, stat })),
        (acls(), stat()).prop_map(|(acl, stat)| (Op::GetAcl, Response::Acl { acl, stat })),
        texts().prop_map(|names| (Op::GetChildren, Response::Children(names))),
        (texts(), stat()).prop_map(|(children, stat)| (
            Op::GetChildren2,
            Response::Children2 { children, stat }
        )),
        proptest::collection::vec(results, 0..5)
            .prop_map(|results| (Op::Multi, Response::Multi(results))),
        data().prop_map(|token| (Op::Sasl, Response::Sasl { token })),
        any::<i32>().prop_map(|n| (Op::GetAllChildrenNumber, Response::AllChildrenNumber(n))),
        proptest::collection::vec((text(), text()), 0..3).prop_map(|clients| (
            Op::WhoAmI,
            Response::WhoAmI(
                clients
                    .into_iter()
                    .map(|(scheme, user)| ClientInfo { scheme, user })
                    .collect()
            )
        )),
        Just((Op::Delete, Response::Empty)),
    ]
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(xid in any::<i32>(), request in request()) {
        let frame = RequestFrame { xid, request };
        prop_assert_eq!(RequestFrame::decode(frame.encode()), Ok(frame));
    }

    #[test]
    fn a_reply_is_read_as_it_was_written(
        number in 1..i32::MAX, zxid in any::<i64>(), (op, response) in response()
    ) {
        let reply = Reply::Answer(ReplyHeader { xid: number, zxid, error: ErrorCode::OK }, response);
        prop_assert_eq!(Reply::decode(reply.encode(), |_| op), Ok(reply));
    }

    #[test]
    fn a_request_cut_short_is_refused_or_read_and_never_panics(request in request(), cut in any::<proptest::sample::Index>()) {
        let whole = RequestFrame { xid: 7, request }.encode();
        let _ = RequestFrame::decode(whole.slice(..cut.index(whole.len())));
    }

    #[test]
    fn frames_come_out_as_they_went_in(contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6), step in 1..9_usize) {
        let mut sent = BytesMut::new();
        for content in &contents {
            put_frame(&mut sent, content);
        }
        let mut arrived = BytesMut::new();
        let mut taken = Vec::new();
        for chunk in sent.chunks(step) {
            arrived.extend_from_slice(chunk);
            while let Some(frame) = take_frame(&mut arrived, 64).unwrap() {
                taken.push(frame.to_vec());
            }
        }
        prop_assert_eq!(taken, contents);
    }
}

#[test]
fn a_connect_request_has_the_bytes_that_kafka_sends() {
    let request = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: 0,
        timeout: 18_000,
        session_id: 0,
        password: Bytes::from_static(&[0; 16]),
        read_only: Some(false),
    };
    let bytes = request.encode();
    assert_eq!(bytes.len(), 45);
    assert_eq!(&bytes[12..16], &[0, 0, 0x46, 0x50]);
    assert_eq!(ConnectRequest::decode(bytes.clone()), Ok(request.clone()));
    let old = ConnectRequest {
        read_only: None,
        ..request
    };
    assert_eq!(ConnectRequest::decode(bytes.slice(..44)), Ok(old));
}

#[test]
fn a_failed_multi_of_two_has_the_35_bytes_that_zookeeper_sends() {
    let reply = Reply::Answer(
        ReplyHeader {
            xid: 1,
            zxid: 2,
            error: ErrorCode::OK,
        },
        Response::Multi(vec![
            OpResult::Error(ErrorCode::OK),
            OpResult::Error(ErrorCode::NO_NODE),
        ]),
    );
    assert_eq!(reply.encode().len(), 16 + 35);
}

#[test]
fn after_an_error_there_is_no_body() {
    let header = ReplyHeader {
        xid: 1,
        zxid: 2,
        error: ErrorCode::NO_NODE,
    };
    let bytes = Reply::Answer(header, Response::Stat(Stat::default())).encode();
    assert_eq!(bytes.len(), 16);
    assert_eq!(
        Reply::decode(bytes, |_| Op::Exists),
        Ok(Reply::Answer(header, Response::Empty))
    );
}

#[test]
fn an_event_is_read_as_it_was_written() {
    let event = Reply::Event(
        ReplyHeader {
            xid: xid::EVENT,
            zxid: -1,
            error: ErrorCode::OK,
        },
        WatchEvent {
            kind: EventKind::NodeChildrenChanged,
            state: WatchEvent::CONNECTED,
            path: "/brokers/ids".to_owned(),
        },
    );
    assert_eq!(Reply::decode(event.encode(), |_| Op::Ping), Ok(event));
}

#[test]
fn a_length_that_was_only_announced_reserves_nothing() {
    let mut huge = BytesMut::from(&0x7fff_ffff_i32.to_be_bytes()[..]);
    assert_eq!(
        take_frame(&mut huge, DEFAULT_MAX_FRAME)
            .unwrap_err()
            .to_string(),
        "a message of 2147483647 bytes was announced; the limit (jute.maxbuffer) is 1048575"
    );
    let mut to = Writer::new();
    to.int(1);
    to.int(Op::SetWatches.number());
    to.long(0);
    to.int(0x7fff_ffff);
    assert!(matches!(
        RequestFrame::decode(to.finish()),
        Err(Malformed::Length { .. })
    ));
}

#[test]
fn four_letter_words_are_no_frames() {
    for word in FourLetter::all() {
        let head: [u8; 4] = word.word().as_bytes().try_into().unwrap();
        assert_eq!(FourLetter::recognise(&head), Some(word));
        let mut buffer = BytesMut::from(&head[..]);
        assert!(take_frame(&mut buffer, DEFAULT_MAX_FRAME).is_err());
    }
    assert_eq!(FourLetter::recognise(&[0, 0, 0, 45]), None);
}

#[test]
fn every_operation_has_its_own_number() {
    for op in Op::all() {
        assert_eq!(Op::from_number(op.number()), op);
    }
    assert_eq!(Op::from_number(77), Op::Unknown(77));
}

#[test]
fn paths_follow_zookeepers_rules() {
    for good in ["/", "/a", "/a/b", "/a.b", "/.a", "/...", "/a b", "/ü"] {
        assert_eq!(validate(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "a",
        "/a/",
        "//",
        "/a//b",
        "/.",
        "/a/./b",
        "/a/..",
        "/a\0b",
        "/a\u{1}",
        "/a\u{7f}",
        "/a\u{f8ff}",
        "/a\u{fff0}",
        "/😀",
    ] {
        assert!(validate(bad).is_err(), "{bad}");
    }
    assert_eq!(parent_and_name("/a/b"), Some(("/a", "b")));
    assert_eq!(parent_and_name("/a"), Some(("/", "a")));
    assert_eq!(parent_and_name("/"), None);
    assert_eq!(join("/", "a"), "/a");
    assert_eq!(join("/a", "b"), "/a/b");
}
