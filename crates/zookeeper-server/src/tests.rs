//! Batches against a small etcd in memory: what several servers do to one tree, whatever folds into one transaction.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use proptest::prelude::*;
use zookeeper_protocol::{Create, CreateKind, ErrorCode, MultiOp, Request, Response, any_acl};

use crate::batch::{Author, Limits, Work, prepare};
use crate::etcd::{Event, KeyValue, RequestOpKind, TxnRequest};
use crate::evaluate::{Act, Outcome};
use crate::keys::Keys;
use crate::mirror::{Mirror, Own};
use crate::stats::Stats;

/// etcd as far as it matters here.
#[derive(Default)]
struct Store {
    revision: i64,
    keys: BTreeMap<Vec<u8>, (i64, Vec<u8>)>,
}

impl Store {
    /// Does a transaction if its conditions hold; its events.
    fn txn(&mut self, txn: &TxnRequest) -> Option<Vec<Event>> {
        let holds = txn.compare.iter().all(|compare| {
            let there = self
                .keys
                .get(&compare.key)
                .map_or(0, |(revision, _)| *revision);
            compare.mod_revision == Some(there)
        });
        if !holds {
            return None;
        }
        if txn.success.is_empty() {
            return Some(Vec::new());
        }
        self.revision += 1;
        let mut events = Vec::new();
        let mut touched = Vec::new();
        for op in &txn.success {
            let (key, value) = match op.request.as_ref().unwrap() {
                RequestOpKind::Put(put) => {
                    self.keys
                        .insert(put.key.clone(), (self.revision, put.value.clone()));
                    (&put.key, put.value.clone())
                }
                RequestOpKind::Delete(delete) => {
                    assert!(self.keys.remove(&delete.key).is_some(), "nothing to delete");
                    (&delete.key, Vec::new())
                }
                RequestOpKind::Range(_) => panic!("no reads in here"),
            };
            assert!(
                !touched.contains(key),
                "etcd refuses a key twice in one transaction"
            );
            touched.push(key.clone());
            events.push(Event {
                kind: i32::from(matches!(op.request, Some(RequestOpKind::Delete(_)))),
                kv: Some(KeyValue {
                    key: key.clone().into(),
                    mod_revision: self.revision,
                    value: value.into(),
                    lease: 0,
                }),
            });
        }
        Some(events)
    }

    fn all(&self) -> Vec<KeyValue> {
        self.keys
            .iter()
            .map(|(key, (revision, value))| KeyValue {
                key: key.clone().into(),
                mod_revision: *revision,
                value: value.clone().into(),
                lease: 0,
            })
            .collect()
    }
}

/// A server without a network: its mirror may be behind the store.
struct Server {
    id: u64,
    mirror: Mirror,
    sequence: u64,
    fence: i64,
    behind: VecDeque<(i64, Vec<Event>)>,
}

fn keys() -> Keys {
    Keys::new("/test")
}

impl Server {
    fn new(id: u64) -> Self {
        Self {
            id,
            mirror: Mirror::new(id, Arc::new(Stats::default())),
            sequence: 0,
            fence: 0,
            behind: VecDeque::new(),
        }
    }

    fn catch_up(&mut self) {
        while let Some((revision, events)) = self.behind.pop_front() {
            self.mirror.apply(revision, events, &keys());
        }
    }
}

struct World {
    store: Store,
    servers: Vec<Server>,
    limits: Limits,
}

impl World {
    fn new(servers: u64, ops: usize) -> Self {
        Self {
            store: Store::default(),
            servers: (1..=servers).map(Server::new).collect(),
            limits: Limits {
                ops,
                bytes: 1 << 20,
                requests: usize::MAX,
            },
        }
    }

    fn happened(&mut self, events: &[Event]) {
        for server in &mut self.servers {
            server
                .behind
                .push_back((self.store.revision, events.to_vec()));
        }
    }

    /// Commits requests at one server, in as many batches as it takes; what they came to.
    fn commit(&mut self, at: usize, requests: Vec<Request>) -> Vec<Outcome> {
        let mut queue: VecDeque<Work> = requests
            .into_iter()
            .map(|request| work(Act::Client(request)))
            .collect();
        let mut outcomes = Vec::new();
        while !queue.is_empty() {
            let server = &mut self.servers[at];
            server.sequence += 1;
            let author = Author {
                server: server.id,
                sequence: server.sequence,
                fence: server.fence,
                now: 1_000_000,
            };
            let prepared = prepare(&server.mirror, &mut queue, &keys(), author, self.limits);
            assert!(prepared.txn.compare.len() <= self.limits.ops);
            assert!(prepared.txn.success.len() <= self.limits.ops);
            match self.store.txn(&prepared.txn) {
                Some(events) if prepared.changes => {
                    outcomes.extend(prepared.done.iter().map(|done| done.outcome.clone()));
                    let server = &mut self.servers[at];
                    server.fence = self.store.revision;
                    server.mirror.own = Some(Own {
                        sequence: server.sequence,
                        done: prepared.done,
                    });
                    self.happened(&events);
                    self.servers[at].catch_up();
                    assert!(
                        self.servers[at].mirror.own.is_none(),
                        "answered by its own batch"
                    );
                }
                Some(_) => outcomes.extend(prepared.done.into_iter().map(|done| done.outcome)),
                None => {
                    assert!(
                        !self.servers[at].behind.is_empty(),
                        "refused although nothing is new"
                    );
                    for done in prepared.done.into_iter().rev() {
                        queue.push_front(done.work);
                    }
                    self.servers[at].catch_up();
                }
            }
        }
        outcomes
    }
}

