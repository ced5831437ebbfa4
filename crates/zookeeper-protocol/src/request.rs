//! What clients send after they are connected.

use bytes::Bytes;

use crate::acl::Acl;
use crate::multi::MultiOp;
use crate::op::Op;
use crate::wire::{Malformed, Reader, Writer};

/// Which of the four create operations it is; they differ in what is answered and in the time to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateKind {
    /// Answered with the path.
    Create,
    /// Answered with path and Stat.
    Create2,
    /// A container; answered with path and Stat.
    Container,
    /// With a time to live in milliseconds; answered with path and Stat.
    Ttl(i64),
}

/// Creates a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// Which operation.
    pub kind: CreateKind,
    /// The node, without the number of a sequential one.
    pub path: String,
    /// Its data; null is not empty.
    pub data: Option<Bytes>,
    /// Who may do what.
    pub acl: Vec<Acl>,
    /// See [`crate::CreateMode`]; kept as a number, since a wrong one is answered with an error of its own.
    pub flags: i32,
}

impl Create {
    /// The operation.
    pub fn op(&self) -> Op {
        match self.kind {
            CreateKind::Create => Op::Create,
            CreateKind::Create2 => Op::Create2,
            CreateKind::Container => Op::CreateContainer,
            CreateKind::Ttl(_) => Op::CreateTtl,
        }
    }

    pub(crate) fn decode(op: Op, from: &mut Reader) -> Result<Self, Malformed> {
        let path = from.string()?;
        let data = from.buffer()?;
        let acl = Acl::decode_list(from)?;
        let flags = from.int()?;
        let kind = match op {
            Op::Create2 => CreateKind::Create2,
            Op::CreateContainer => CreateKind::Container,
            Op::CreateTtl => CreateKind::Ttl(from.long()?),
            _ => CreateKind::Create,
        };
        Ok(Self {
            kind,
            path,
            data,
            acl,
            flags,
        })
    }

    pub(crate) fn encode(&self, to: &mut Writer) {
        to.string(&self.path);
        to.buffer(self.data.as_deref());
        Acl::encode_list(&self.acl, to);
        to.int(self.flags);
        if let CreateKind::Ttl(ttl) = self.kind {
            to.long(ttl);
        }
    }
}

/// Watches that a client sets again after it reconnected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetWatches {
    /// What the client had seen when it set them: later changes fire at once.
    pub relative_zxid: i64,
    /// Nodes whose data is watched, which existed.
    pub data: Vec<String>,
    /// Nodes that are watched for their creation.
    pub exist: Vec<String>,
    /// Nodes whose children are watched.
    pub child: Vec<String>,
    /// Persistent watches; only in setWatches2.
    pub persistent: Vec<String>,
    /// Persistent recursive watches; only in setWatches2.
    pub persistent_recursive: Vec<String>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are ZooKeeper's, the fields those of its records"
)]
pub enum Request {
    Create(Create),
    Delete {
        path: String,
        version: i32,
    },
    Exists {
        path: String,
        watch: bool,
    },
    GetData {
        path: String,
        watch: bool,
    },
    SetData {
        path: String,
        data: Option<Bytes>,
        version: i32,
    },
    GetAcl {
        path: String,
    },
    SetAcl {
        path: String,
        acl: Vec<Acl>,
        version: i32,
    },
    GetChildren {
        path: String,
        watch: bool,
    },
    GetChildren2 {
        path: String,
        watch: bool,
    },
    Sync {
        path: String,
    },
    Ping,
    Check {
        path: String,
        version: i32,
    },
    Multi(Vec<MultiOp>),
    MultiRead(Vec<MultiOp>),
    Reconfig {
        joining: Option<String>,
        leaving: Option<String>,
        members: Option<String>,
        config_id: i64,
    },
    /// `kind` is a number of [`crate::WatcherKind`].
    CheckWatches {
        path: String,
        kind: i32,
    },
    /// `kind` is a number of [`crate::WatcherKind`].
    RemoveWatches {
        path: String,
        kind: i32,
    },
    Auth {
        kind: i32,
        scheme: String,
        auth: Option<Bytes>,
    },
    SetWatches(SetWatches),
    SetWatches2(SetWatches),
    Sasl {
        token: Option<Bytes>,
    },
    GetEphemerals {
        prefix: Option<String>,
    },
    GetAllChildrenNumber {
        path: String,
    },
    /// `mode`: 0 persistent, 1 persistent recursive.
    AddWatch {
        path: String,
        mode: i32,
    },
    WhoAmI,
    CloseSession,
    /// An operation that is not known here, with what came with it.
    Unknown {
        op: i32,
        body: Bytes,
    },
}

