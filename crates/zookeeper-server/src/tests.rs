//! Batches against a small etcd in memory: what several servers do to one tree, whatever folds into one transaction.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;
use zookeeper_protocol::{Create, CreateKind, MultiOp, Request, any_acl};

use crate::batch::{Author, Done, Limits, Work, prepare};
use crate::etcd::{Event, KeyValue, RequestOp, RequestOpKind, TxnRequest, delete, put};
use crate::evaluate::{Act, Outcome};
use crate::keys::Keys;
use crate::mirror::{Mirror, Own};
use crate::record::SessionRecord;
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
        for op in flat(&txn.success) {
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
                RequestOpKind::Range(_) | RequestOpKind::Txn(_) => panic!("none in here"),
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

/// Operations of transactions in transactions as well.
fn flat(ops: &[RequestOp]) -> Vec<&RequestOp> {
    ops.iter()
        .flat_map(|op| match op.request.as_ref().unwrap() {
            RequestOpKind::Txn(txn) => flat(&txn.success),
            _ => vec![op],
        })
        .collect()
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

/// Sessions of every world.
const SESSIONS: [i64; 3] = [0x1000, 0x2000, 0x3000];

struct World {
    store: Store,
    servers: Vec<Server>,
    limits: Limits,
}

/// A request, and which session sends it.
type Sent = (usize, Request);

impl World {
    fn new(servers: u64, ops: usize) -> Self {
        let mut world = Self {
            store: Store::default(),
            servers: (1..=servers).map(Server::new).collect(),
            limits: Limits {
                ops,
                bytes: 1 << 20,
                requests: usize::MAX,
            },
        };
        for id in SESSIONS {
            let txn = TxnRequest {
                success: vec![put(
                    keys().session(id),
                    SessionRecord::default().encode_to_vec(),
                    0,
                )],
                ..TxnRequest::default()
            };
            let events = world.store.txn(&txn).unwrap();
            world.happened(&events);
        }
        for server in &mut world.servers {
            server.catch_up();
        }
        world
    }

    fn happened(&mut self, events: &[Event]) {
        for server in &mut self.servers {
            server
                .behind
                .push_back((self.store.revision, events.to_vec()));
        }
    }

    /// A session's lease runs out.
    fn vanish(&mut self, session: usize) {
        let key = keys().session(SESSIONS[session]);
        if self.store.keys.contains_key(&key) {
            let txn = TxnRequest {
                success: vec![delete(key)],
                ..TxnRequest::default()
            };
            let events = self.store.txn(&txn).unwrap();
            self.happened(&events);
        }
    }

    fn commit(&mut self, at: usize, requests: Vec<Sent>) -> Vec<String> {
        let works = requests
            .into_iter()
            .map(|(session, request)| Work {
                session: SESSIONS[session],
                // Sessions are the first revisions of every world.
                claim: i64::try_from(session).unwrap() + 1,
                ..work(Act::Client(request))
            })
            .collect();
        self.commit_works(at, works)
    }

    /// Commits requests at one server, in as many batches as it takes; what they came to, without zxids.
    fn commit_works(&mut self, at: usize, works: VecDeque<Work>) -> Vec<String> {
        let mut outcomes = vec![String::new(); works.len()];
        let mut queue: VecDeque<Work> = works;
        for (number, work) in queue.iter_mut().enumerate() {
            work.xid = i32::try_from(number).unwrap();
        }
        let mut note = |done: &[Done], lost: &[Work]| {
            for done in done {
                outcomes[usize::try_from(done.work.xid).unwrap()] = without_zxids(&done.outcome);
            }
            for lost in lost {
                "lost".clone_into(&mut outcomes[usize::try_from(lost.xid).unwrap()]);
            }
        };
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
            let Some(events) = self.store.txn(&prepared.txn) else {
                assert!(
                    !self.servers[at].behind.is_empty(),
                    "refused although nothing is new"
                );
                note(&[], &prepared.lost);
                for done in prepared.done.into_iter().rev() {
                    queue.push_front(done.work);
                }
                self.servers[at].catch_up();
                continue;
            };
            note(&prepared.done, &prepared.lost);
            if !prepared.changes {
                continue;
            }
            let server = &mut self.servers[at];
            server.fence = self.store.revision;
            server.mirror.own = Some(Own {
                sequence: server.sequence,
                done: prepared.done,
            });
            self.happened(&events);
            let server = &mut self.servers[at];
            server.catch_up();
            assert!(server.mirror.own.is_none(), "answered by its own batch");
            for done in std::mem::take(&mut server.mirror.again).into_iter().rev() {
                queue.push_front(done.work);
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

fn request() -> impl Strategy<Value = Sent> {
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
