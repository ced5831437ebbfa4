//! What servers answer.

use bytes::Bytes;

use crate::acl::Acl;
use crate::error_code::ErrorCode;
use crate::event::WatchEvent;
use crate::multi::OpResult;
use crate::op::Op;
use crate::stat::Stat;
use crate::wire::{Malformed, Reader, Writer};
use crate::xid;

/// What stands before every answer and every event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyHeader {
    /// Number of the request, or one of [`crate::xid`].
    pub xid: i32,
    /// The newest transaction the server knows of.
    pub zxid: i64,
    /// Whether it worked. After an error nothing follows.
    pub error: ErrorCode,
}

impl ReplyHeader {
    /// Reads one.
    pub fn decode(from: &mut Reader) -> Result<Self, Malformed> {
        Ok(Self {
            xid: from.int()?,
            zxid: from.long()?,
            error: ErrorCode(from.int()?),
        })
    }

    /// Writes it.
    pub fn encode(&self, to: &mut Writer) {
        let Self { xid, zxid, error } = *self;
        to.int(xid);
        to.long(zxid);
        to.int(error.0);
    }
}

/// Who a connection is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientInfo {
    /// The scheme of authentication.
    pub scheme: String,
    /// The name, without secrets.
    pub user: String,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are ZooKeeper's, the fields those of its records"
)]
pub enum Response {
    /// Nothing: delete, ping, setWatches, checkWatches, removeWatches, auth, closeSession, and every error.
    Empty,
    Created {
        path: String,
    },
    Created2 {
        path: String,
        stat: Stat,
    },
    /// exists, setData, setACL, check.
    Stat(Stat),
    Data {
        data: Option<Bytes>,
        stat: Stat,
    },
    Acl {
        acl: Vec<Acl>,
        stat: Stat,
    },
    Children(Vec<String>),
    Children2 {
        children: Vec<String>,
        stat: Stat,
    },
    Synced {
        path: String,
    },
    Multi(Vec<OpResult>),
    Sasl {
        token: Option<Bytes>,
    },
    Ephemerals(Vec<String>),
    AllChildrenNumber(i32),
    WhoAmI(Vec<ClientInfo>),
    /// addWatch: an error code once more.
    WatchAdded(ErrorCode),
    /// The body of an operation that is not known here.
    Unknown(Bytes),
}

impl Response {
    /// Reads the body that answers `op`; after an error there is none, but for a refused SASL token.
    pub fn decode(op: Op, error: ErrorCode, from: &mut Reader) -> Result<Self, Malformed> {
        if !error.is_ok() && (op != Op::Sasl || from.remaining() == 0) {
            return Ok(Self::Empty);
        }
        Ok(match op {
            Op::Create => Self::Created {
                path: from.string()?,
            },
            Op::Create2 | Op::CreateContainer | Op::CreateTtl => Self::Created2 {
                path: from.string()?,
                stat: Stat::decode(from)?,
            },
            Op::Exists | Op::SetData | Op::SetAcl | Op::Check => Self::Stat(Stat::decode(from)?),
            Op::GetData | Op::Reconfig => Self::Data {
                data: from.buffer()?,
                stat: Stat::decode(from)?,
            },
            Op::GetAcl => Self::Acl {
                acl: Acl::decode_list(from)?,
                stat: Stat::decode(from)?,
            },
            Op::GetChildren => Self::Children(from.strings()?),
            Op::GetChildren2 => Self::Children2 {
                children: from.strings()?,
                stat: Stat::decode(from)?,
            },
            Op::Sync => Self::Synced {
                path: from.string()?,
            },
            Op::Multi | Op::MultiRead => Self::Multi(OpResult::decode_list(from)?),
            Op::Sasl => Self::Sasl {
                token: from.buffer()?,
            },
            Op::GetEphemerals => Self::Ephemerals(from.strings()?),
            Op::GetAllChildrenNumber => Self::AllChildrenNumber(from.int()?),
            Op::WhoAmI => {
                let count = from.vector_length(8)?.unwrap_or(0);
                let clients = (0..count).map(|_| {
                    Ok(ClientInfo {
                        scheme: from.string()?,
                        user: from.string()?,
                    })
                });
                Self::WhoAmI(clients.collect::<Result<_, Malformed>>()?)
            }
            Op::AddWatch => Self::WatchAdded(ErrorCode(from.int()?)),
            Op::Delete
            | Op::Ping
            | Op::SetWatches
            | Op::SetWatches2
            | Op::CheckWatches
            | Op::RemoveWatches
            | Op::Auth
            | Op::CloseSession
            | Op::DeleteContainer => Self::Empty,
            Op::Unknown(_) => Self::Unknown(from.rest()),
        })
    }

    /// Writes the body.
    pub fn encode(&self, to: &mut Writer) {
        match self {
            Self::Empty => {}
            Self::Created { path } | Self::Synced { path } => to.string(path),
            Self::Created2 { path, stat } => {
                to.string(path);
                stat.encode(to);
            }
            Self::Stat(stat) => stat.encode(to),
            Self::Data { data, stat } => {
                to.buffer(data.as_deref());
                stat.encode(to);
            }
            Self::Acl { acl, stat } => {
                Acl::encode_list(acl, to);
                stat.encode(to);
            }
            Self::Children(names) | Self::Ephemerals(names) => to.strings(names),
            Self::Children2 { children, stat } => {
                to.strings(children);
                stat.encode(to);
            }
            Self::Multi(results) => OpResult::encode_list(results, to),
            Self::Sasl { token } => to.buffer(token.as_deref()),
            Self::AllChildrenNumber(number) => to.int(*number),
            Self::WhoAmI(clients) => {
                to.length(clients.len());
                for ClientInfo { scheme, user } in clients {
                    to.string(scheme);
                    to.string(user);
                }
            }
            Self::WatchAdded(code) => to.int(code.0),
            Self::Unknown(body) => to.raw(body),
        }
    }
}

/// Everything a server sends after the connect response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The answer to a request.
    Answer(ReplyHeader, Response),
    /// A watch has fired. The zxid is -1, or since 3.9 that of the change.
    Event(ReplyHeader, WatchEvent),
}

impl Reply {
    /// Reads the content of a frame. `op_of` tells which operation a number stands for: those of a connection are answered in
    /// order, so the oldest unanswered request has it.
    pub fn decode(content: Bytes, op_of: impl FnOnce(i32) -> Op) -> Result<Self, Malformed> {
        let mut from = Reader::new(content);
        let header = ReplyHeader::decode(&mut from)?;
        if header.xid == xid::EVENT {
            return Ok(Self::Event(header, WatchEvent::decode(&mut from)?));
        }
        let op = match header.xid {
            xid::PING => Op::Ping,
            xid::AUTH => Op::Auth,
            xid::SET_WATCHES => Op::SetWatches,
            number => op_of(number),
        };
        let response = Response::decode(op, header.error, &mut from)?;
        Ok(Self::Answer(header, response))
    }

    /// The content of its frame.
    pub fn encode(&self) -> Bytes {
        let mut to = Writer::new();
        match self {
            Self::Answer(header, response) => {
                header.encode(&mut to);
                // `ZooKeeperServer.processSasl` writes its record after an error, too, and older clients insist on it.
                if header.error.is_ok() || matches!(response, Response::Sasl { .. }) {
                    response.encode(&mut to);
                }
            }
            Self::Event(header, event) => {
                header.encode(&mut to);
                event.encode(&mut to);
            }
        }
        to.finish()
    }
}