impl Request {
    /// What it asks for.
    pub fn op(&self) -> Op {
        match self {
            Self::Create(create) => create.op(),
            Self::Delete { .. } => Op::Delete,
            Self::Exists { .. } => Op::Exists,
            Self::GetData { .. } => Op::GetData,
            Self::SetData { .. } => Op::SetData,
            Self::GetAcl { .. } => Op::GetAcl,
            Self::SetAcl { .. } => Op::SetAcl,
            Self::GetChildren { .. } => Op::GetChildren,
            Self::GetChildren2 { .. } => Op::GetChildren2,
            Self::Sync { .. } => Op::Sync,
            Self::Ping => Op::Ping,
            Self::Check { .. } => Op::Check,
            Self::Multi(_) => Op::Multi,
            Self::MultiRead(_) => Op::MultiRead,
            Self::Reconfig { .. } => Op::Reconfig,
            Self::CheckWatches { .. } => Op::CheckWatches,
            Self::RemoveWatches { .. } => Op::RemoveWatches,
            Self::Auth { .. } => Op::Auth,
            Self::SetWatches(_) => Op::SetWatches,
            Self::SetWatches2(_) => Op::SetWatches2,
            Self::Sasl { .. } => Op::Sasl,
            Self::GetEphemerals { .. } => Op::GetEphemerals,
            Self::GetAllChildrenNumber { .. } => Op::GetAllChildrenNumber,
            Self::AddWatch { .. } => Op::AddWatch,
            Self::WhoAmI => Op::WhoAmI,
            Self::CloseSession => Op::CloseSession,
            Self::Unknown { op, .. } => Op::from_number(*op),
        }
    }

    /// Reads the body of a request of this operation.
    pub fn decode(op: Op, from: &mut Reader) -> Result<Self, Malformed> {
        Ok(match op {
            Op::Create | Op::Create2 | Op::CreateContainer | Op::CreateTtl => {
                Self::Create(Create::decode(op, from)?)
            }
            Op::Delete => Self::Delete {
                path: from.string()?,
                version: from.int()?,
            },
            Op::Exists => Self::Exists {
                path: from.string()?,
                watch: from.bool()?,
            },
            Op::GetData => Self::GetData {
                path: from.string()?,
                watch: from.bool()?,
            },
            Op::SetData => Self::SetData {
                path: from.string()?,
                data: from.buffer()?,
                version: from.int()?,
            },
            Op::GetAcl => Self::GetAcl {
                path: from.string()?,
            },
            Op::SetAcl => Self::SetAcl {
                path: from.string()?,
                acl: Acl::decode_list(from)?,
                version: from.int()?,
            },
            Op::GetChildren => Self::GetChildren {
                path: from.string()?,
                watch: from.bool()?,
            },
            Op::GetChildren2 => Self::GetChildren2 {
                path: from.string()?,
                watch: from.bool()?,
            },
            Op::Sync => Self::Sync {
                path: from.string()?,
            },
            Op::Ping => Self::Ping,
            Op::Check => Self::Check {
                path: from.string()?,
                version: from.int()?,
            },
            Op::Multi => Self::Multi(MultiOp::decode_list(from)?),
            Op::MultiRead => Self::MultiRead(MultiOp::decode_list(from)?),
            Op::Reconfig => Self::Reconfig {
                joining: from.optional_string()?,
                leaving: from.optional_string()?,
                members: from.optional_string()?,
                config_id: from.long()?,
            },
            Op::CheckWatches => Self::CheckWatches {
                path: from.string()?,
                kind: from.int()?,
            },
            Op::RemoveWatches => Self::RemoveWatches {
                path: from.string()?,
                kind: from.int()?,
            },
            Op::Auth => Self::Auth {
                kind: from.int()?,
                scheme: from.string()?,
                auth: from.buffer()?,
            },
            Op::SetWatches => Self::SetWatches(SetWatches::decode(from, false)?),
            Op::SetWatches2 => Self::SetWatches2(SetWatches::decode(from, true)?),
            Op::Sasl => Self::Sasl {
                token: from.buffer()?,
            },
            Op::GetEphemerals => Self::GetEphemerals {
                prefix: from.optional_string()?,
            },
            Op::GetAllChildrenNumber => Self::GetAllChildrenNumber {
                path: from.string()?,
            },
            Op::AddWatch => Self::AddWatch {
                path: from.string()?,
                mode: from.int()?,
            },
            Op::WhoAmI => Self::WhoAmI,
            Op::CloseSession => Self::CloseSession,
            Op::DeleteContainer | Op::Unknown(_) => Self::Unknown {
                op: op.number(),
                body: from.rest(),
            },
        })
    }

