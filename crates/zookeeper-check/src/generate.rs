//! Random requests: every operation, right and wrong, on few nodes, so that sessions meet.
//!
//! Pure: the same seed and number give the same steps. Paths start at the base that is passed in, so that steps can be
//! tried again on an empty tree.

use std::fmt::Write as _;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use zookeeper_protocol::{
    Acl, Create, CreateKind, Id, MultiOp, Op, Perms, Request, SetWatches, any_acl,
};

use crate::describe;

/// What one session does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Sends these at once, without waiting between them.
    Ask(Vec<Request>),
    /// Loses its connection and comes back with the same session.
    Reconnect,
    /// Ends, and a new session takes its place.
    Close,
    /// A further session makes these ephemeral nodes and falls silent until its servers give it up.
    Expire(Vec<String>),
}

/// One step of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which session, from zero.
    pub session: usize,
    /// What it does.
    pub action: Action,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "session {}: ", self.session)?;
        match &self.action {
            Action::Ask(requests) => {
                let requests: Vec<String> = requests.iter().map(describe::request).collect();
                f.write_str(&requests.join(" | "))
            }
            Action::Reconnect => f.write_str("loses its connection and comes back"),
            Action::Close => f.write_str("closes"),
            Action::Expire(paths) => {
                write!(f, "another session makes {paths:?}, falls silent, expires")
            }
        }
    }
}

impl Step {
    /// How many requests it is.
    pub fn requests(&self) -> u64 {
        match &self.action {
            Action::Ask(requests) => requests.len() as u64,
            Action::Reconnect | Action::Close => 1,
            Action::Expire(paths) => paths.len() as u64,
        }
    }
}

/// What to make of a seed.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Sessions at once.
    pub sessions: usize,
    /// Requests of one round, each of which starts with an empty tree.
    pub requests: u64,
    /// One silent session in this many steps; none if zero (each takes a session timeout).
    pub expire_in: u32,
    /// Operations to leave out, alone and in multis: to look past a difference that is known.
    pub without: Vec<Operation>,
}

/// The steps of round `round` of `seed`.
pub fn steps(shape: &Shape, seed: u64, round: u64, base: &str) -> Vec<Step> {
    let mut maker = Maker {
        rng: StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(round)),
        base: base.to_owned(),
    };
    let mut steps = Vec::new();
    let mut requests = 0;
    while requests < shape.requests {
        let mut step = maker.step(shape);
        let left = shape.requests - requests;
        if let Action::Ask(asked) = &mut step.action {
            asked.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        }
        requests += step.requests().min(left);
        steps.push(step);
    }
    steps
}

/// An operation by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation(Op);

/// What no server knows; part of every campaign.
const UNKNOWN: i32 = 99;

impl Operation {
    fn all() -> impl Iterator<Item = Op> {
        Op::all().chain([Op::Unknown(UNKNOWN)])
    }

    fn name(op: Op) -> String {
        match op {
            Op::Unknown(_) => "unknown".to_owned(),
            op => {
                let mut name = format!("{op:?}");
                name.get_mut(..1).map(str::make_ascii_lowercase);
                name
            }
        }
    }

    /// `createTtl`, however it is spelt in large and small letters.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all()
            .find(|op| Self::name(*op).eq_ignore_ascii_case(name))
            .map(Self)
    }

    /// Every name.
    pub fn names() -> Vec<String> {
        Self::all().map(Self::name).collect()
    }
}

fn leave_out(without: &[Operation], requests: &mut Vec<Request>) {
    requests.retain(|request| !without.contains(&Operation(request.op())));
    for request in requests {
        if let Request::Multi(ops) | Request::MultiRead(ops) = request {
            ops.retain(|op| !without.contains(&Operation(op.op())));
        }
    }
}

struct Maker {
    rng: StdRng,
    base: String,
}

const NAMES: [&str; 3] = ["a", "b", "c"];
const BAD_TAILS: [&str; 7] = ["/", "//x", "/./x", "/..", "/a/../b", "/\u{1}", "/\u{fffe}"];
const WORDS: [&str; 4] = ["", "x", "orders", "a longer value, for a change"];

impl Maker {
    fn one_in(&mut self, n: u32) -> bool {
        self.rng.random_ratio(1, n)
    }

    fn pick<T: Copy>(&mut self, from: &[T], otherwise: T) -> T {
        from.choose(&mut self.rng).copied().unwrap_or(otherwise)
    }