fn work(act: Act) -> Work {
    Work {
        act,
        line: None,
        session: 0,
        claim: 0,
        identities: Arc::from([]),
        xid: 0,
        born: Instant::now(),
    }
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "/[ab]", 3 => "/[ab]/[ab]", 2 => "/[ab]/[ab]/[ab]", 1 => Just("/".to_owned()),
    ]
}

fn version() -> impl Strategy<Value = i32> {
    prop_oneof![3 => Just(-1), 1 => 0..3_i32]
}

fn create_request() -> impl Strategy<Value = Create> {
    let kind = prop_oneof![
        Just((CreateKind::Create, 0)),
        Just((CreateKind::Create2, 0)),
        Just((CreateKind::Create2, 2)),
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

fn op() -> impl Strategy<Value = MultiOp> {
    prop_oneof![
        4 => create_request().prop_map(MultiOp::Create),
        2 => (path(), version()).prop_map(|(path, version)| MultiOp::Delete { path, version }),
        2 => (path(), version()).prop_map(|(path, version)| MultiOp::SetData {
            path, data: None, version
        }),
        1 => (path(), version()).prop_map(|(path, version)| MultiOp::Check { path, version }),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        4 => create_request().prop_map(Request::Create),
        3 => (path(), version()).prop_map(|(path, version)| Request::Delete { path, version }),
        3 => (path(), version()).prop_map(|(path, version)| Request::SetData {
            path, data: Some(Bytes::from_static(b"z")), version
        }),
        1 => path().prop_map(|path| Request::SetAcl { path, acl: any_acl(), version: -1 }),
        3 => proptest::collection::vec(op(), 1..4).prop_map(Request::Multi),
    ]
}

/// An outcome without zxids, which depend on what folds.
fn without_zxids(outcome: &Outcome) -> String {
    let text = format!("{outcome:?}");
    let mut kept = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("zxid: ") {
        let (before, after) = rest.split_at(at + "zxid: ".len());
        kept.push_str(before);
        rest = after.trim_start_matches(|c: char| c == '-' || c.is_ascii_digit());
    }
    kept.push_str(rest);
    kept
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn folding_changes_no_outcome(requests in proptest::collection::vec(request(), 1..30), cuts in proptest::collection::vec(1..9_usize, 30)) {
        let mut one_by_one = World::new(1, 64);
        let mut folded = World::new(1, 64);
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
        let plain = |outcomes: &[Outcome]| outcomes.iter().map(without_zxids).collect::<Vec<_>>();
        prop_assert_eq!(plain(&outcomes), plain(&expected));
    }

    #[test]
    fn a_mirror_that_followed_is_one_that_was_read_afresh(batches in proptest::collection::vec((0..3_usize, proptest::collection::vec(request(), 1..6)), 1..20)) {
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
    fn servers_that_are_behind_decide_as_one_would(batches in proptest::collection::vec((0..3_usize, proptest::collection::vec(request(), 1..4)), 1..20)) {
        let mut several = World::new(3, 64);
        let mut one = World::new(1, 64);
        for (at, requests) in batches {
            let outcomes = several.commit(at, requests.clone());
            let expected = one.commit(0, requests);
            let plain = |outcomes: &[Outcome]| outcomes.iter().map(without_zxids).collect::<Vec<_>>();
            prop_assert_eq!(plain(&outcomes), plain(&expected));
        }
    }
}

#[test]
fn a_request_beyond_etcds_limits_is_refused_and_its_neighbours_are_not() {
    let mut world = World::new(1, 16);
    let create = |path: String| {
        MultiOp::Create(Create {
            kind: CreateKind::Create,
            path,
            data: None,
            acl: any_acl(),
            flags: 0,
        })
    };
    let large: Vec<_> = (0..20)
        .map(|number| create(format!("/n{number}")))
        .collect();
    let outcomes = world.commit(
        0,
        vec![
            Request::Multi(vec![create("/a".to_owned())]),
            Request::Multi(large),
            Request::Multi(vec![create("/b".to_owned())]),
        ],
    );
    assert_eq!(outcomes.len(), 3);
    let Outcome::Answer(Response::Multi(results)) = &outcomes[1] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(
        results[0],
        zookeeper_protocol::OpResult::Error(ErrorCode::BAD_ARGUMENTS)
    );
    let tree = &world.servers[0].mirror.tree;
    assert!(tree.get("/a").is_some() && tree.get("/b").is_some() && tree.get("/n0").is_none());
}

#[test]
fn kafkas_registration_sees_its_own_write() {
    let mut world = World::new(1, 128);
    let requests = vec![Request::Multi(vec![
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
    ])];
    let outcomes = world.commit(0, requests);
    let Outcome::Answer(Response::Multi(results)) = &outcomes[0] else {
        panic!("{outcomes:?}");
    };
    let zookeeper_protocol::OpResult::DataSet(stat) = &results[1] else {
        panic!("{results:?}");
    };
    assert_eq!((stat.version, stat.czxid), (1, -1));
    let node = world.servers[0].mirror.tree.get("/b").unwrap();
    assert_eq!(node.meta.czxid, (1 << 12) + 1);
}
