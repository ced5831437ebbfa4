//! Servers without a network, on an etcd in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use prost::Message as _;
use zookeeper_protocol::Request;

use crate::batch::{Author, Done, Limits, Prepared, Work, prepare};
use crate::etcd::{Event, KeyValue, RequestOp, RequestOpKind, TxnRequest, delete, put};
use crate::evaluate::{Act, Outcome};
use crate::keys::Keys;
use crate::mirror::{Mirror, Own};
use crate::record::SessionRecord;
use crate::stats::Stats;

/// etcd as far as it matters here.
#[derive(Default)]
pub(super) struct Store {
    pub(super) revision: i64,
    pub(super) keys: BTreeMap<Vec<u8>, (i64, Vec<u8>)>,
}

impl Store {
    /// Does a transaction if its conditions hold; its events.
    pub(super) fn txn(&mut self, txn: &TxnRequest) -> Option<Vec<Event>> {
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

    pub(super) fn all(&self) -> Vec<KeyValue> {
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
pub(super) fn flat(ops: &[RequestOp]) -> Vec<&RequestOp> {
    ops.iter()
        .flat_map(|op| match op.request.as_ref().unwrap() {
            RequestOpKind::Txn(txn) => flat(&txn.success),
            _ => vec![op],
        })
        .collect()
}

/// A server without a network: its mirror may be behind the store.
pub(super) struct Server {
    pub(super) id: u64,
    pub(super) mirror: Mirror,
    pub(super) sequence: u64,
    pub(super) fence: i64,
    /// The revision of its hold; zero: it has none.
    pub(super) hold: i64,
    pub(super) behind: VecDeque<(i64, Vec<Event>)>,
}

pub(super) fn keys() -> Keys {
    Keys::new("/test")
}

impl Server {
    pub(super) fn new(id: u64) -> Self {
        Self {
            id,
            mirror: Mirror::new(id, Arc::new(Stats::default())),
            sequence: 0,
            fence: 0,
            hold: 0,
            behind: VecDeque::new(),
        }
    }

    fn author(&mut self) -> Author {
        self.sequence += 1;
        Author {
            server: self.id,
            sequence: self.sequence,
            fence: self.fence,
            hold: self.hold,
            now: NOW,
        }
    }

    pub(super) fn catch_up(&mut self) {
        while let Some((revision, events)) = self.behind.pop_front() {
            self.mirror.apply(revision, events, &keys());
        }
    }
}

/// What becomes of a batch when its server dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    /// Before etcd got the transaction.
    Early,
    /// After; nobody is told.
    Late,
}

/// Milliseconds since 1970, always.
pub(super) const NOW: i64 = 1_000_000;
/// Sessions of every world.
pub(super) const SESSIONS: [i64; 3] = [0x1000, 0x2000, 0x3000];

pub(super) struct World {
    pub(super) store: Store,
    pub(super) servers: Vec<Server>,
    pub(super) limits: Limits,
}

/// A request, and which session sends it.
pub(super) type Sent = (usize, Request);

impl World {
    pub(super) fn new(servers: u64, ops: usize) -> Self {
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

    pub(super) fn happened(&mut self, events: &[Event]) {
        for server in &mut self.servers {
            server
                .behind
                .push_back((self.store.revision, events.to_vec()));
        }
    }

    /// The server dies with one batch under way, and another one comes in its place. How many requests of it are done.
    pub(super) fn die(&mut self, at: usize, requests: Vec<Sent>, death: Death) -> usize {
        let mut queue = works(requests);
        let server = &mut self.servers[at];
        let author = server.author();
        let Prepared { txn, done, .. } =
            prepare(&server.mirror, &mut queue, &keys(), author, self.limits);
        let mut number = 0;
        if death == Death::Late
            && let Some(events) = self.store.txn(&txn)
        {
            number = done.len();
            if !events.is_empty() {
                self.happened(&events);
            }
        }
        let mut next = Server::new(self.servers[at].id + 10);
        next.mirror
            .load(self.store.all(), self.store.revision, &keys());
        self.servers[at] = next;
        number
    }

    /// A session's lease runs out.
    pub(super) fn vanish(&mut self, session: usize) {
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

    pub(super) fn commit(&mut self, at: usize, requests: Vec<Sent>) -> Vec<String> {
        self.commit_works(at, works(requests))
    }

    /// Commits requests at one server, in as many batches as it takes; what they came to, without zxids.
    pub(super) fn commit_works(&mut self, at: usize, works: VecDeque<Work>) -> Vec<String> {
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
            let author = server.author();
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

fn works(requests: Vec<Sent>) -> VecDeque<Work> {
    requests
        .into_iter()
        .map(|(session, request)| Work {
            session: SESSIONS[session],
            // Sessions are the first revisions of every world.
            claim: i64::try_from(session).unwrap() + 1,
            ..work(Act::Client(request))
        })
        .collect()
}

pub(super) fn work(act: Act) -> Work {
    Work::of_server(act)
}

/// An outcome without zxids, which depend on what folds.
pub(super) fn without_zxids(outcome: &Outcome) -> String {
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
