//! ZooKeeper in memory, one request after the other, as its documentation tells it: what several servers on etcd must look like
//! from outside, whatever they fold, whoever of them is behind, dies, or loses a session.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;
use zookeeper_protocol::{
    Create, CreateKind, ErrorCode, MultiOp, OpResult, Request, Response, Stat,
};

use super::requests::request;
use super::world::{Death, NOW, SESSIONS, Sent, World, keys, without_zxids, work};
use crate::evaluate::{Act, Outcome};
use crate::mirror::Mirror;
use crate::stats::Stats;
use crate::tree::BUILT_IN;

#[derive(Debug, Clone, PartialEq)]
struct Node {
    data: Option<Bytes>,
    version: i32,
    aversion: i32,
    /// Children that ever came, and that went.
    came: i32,
    went: i32,
    /// The session, of an ephemeral node.
    owner: Option<i64>,
    /// When it was made, and last set; nobody knows it of the root.
    times: (i64, i64),
}

#[derive(Debug, Clone)]
struct Model {
    nodes: BTreeMap<String, Node>,
    living: BTreeSet<i64>,
}

fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}

impl Model {
    fn new() -> Self {
        let empty = Node {
            data: Some(Bytes::new()),
            version: 0,
            aversion: 0,
            came: 0,
            went: 0,
            owner: None,
            times: (0, 0),
        };
        Self {
            nodes: BTreeMap::from([("/".to_owned(), empty)]),
            living: SESSIONS.into(),
        }
    }

    fn children(&self, path: &str) -> i32 {
        let below = self.nodes.keys();
        let number = below.filter(|other| *other != "/" && parent(other) == path);
        // The root also has ZooKeeper's own.
        i32::try_from(number.count()).unwrap() + i32::from(path == "/")
    }

    fn stat(&self, path: &str) -> Stat {
        let node = &self.nodes[path];
        let changed = node.came + node.went;
        Stat {
            czxid: 0,
            mzxid: 0,
            ctime: node.times.0,
            mtime: node.times.1,
            version: node.version,
            // The root begins before its first child.
            cversion: changed - i32::from(path == "/"),
            aversion: node.aversion,
            ephemeral_owner: node.owner.unwrap_or(0),
            data_length: i32::try_from(node.data.as_ref().map_or(0, Bytes::len)).unwrap(),
            num_children: self.children(path),
            pzxid: 0,
        }
    }

    fn get(&mut self, path: &str) -> Result<&mut Node, ErrorCode> {
        self.nodes.get_mut(path).ok_or(ErrorCode::NO_NODE)
    }

    fn create(&mut self, session: i64, create: &Create) -> Result<String, ErrorCode> {
        let above = parent(&create.path).to_owned();
        let there = self.get(&above)?;
        let path = match create.flags {
            2 | 3 => format!("{}{:010}", create.path, there.came),
            _ => create.path.clone(),
        };
        let barren = there.owner.is_some();
        if self.nodes.contains_key(&path) {
            return Err(ErrorCode::NODE_EXISTS);
        }
        if barren {
            return Err(ErrorCode::NO_CHILDREN_FOR_EPHEMERALS);
        }
        self.get(&above)?.came += 1;
        let node = Node {
            data: create.data.clone(),
            version: 0,
            aversion: 0,
            came: 0,
            went: 0,
            owner: matches!(create.flags, 1 | 3).then_some(session),
            times: (NOW, NOW),
        };
        self.nodes.insert(path.clone(), node);
        Ok(path)
    }

    fn expect(&mut self, path: &str, version: i32) -> Result<&mut Node, ErrorCode> {
        let node = self.get(path)?;
        if version == -1 || version == node.version {
            Ok(node)
        } else {
            Err(ErrorCode::BAD_VERSION)
        }
    }