    /// Writes its body.
    pub fn encode(&self, to: &mut Writer) {
        match self {
            Self::Create(create) => create.encode(to),
            Self::Delete { path, version } | Self::Check { path, version } => {
                to.string(path);
                to.int(*version);
            }
            Self::Exists { path, watch }
            | Self::GetData { path, watch }
            | Self::GetChildren { path, watch }
            | Self::GetChildren2 { path, watch } => {
                to.string(path);
                to.bool(*watch);
            }
            Self::SetData {
                path,
                data,
                version,
            } => {
                to.string(path);
                to.buffer(data.as_deref());
                to.int(*version);
            }
            Self::GetAcl { path } | Self::Sync { path } | Self::GetAllChildrenNumber { path } => {
                to.string(path);
            }
            Self::SetAcl { path, acl, version } => {
                to.string(path);
                Acl::encode_list(acl, to);
                to.int(*version);
            }
            Self::Ping | Self::WhoAmI | Self::CloseSession => {}
            Self::Multi(ops) | Self::MultiRead(ops) => MultiOp::encode_list(ops, to),
            Self::Reconfig {
                joining,
                leaving,
                members,
                config_id,
            } => {
                to.optional_string(joining.as_deref());
                to.optional_string(leaving.as_deref());
                to.optional_string(members.as_deref());
                to.long(*config_id);
            }
            Self::CheckWatches { path, kind } | Self::RemoveWatches { path, kind } => {
                to.string(path);
                to.int(*kind);
            }
            Self::Auth { kind, scheme, auth } => {
                to.int(*kind);
                to.string(scheme);
                to.buffer(auth.as_deref());
            }
            Self::SetWatches(watches) => watches.encode(to, false),
            Self::SetWatches2(watches) => watches.encode(to, true),
            Self::Sasl { token } => to.buffer(token.as_deref()),
            Self::GetEphemerals { prefix } => to.optional_string(prefix.as_deref()),
            Self::AddWatch { path, mode } => {
                to.string(path);
                to.int(*mode);
            }
            Self::Unknown { op: _, body } => to.raw(body),
        }
    }
}

impl SetWatches {
    fn decode(from: &mut Reader, second: bool) -> Result<Self, Malformed> {
        let mut watches = Self {
            relative_zxid: from.long()?,
            data: from.strings()?,
            exist: from.strings()?,
            child: from.strings()?,
            ..Self::default()
        };
        if second {
            watches.persistent = from.strings()?;
            watches.persistent_recursive = from.strings()?;
        }
        Ok(watches)
    }

    fn encode(&self, to: &mut Writer, second: bool) {
        let Self {
            relative_zxid,
            data,
            exist,
            child,
            persistent,
            persistent_recursive,
        } = self;
        to.long(*relative_zxid);
        to.strings(data);
        to.strings(exist);
        to.strings(child);
        if second {
            to.strings(persistent);
            to.strings(persistent_recursive);
        }
    }
}

/// A request with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFrame {
    /// The client's number for it; the reply carries it.
    pub xid: i32,
    /// What is asked.
    pub request: Request,
}

impl RequestFrame {
    /// Number, operation and the unread body. For servers, which must answer also what they cannot read.
    pub fn decode_header(content: Bytes) -> Result<(i32, Op, Reader), Malformed> {
        let mut from = Reader::new(content);
        let xid = from.int()?;
        let op = Op::from_number(from.int()?);
        Ok((xid, op, from))
    }

    /// Reads the content of a frame.
    pub fn decode(content: Bytes) -> Result<Self, Malformed> {
        let (xid, op, mut from) = Self::decode_header(content)?;
        Ok(Self {
            xid,
            request: Request::decode(op, &mut from)?,
        })
    }

    /// The content of its frame.
    pub fn encode(&self) -> Bytes {
        let mut to = Writer::new();
        to.int(self.xid);
        to.int(match &self.request {
            Request::Unknown { op, .. } => *op,
            known => known.op().number(),
        });
        self.request.encode(&mut to);
        to.finish()
    }
}