    fn step(&mut self, shape: &Shape) -> Step {
        let session = self.rng.random_range(0..shape.sessions.max(1));
        let action = match self.rng.random_range(0..100) {
            0..2 => Action::Reconnect,
            2..4 => Action::Close,
            _ if shape.expire_in > 0 && self.one_in(shape.expire_in) => {
                Action::Expire((0..3).map(|_| self.path()).collect())
            }
            _ => {
                let length = self.pick(&[1, 1, 1, 2, 4, 8], 1);
                let mut requests: Vec<Request> = (0..length).map(|_| self.request()).collect();
                leave_out(&shape.without, &mut requests);
                Action::Ask(requests)
            }
        };
        Step { session, action }
    }

    /// Mostly a node of three levels with three names each; at times one that cannot be.
    fn path(&mut self) -> String {
        match self.rng.random_range(0..100) {
            0..2 => {
                let tail = self.pick(&BAD_TAILS, "/");
                return format!("{}{tail}", self.base);
            }
            2 => return self.pick(&["", "a", "/zookeeper/none"], "").to_owned(),
            _ => {}
        }
        let mut path = self.base.clone();
        let depth = self.pick(&[1, 1, 2, 2, 2, 3], 1);
        for _ in 0..depth {
            let name = self.pick(&NAMES, "a");
            path.push('/');
            path.push_str(name);
            if self.one_in(8) {
                let number = self.rng.random_range(0..6);
                // Writing to a string does not fail.
                let _ = write!(path, "{number:010}");
            }
        }
        path
    }

    /// What can be read also exists above the base.
    fn read_path(&mut self) -> String {
        match self.rng.random_range(0..60) {
            0 => "/".to_owned(),
            1 => self.base.clone(),
            2 => "/zookeeper".to_owned(),
            3 => "/zookeeper/quota".to_owned(),
            _ => self.path(),
        }
    }

    fn data(&mut self) -> Option<Bytes> {
        match self.rng.random_range(0..40) {
            0..4 => None,
            4 => Some(Bytes::from(vec![b'z'; 20_000])),
            _ => {
                let word = self.pick(&WORDS, "");
                Some(Bytes::from_static(word.as_bytes()))
            }
        }
    }

    fn version(&mut self) -> i32 {
        self.pick(&[-1, -1, -1, 0, 0, 1, 2, 3, -2], -1)
    }

    fn acl(&mut self) -> Vec<Acl> {
        let entry = |perms, scheme: &str, id: &str| Acl {
            perms: Perms(perms),
            id: Id {
                scheme: scheme.to_owned(),
                id: id.to_owned(),
            },
        };
        match self.rng.random_range(0..60) {
            0 => Vec::new(),
            1 => vec![entry(31, "auth", "")],
            2 => vec![entry(1, "world", "anyone")],
            3 => vec![entry(31, "nobody", "knows")],
            4 => vec![entry(31, "digest", "no colon")],
            5 => vec![entry(
                15,
                "digest",
                // amy:secret
                "amy:1JoZGCJmnHZMbpLqbAIYoC6kjvc=",
            )],
            6 => vec![entry(31, "ip", "127.0.0.1/8")],
            7 => vec![entry(31, "ip", "not an address")],
            8 => vec![entry(0, "world", "anyone")],
            9 => vec![entry(31, "world", "someone")],
            10 => vec![
                entry(1, "world", "anyone"),
                entry(31, "world", "anyone"),
                entry(1, "world", "anyone"),
            ],
            11 => vec![entry(31, "", "")],
            _ => any_acl(),
        }
    }

    fn create(&mut self) -> Create {
        let kind = match self.rng.random_range(0..20) {
            0..12 => CreateKind::Create,
            12..17 => CreateKind::Create2,
            17 => CreateKind::Container,
            _ => {
                // An hour or more: nothing may vanish while we look.
                let ttl = self.pick(&[3_600_000, 7_200_000, 0, -1, 1 << 40], 3_600_000);
                CreateKind::Ttl(ttl)
            }
        };
        let flags = match kind {
            // With other modes and a time of -1, Apache ZooKeeper makes what it then cannot store.
            CreateKind::Ttl(_) => self.pick(&[5, 6], 5),
            _ if self.one_in(60) => self.pick(&[7, -1, 4, 5, 100], 7),
            CreateKind::Create | CreateKind::Create2 => self.pick(&[0, 0, 0, 1, 1, 2, 3], 0),
            CreateKind::Container => 4,
        };
        Create {
            kind,
            path: self.path(),
            data: self.data(),
            acl: self.acl(),
            flags,
        }
    }