    fn delete(&mut self, path: &str, version: i32) -> Result<(), ErrorCode> {
        if path == "/" {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        self.expect(path, version)?;
        if self.children(path) > 0 {
            return Err(ErrorCode::NOT_EMPTY);
        }
        self.nodes.remove(path);
        self.get(parent(path))?.went += 1;
        Ok(())
    }

    fn op(&mut self, session: i64, op: &MultiOp) -> Result<OpResult, ErrorCode> {
        match op {
            MultiOp::Create(create) => {
                let path = self.create(session, create)?;
                Ok(if create.kind == CreateKind::Create {
                    OpResult::Created { path }
                } else {
                    let stat = self.stat(&path);
                    OpResult::Created2 { path, stat }
                })
            }
            MultiOp::Delete { path, version } => {
                self.delete(path, *version).map(|()| OpResult::Deleted)
            }
            MultiOp::SetData {
                path,
                data,
                version,
            } => {
                let node = self.expect(path, *version)?;
                node.version += 1;
                node.times.1 = NOW;
                node.data.clone_from(data);
                Ok(OpResult::DataSet(self.stat(path)))
            }
            MultiOp::Check { path, version } => {
                self.expect(path, *version).map(|_| OpResult::Checked)
            }
            MultiOp::GetData { .. } | MultiOp::GetChildren { .. } => {
                panic!("reads are not generated")
            }
        }
    }

    fn multi(&mut self, session: i64, ops: &[MultiOp]) -> Vec<OpResult> {
        let before = self.nodes.clone();
        let results: Vec<_> = ops.iter().map(|op| self.op(session, op)).collect();
        let Some((at, code)) = results
            .iter()
            .enumerate()
            .find_map(|(at, result)| result.as_ref().err().map(|code| (at, *code)))
        else {
            return results.into_iter().filter_map(Result::ok).collect();
        };
        // Those after the first that fails see what is not there; only that they were not done counts.
        self.nodes = before;
        let told = |number: usize| match number.cmp(&at) {
            std::cmp::Ordering::Less => ErrorCode::OK,
            std::cmp::Ordering::Equal => code,
            std::cmp::Ordering::Greater => ErrorCode::RUNTIME_INCONSISTENCY,
        };
        (0..ops.len())
            .map(|number| OpResult::Error(told(number)))
            .collect()
    }

    fn end(&mut self, session: i64) {
        self.living.remove(&session);
        let own = |node: &Node| node.owner == Some(session);
        let gone: Vec<String> = self
            .nodes
            .iter()
            .filter(|(_, node)| own(node))
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            self.delete(&path, -1).unwrap();
        }
    }

    /// What the request comes to, as the servers' outcomes are written.
    fn ask(&mut self, (session, request): &Sent) -> String {
        let session = SESSIONS[*session];
        if !self.living.contains(&session) {
            return "lost".to_owned();
        }
        let single = |result: Result<OpResult, ErrorCode>| {
            result.map(|result| match result {
                OpResult::Created { path } => Response::Created { path },
                OpResult::Created2 { path, stat } => Response::Created2 { path, stat },
                OpResult::DataSet(stat) => Response::Stat(stat),
                _ => Response::Empty,
            })
        };
        let answer = match request.clone() {
            Request::Create(create) => single(self.op(session, &MultiOp::Create(create))),
            Request::Delete { path, version } => {
                single(self.op(session, &MultiOp::Delete { path, version }))
            }
            Request::SetData {
                path,
                data,
                version,
            } => {
                let op = MultiOp::SetData {
                    path,
                    data,
                    version,
                };
                single(self.op(session, &op))
            }
            Request::SetAcl { path, .. } => match self.get(&path) {
                Ok(node) => {
                    node.aversion += 1;
                    Ok(Response::Stat(self.stat(&path)))
                }
                Err(code) => Err(code),
            },
            Request::Multi(ops) => Ok(Response::Multi(self.multi(session, &ops))),
            Request::CloseSession => {
                self.end(session);
                Ok(Response::Empty)
            }
            other => panic!("{other:?} is not generated"),
        };
        without_zxids(&match answer {
            Ok(response) => Outcome::Answer(response),
            Err(code) => Outcome::Error(code),
        })
    }

