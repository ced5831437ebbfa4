//! Several operations in one request: all of them or none (multi), or several reads (multiRead).

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::op::Op;
use crate::request::Create;
use crate::stat::Stat;
use crate::wire::{Malformed, Reader, Writer};

/// One operation of a multi or a multiRead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in Request")]
pub enum MultiOp {
    Create(Create),
    Delete {
        path: String,
        version: i32,
    },
    SetData {
        path: String,
        data: Option<Bytes>,
        version: i32,
    },
    Check {
        path: String,
        version: i32,
    },
    GetData {
        path: String,
        watch: bool,
    },
    GetChildren {
        path: String,
        watch: bool,
    },
}

impl MultiOp {
    /// What it is.
    pub fn op(&self) -> Op {
        match self {
            Self::Create(create) => create.op(),
            Self::Delete { .. } => Op::Delete,
            Self::SetData { .. } => Op::SetData,
            Self::Check { .. } => Op::Check,
            Self::GetData { .. } => Op::GetData,
            Self::GetChildren { .. } => Op::GetChildren,
        }
    }

    /// The node it is about.
    pub fn path(&self) -> &str {
        match self {
            Self::Create(create) => &create.path,
            Self::Delete { path, .. }
            | Self::SetData { path, .. }
            | Self::Check { path, .. }
            | Self::GetData { path, .. }
            | Self::GetChildren { path, .. } => path,
        }
    }

    /// Whether it belongs into a multiRead.
    pub fn is_read(&self) -> bool {
        matches!(self, Self::GetData { .. } | Self::GetChildren { .. })
    }

    fn decode(number: i32, from: &mut Reader) -> Result<Self, Malformed> {
        Ok(match Op::from_number(number) {
            op @ (Op::Create | Op::Create2 | Op::CreateContainer | Op::CreateTtl) => {
                let create = Create::decode(op, from)?;
                // As ZooKeeper has it: a time to live comes with its own operation.
                let mode = crate::CreateMode::from_flags(create.flags);
                if mode.is_none_or(|mode| mode.has_ttl() && op != Op::CreateTtl) {
                    return Err(Malformed::CreateMode(create.flags));
                }
                Self::Create(create)
            }
            Op::Delete => Self::Delete {
                path: from.string()?,
                version: from.int()?,
            },
            Op::SetData => Self::SetData {
                path: from.string()?,
                data: from.buffer()?,
                version: from.int()?,
            },
            Op::Check => Self::Check {
                path: from.string()?,
                version: from.int()?,
            },
            Op::GetData => Self::GetData {
                path: from.string()?,
                watch: from.bool()?,
            },
            Op::GetChildren => Self::GetChildren {
                path: from.string()?,
                watch: from.bool()?,
            },
            _ => return Err(Malformed::NotInMulti(number)),
        })
    }

    fn encode(&self, to: &mut Writer) {
        match self {
            Self::Create(create) => create.encode(to),
            Self::Delete { path, version } | Self::Check { path, version } => {
                to.string(path);
                to.int(*version);
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
            Self::GetData { path, watch } | Self::GetChildren { path, watch } => {
                to.string(path);
                to.bool(*watch);
            }
        }
    }

    pub(crate) fn decode_list(from: &mut Reader) -> Result<Vec<Self>, Malformed> {
        let mut ops: Vec<Self> = Vec::new();
        loop {
            let header = Header::decode(from)?;
            if header.done {
                return Ok(ops);
            }
            let op = Self::decode(header.number, from)?;
            if ops
                .first()
                .is_some_and(|first| first.is_read() != op.is_read())
            {
                return Err(Malformed::MixedMulti);
            }
            ops.push(op);
        }
    }

    pub(crate) fn encode_list(ops: &[Self], to: &mut Writer) {
        for op in ops {
            Header {
                number: op.op().number(),
                done: false,
                error: -1,
            }
            .encode(to);
            op.encode(to);
        }
        Header::END.encode(to);
    }
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in Response")]
pub enum OpResult {
    Created { path: String },
    Created2 { path: String, stat: Stat },
    Deleted,
    DataSet(Stat),
    Checked,
    Children(Vec<String>),
    Data { data: Option<Bytes>, stat: Stat },
    Error(ErrorCode),
}

impl OpResult {
    fn number(&self) -> i32 {
        match self {
            Self::Created { .. } => Op::Create.number(),
            Self::Created2 { .. } => Op::Create2.number(),
            Self::Deleted => Op::Delete.number(),
            Self::DataSet(_) => Op::SetData.number(),
            Self::Checked => Op::Check.number(),
            Self::Children(_) => Op::GetChildren.number(),
            Self::Data { .. } => Op::GetData.number(),
            Self::Error(_) => -1,
        }
    }

    fn decode(number: i32, from: &mut Reader) -> Result<Self, Malformed> {
        if number == -1 {
            return Ok(Self::Error(ErrorCode(from.int()?)));
        }
        Ok(match Op::from_number(number) {
            Op::Create => Self::Created {
                path: from.string()?,
            },
            Op::Create2 => Self::Created2 {
                path: from.string()?,
                stat: Stat::decode(from)?,
            },
            Op::Delete => Self::Deleted,
            Op::SetData => Self::DataSet(Stat::decode(from)?),
            Op::Check => Self::Checked,
            Op::GetChildren => Self::Children(from.strings()?),
            Op::GetData => Self::Data {
                data: from.buffer()?,
                stat: Stat::decode(from)?,
            },
            _ => return Err(Malformed::NotInMulti(number)),
        })
    }

    fn encode(&self, to: &mut Writer) {
        match self {
            Self::Created { path } => to.string(path),
            Self::Created2 { path, stat } => {
                to.string(path);
                stat.encode(to);
            }
            Self::Deleted | Self::Checked => {}
            Self::DataSet(stat) => stat.encode(to),
            Self::Children(children) => to.strings(children),
            Self::Data { data, stat } => {
                to.buffer(data.as_deref());
                stat.encode(to);
            }
            Self::Error(code) => to.int(code.0),
        }
    }

    pub(crate) fn decode_list(from: &mut Reader) -> Result<Vec<Self>, Malformed> {
        let mut results = Vec::new();
        loop {
            let header = Header::decode(from)?;
            if header.done {
                return Ok(results);
            }
            results.push(Self::decode(header.number, from)?);
        }
    }

    pub(crate) fn encode_list(results: &[Self], to: &mut Writer) {
        for result in results {
            let error = match result {
                Self::Error(code) => code.0,
                _ => 0,
            };
            Header {
                number: result.number(),
                done: false,
                error,
            }
            .encode(to);
            result.encode(to);
        }
        Header::END.encode(to);
    }
}

/// What stands before each operation and each result, and once more at the end.
struct Header {
    number: i32,
    done: bool,
    error: i32,
}

impl Header {
    const END: Self = Self {
        number: -1,
        done: true,
        error: -1,
    };

    fn decode(from: &mut Reader) -> Result<Self, Malformed> {
        Ok(Self {
            number: from.int()?,
            done: from.bool()?,
            error: from.int()?,
        })
    }

    fn encode(&self, to: &mut Writer) {
        to.int(self.number);
        to.bool(self.done);
        to.int(self.error);
    }
}
