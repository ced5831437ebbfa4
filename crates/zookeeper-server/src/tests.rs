//! Batches against a small etcd in memory: what several servers do to one tree, whatever folds into one transaction.

mod model;
mod requests;
mod world;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use zookeeper_protocol::{Create, CreateKind, MultiOp, Request, any_acl};

use self::requests::request;
use self::world::{SESSIONS, World, keys, work};
use crate::evaluate::Act;
use crate::mirror::Mirror;
use crate::stats::Stats;

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn folding_changes_no_outcome(
        requests in proptest::collection::vec(request(), 1..30),
        cuts in proptest::collection::vec(1..9_usize, 30),
    ) {
        let mut one_by_one = World::new(1, 64);
        let mut folded = World::new(1, 16);
        let mut expected = Vec::new();
        for request in requests.clone() {
            expected.extend(one_by_one.commit(0, vec![request]));
        }
        let mut outcomes = Vec::new();
        let mut rest = requests;
        for cut in cuts {
            let tail = rest.split_off(cut.min(rest.len()));
            outcomes.extend(folded.commit(0, std::mem::replace(&mut rest, tail)));
        }
        prop_assert_eq!(outcomes, expected);
    }

    #[test]
    fn a_mirror_that_followed_is_one_that_was_read_afresh(
        batches in proptest::collection::vec((0..3_usize, proptest::collection::vec(request(), 1..6)), 1..20),
    ) {
        let mut world = World::new(3, 64);
        for (at, requests) in batches {
            world.commit(at, requests);
        }
        let mut fresh = Mirror::new(9, Arc::new(Stats::default()));
        fresh.load(world.store.all(), world.store.revision, &keys());
        for server in &mut world.servers {
            server.catch_up();
            prop_assert_eq!(&server.mirror.tree, &fresh.tree);
            prop_assert_eq!(server.mirror.zxid, fresh.zxid);
        }
    }

    #[test]
    fn servers_that_are_behind_decide_as_one_would(
        batches in proptest::collection::vec((0..3_usize, proptest::collection::vec(request(), 1..4)), 1..20),
    ) {
        let mut several = World::new(3, 64);
        let mut one = World::new(1, 64);
        for (at, mut requests) in batches {
            for (session, _) in &mut requests {
                // A session is at one server, which has everything that was done when it came there.
                *session = at;
            }
            let outcomes = several.commit(at, requests.clone());
            let expected = one.commit(0, requests);
            prop_assert_eq!(outcomes, expected);
        }
    }

    #[test]
    fn an_expired_session_writes_nothing_and_leaves_nothing(
        before in proptest::collection::vec((0..2_usize, proptest::collection::vec(request(), 1..6)), 1..8),
        after in proptest::collection::vec(request(), 1..6),
    ) {
        let mut world = World::new(2, 16);
        for (at, requests) in before {
            world.commit(at, requests);
        }
        world.vanish(0);
        // The server has not yet seen it.
        let outcomes = world.commit(1, after.clone());
        for ((session, _), outcome) in after.iter().zip(&outcomes) {
            prop_assert!(*session != 0 || outcome == "lost", "{outcome}");
        }
        for at in [0, 1] {
            // It is queued when the mirror has seen that the key vanished.
            world.servers[at].catch_up();
            world.commit_works(at, [work(Act::Expire(SESSIONS[0]))].into());
        }
        for server in &mut world.servers {
            server.catch_up();
            prop_assert_eq!(server.mirror.tree.ephemerals(SESSIONS[0]).count(), 0);
        }
    }
}

fn creates(number: usize, data: &'static [u8]) -> Request {
    let create = |number| {
        MultiOp::Create(Create {
            kind: CreateKind::Create,
            path: format!("/n{number}"),
            data: Some(Bytes::from_static(data)),
            acl: any_acl(),
            flags: 1,
        })
    };
    Request::Multi((0..number).map(create).collect())
}

#[test]
fn a_request_of_more_operations_than_etcd_takes_goes_alone_and_whole() {
    let mut world = World::new(2, 16);
    // The second server does not know of the first one's node.
    world.commit(0, vec![(0, creates(1, b""))]);
    let delete = |path: &str| {
        Request::Multi(vec![MultiOp::Delete {
            path: path.to_owned(),
            version: -1,
        }])
    };
    let outcomes = world.commit(
        1,
        vec![
            (1, delete("/n0")),
            (1, creates(100, b"")),
            (1, delete("/n1")),
            (1, creates(50, b"")),
        ],
    );
    assert!(
        outcomes[1].starts_with("Answer(Multi([Created"),
        "{outcomes:?}"
    );
    assert!(
        outcomes[3].starts_with("Answer(Multi([Error(ErrorCode(-110))"),
        "{outcomes:?}"
    );
    let tree = &world.servers[1].mirror.tree;
    assert!(tree.get("/n99").is_some() && tree.get("/n1").is_none());
    // All ephemeral nodes of a session go with it, however many.
    let outcomes = world.commit(1, vec![(1, Request::CloseSession)]);
    assert_eq!(outcomes, ["Answer(Empty)"]);
    assert_eq!(world.servers[1].mirror.tree.ephemeral_count(), 0);
}

#[test]
fn a_request_beyond_etcds_limits_is_refused_and_its_neighbours_are_not() {
    static DATA: [u8; 20_000] = [7; 20_000];
    let create = |path: &str| {
        Request::Create(Create {
            kind: CreateKind::Create,
            path: path.to_owned(),
            data: None,
            acl: any_acl(),
            flags: 0,
        })
    };
    let mut world = World::new(1, 16);
    let outcomes = world.commit(
        0,
        vec![
            (0, create("/a")),
            (1, creates(60, &DATA)),
            (2, create("/b")),
        ],
    );
    assert!(
        outcomes[1].starts_with("Answer(Multi([Error(ErrorCode(-8)), Error(ErrorCode(-2))"),
        "{outcomes:?}"
    );
    let tree = &world.servers[0].mirror.tree;
    assert!(tree.get("/a").is_some() && tree.get("/b").is_some() && tree.get("/n0").is_none());
}

#[test]
fn kafkas_registration_sees_its_own_write() {
    let mut world = World::new(1, 128);
    let register = Request::Multi(vec![
        MultiOp::Create(Create {
            kind: CreateKind::Create,
            path: "/b".to_owned(),
            data: None,
            acl: any_acl(),
            flags: 0,
        }),
        MultiOp::SetData {
            path: "/b".to_owned(),
            data: Some(Bytes::from_static(b"{}")),
            version: 0,
        },
    ]);
    let outcomes = world.commit(0, vec![(0, register)]);
    assert!(
        outcomes[0].starts_with("Answer(Multi([Created { path: \"/b\" }, DataSet(Stat {"),
        "{outcomes:?}"
    );
    let node = world.servers[0].mirror.tree.get("/b").unwrap();
    // The sessions were made before.
    assert_eq!((node.meta.czxid, node.meta.version), ((4 << 12) + 1, 1));
}