    /// Everything that can be seen of the tree, but zxids.
    fn shown(&self) -> Vec<String> {
        let nodes = self.nodes.iter();
        nodes
            .map(|(path, node)| shown(path, node.data.as_ref(), self.stat(path)))
            .collect()
    }
}

fn shown(path: &str, data: Option<&Bytes>, stat: Stat) -> String {
    let stat = without_zxids(&Outcome::Answer(Response::Stat(stat)));
    format!("{path} {data:?} {stat}")
}

fn shown_by(mirror: &Mirror) -> Vec<String> {
    mirror
        .tree
        .paths()
        .filter(|(path, _)| *path == "/" || !BUILT_IN.contains(path))
        .map(|(path, node)| shown(path, node.meta.data.as_ref(), node.meta.stat()))
        .collect()
}

/// What happens at one server.
#[derive(Debug, Clone)]
enum Happening {
    Requests(Vec<Sent>),
    Dies(Vec<Sent>, Death),
    /// A session comes here; it is served when everything that was committed before is known here.
    Comes(usize),
    /// A session's client was silent for too long.
    Silent(usize),
}

/// The same requests, of the sessions that are at this server.
fn sent_here(requests: Vec<Sent>, homes: &[usize], at: usize) -> Vec<Sent> {
    let here: Vec<usize> = (0..homes.len())
        .filter(|session| homes[*session] == at)
        .collect();
    requests
        .into_iter()
        .filter_map(|(number, request)| {
            let session = here.get(number % here.len().max(1))?;
            Some((*session, request))
        })
        .collect()
}

fn happening() -> impl Strategy<Value = Happening> {
    let requests = || proptest::collection::vec(request(), 1..6);
    let death = prop_oneof![Just(Death::Early), Just(Death::Late)];
    prop_oneof![
        12 => requests().prop_map(Happening::Requests),
        3 => (requests(), death).prop_map(|(requests, death)| Happening::Dies(requests, death)),
        2 => (0..SESSIONS.len()).prop_map(Happening::Comes),
        1 => (0..SESSIONS.len()).prop_map(Happening::Silent),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn several_servers_that_die_and_fall_behind_are_one_zookeeper(
        history in proptest::collection::vec((0..3_usize, happening()), 1..30),
    ) {
        let mut world = World::new(3, 24);
        let mut model = Model::new();
        let mut homes = [0, 1, 2];
        for (at, happening) in history {
            match happening {
                Happening::Requests(requests) => {
                    let requests = sent_here(requests, &homes, at);
                    let expected: Vec<String> = requests.iter().map(|sent| model.ask(sent)).collect();
                    prop_assert_eq!(world.commit(at, requests), expected);
                }
                Happening::Dies(requests, death) => {
                    let requests = sent_here(requests, &homes, at);
                    let mut done = world.die(at, requests.clone(), death);
                    for sent in requests {
                        if done > 0 && model.ask(&sent) != "lost" {
                            done -= 1;
                        }
                    }
                }
                Happening::Comes(session) => {
                    world.servers[at].catch_up();
                    homes[session] = at;
                }
                Happening::Silent(session) => {
                    world.vanish(session);
                    world.servers[at].catch_up();
                    world.commit_works(at, [work(Act::Expire(SESSIONS[session]))].into());
                    model.end(SESSIONS[session]);
                }
            }
            let mut fresh = Mirror::new(99, std::sync::Arc::new(Stats::default()));
            fresh.load(world.store.all(), world.store.revision, &keys());
            prop_assert_eq!(shown_by(&fresh), model.shown());
        }
        for server in &mut world.servers {
            server.catch_up();
            prop_assert_eq!(shown_by(&server.mirror), model.shown());
        }
    }
}