    fn multi_op(&mut self) -> MultiOp {
        match self.rng.random_range(0..10) {
            0..4 => {
                let mut create = self.create();
                // Modes there are not cannot be told apart from garbage inside a multi.
                if !(0..=6).contains(&create.flags) {
                    create.flags = 0;
                }
                MultiOp::Create(create)
            }
            4..6 => MultiOp::Delete {
                path: self.path(),
                version: self.version(),
            },
            6..9 => MultiOp::SetData {
                path: self.path(),
                data: self.data(),
                version: self.version(),
            },
            _ => MultiOp::Check {
                path: self.read_path(),
                version: self.version(),
            },
        }
    }

    fn multi(&mut self) -> Vec<MultiOp> {
        let length = self.pick(&[0, 1, 2, 2, 2, 3, 5, 12], 2);
        let mut ops: Vec<MultiOp> = (0..length).map(|_| self.multi_op()).collect();
        // The shape of Kafka's broker registration: two writes to one node.
        if self.one_in(3) {
            let create = self.create();
            if (0..=6).contains(&create.flags) {
                let path = create.path.clone();
                ops.push(MultiOp::Create(create));
                ops.push(MultiOp::SetData {
                    path,
                    data: self.data(),
                    version: 0,
                });
            }
        }
        ops
    }

    fn watched(&mut self) -> Vec<String> {
        let count = self.rng.random_range(0..3);
        (0..count).map(|_| self.read_path()).collect()
    }

    fn request(&mut self) -> Request {
        let watch = self.one_in(2);
        match self.rng.random_range(0..100) {
            0..22 => Request::Create(self.create()),
            22..32 => Request::Delete {
                path: self.path(),
                version: self.version(),
            },
            32..44 => Request::SetData {
                path: self.path(),
                data: self.data(),
                version: self.version(),
            },
            44..52 => Request::Multi(self.multi()),
            52..58 => Request::GetData {
                path: self.read_path(),
                watch,
            },
            58..64 => Request::Exists {
                path: self.read_path(),
                watch,
            },
            64..68 => Request::GetChildren {
                path: self.read_path(),
                watch,
            },
            68..74 => Request::GetChildren2 {
                path: self.read_path(),
                watch,
            },
            74..76 => Request::GetAcl {
                path: self.read_path(),
            },
            76..79 => Request::SetAcl {
                path: self.path(),
                acl: self.acl(),
                version: self.version(),
            },
            _ => self.rare(),
        }
    }

    fn rare(&mut self) -> Request {
        match self.rng.random_range(0..18) {
            0 => Request::Sync {
                path: self.read_path(),
            },
            1 => Request::Ping,
            2 if self.one_in(10) => Request::Check {
                path: self.path(),
                version: self.version(),
            },
            3 | 4 => {
                let length = self.rng.random_range(0..4);
                Request::MultiRead((0..length).map(|_| self.multi_read()).collect())
            }
            5 => Request::CheckWatches {
                path: self.read_path(),
                kind: self.pick(&[1, 2, 3, 4, 5, 6], 3),
            },
            6 | 7 => Request::RemoveWatches {
                path: self.read_path(),
                kind: self.pick(&[1, 2, 3, 4, 5], 3),
            },
            8 => Request::Auth {
                kind: 0,
                scheme: "digest".to_owned(),
                auth: Some(Bytes::from_static(b"amy:secret")),
            },
            9 => Request::SetWatches(SetWatches {
                // So many answers ago; the campaign makes a number of it.
                relative_zxid: self.rng.random_range(0..20),
                data: self.watched(),
                exist: self.watched(),
                child: self.watched(),
                ..SetWatches::default()
            }),
            10 => Request::SetWatches2(SetWatches {
                relative_zxid: self.rng.random_range(0..20),
                data: self.watched(),
                exist: self.watched(),
                child: self.watched(),
                persistent: self.watched(),
                persistent_recursive: self.watched(),
            }),
            11 => Request::GetEphemerals {
                prefix: Some(if self.one_in(2) {
                    self.base.clone()
                } else {
                    self.path()
                }),
            },
            12 => Request::GetAllChildrenNumber {
                path: self.read_path(),
            },
            13..16 => Request::AddWatch {
                path: self.read_path(),
                mode: self.pick(&[0, 0, 1, 1, 1, 2], 0),
            },
            16 => Request::WhoAmI,
            _ => Request::Unknown {
                op: UNKNOWN,
                body: Bytes::new(),
            },
        }
    }

    fn multi_read(&mut self) -> MultiOp {
        let watch = self.one_in(4);
        let path = self.read_path();
        if self.one_in(2) {
            MultiOp::GetData { path, watch }
        } else {
            MultiOp::GetChildren { path, watch }
        }
    }
}
