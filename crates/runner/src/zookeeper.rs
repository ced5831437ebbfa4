//! A client of ZooKeeper's protocol, as small as what is asked before Kafka starts.
//!
//! What it does: a session with one server, in it reads and creates, one at a time. What it reads: our hosts file, for
//! names that only that has. Invariants: whoever calls bounds the time with [`BOUND`]. Not here: what the answers mean
//! (`metadata_store`, `old_session`).

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use zookeeper_protocol::{
    ConnectRequest, ConnectResponse, Create, CreateKind, DEFAULT_MAX_FRAME, ErrorCode, Op, Reader,
    ReplyHeader, Request, RequestFrame, Response, any_acl, put_frame, take_frame,
};

use crate::environment::Environment;

/// How long one server may take to answer.
pub(crate) const BOUND: Duration = Duration::from_secs(5);
/// Pause after a server that did not answer, or a round of them.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);
/// How long our session lives when we vanish in the middle.
const SESSION_MS: i32 = 6_000;

/// Why one server did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("{0}")]
    Connection(#[from] std::io::Error),
    #[error("no answer within {} s", BOUND.as_secs())]
    Late(#[from] tokio::time::error::Elapsed),
    #[error("{0}")]
    Malformed(String),
    #[error("{op} {path}: {code}")]
    Refused {
        op: &'static str,
        path: String,
        code: ErrorCode,
    },
}

/// A connection to one server.
pub(crate) struct Session {
    stream: TcpStream,
    received: BytesMut,
    next: i32,
}

impl Session {
    pub(crate) async fn open(environment: &Environment, server: &str) -> Result<Self, AskError> {
        let mut session = Self {
            stream: TcpStream::connect(resolve(environment, server).await?).await?,
            received: BytesMut::new(),
            next: 1,
        };
        let connect = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: 0,
            timeout: SESSION_MS,
            session_id: 0,
            password: Bytes::from_static(&[0; 16]),
            read_only: Some(false),
        };
        session.send(&connect.encode()).await?;
        let answer = session.receive().await?;
        let answer = ConnectResponse::decode(answer)
            .map_err(|error| AskError::Malformed(error.to_string()))?;
        if answer.session_id == 0 {
            return Err(AskError::Malformed("it opens no session".to_owned()));
        }
        Ok(session)
    }

    /// What was written a moment ago through another server is seen from now on.
    pub(crate) async fn sync(&mut self, path: &str) -> Result<(), AskError> {
        let path = path.to_owned();
        self.call(Op::Sync, Request::Sync { path }).await?;
        Ok(())
    }

    /// The content of a node; `None` where there is no such node.
    pub(crate) async fn read(&mut self, path: &str) -> Result<Option<Bytes>, AskError> {
        let read = Request::GetData {
            path: path.to_owned(),
            watch: false,
        };
        match self.call(Op::GetData, read).await? {
            (ErrorCode::NO_NODE, _) => Ok(None),
            (ErrorCode::OK, Response::Data { data, stat: _ }) => Ok(Some(data.unwrap_or_default())),
            (code, _) => Err(refused("reading", path, code)),
        }
    }

    /// The session that a node ends with, zero for one that ends with none; `None` where there is no such node.
    pub(crate) async fn owner(&mut self, path: &str) -> Result<Option<i64>, AskError> {
        let look = Request::Exists {
            path: path.to_owned(),
            watch: false,
        };
        match self.call(Op::Exists, look).await? {
            (ErrorCode::NO_NODE, _) => Ok(None),
            (ErrorCode::OK, Response::Stat(stat)) => Ok(Some(stat.ephemeral_owner)),
            (code, _) => Err(refused("looking for", path, code)),
        }
    }

    /// Creates a node that everybody may use, as Kafka does; one that is there is left as it is.
    pub(crate) async fn create(&mut self, path: &str, data: Option<Bytes>) -> Result<(), AskError> {
        let create = Create {
            kind: CreateKind::Create,
            path: path.to_owned(),
            data,
            acl: any_acl(),
            flags: 0,
        };
        match self.call(Op::Create, Request::Create(create)).await?.0 {
            ErrorCode::OK | ErrorCode::NODE_EXISTS => Ok(()),
            code => Err(refused("creating", path, code)),
        }
    }

    pub(crate) async fn close(mut self) {
        let xid = self.next;
        let frame = RequestFrame {
            xid,
            request: Request::CloseSession,
        };
        // A session that is not closed ends by itself.
        if self.send(&frame.encode()).await.is_ok() {
            let _ = self.receive().await;
        }
    }

    async fn call(&mut self, op: Op, request: Request) -> Result<(ErrorCode, Response), AskError> {
        let xid = self.next;
        self.next += 1;
        self.send(&RequestFrame { xid, request }.encode()).await?;
        loop {
            let content = self.receive().await?;
            let reader = &mut Reader::new(content);
            let malformed =
                |error: zookeeper_protocol::Malformed| AskError::Malformed(error.to_string());
            let header = ReplyHeader::decode(reader).map_err(malformed)?;
            if header.xid == xid {
                let response = Response::decode(op, header.error, reader).map_err(malformed)?;
                return Ok((header.error, response));
            }
        }
    }

    async fn send(&mut self, content: &[u8]) -> Result<(), AskError> {
        let mut frame = BytesMut::new();
        put_frame(&mut frame, content);
        Ok(self.stream.write_all(&frame).await?)
    }

    async fn receive(&mut self) -> Result<Bytes, AskError> {
        loop {
            let whole = take_frame(&mut self.received, DEFAULT_MAX_FRAME)
                .map_err(|error| AskError::Malformed(error.to_string()))?;
            if let Some(content) = whole {
                return Ok(content);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

fn refused(op: &'static str, path: &str, code: ErrorCode) -> AskError {
    AskError::Refused {
        op,
        path: path.to_owned(),
        code,
    }
}

/// The address of `host:port`, from our hosts file where there is one.
async fn resolve(environment: &Environment, server: &str) -> std::io::Result<SocketAddr> {
    let not_found = || {
        std::io::Error::new(
            std::io::ErrorKind::NotFound,
            format!("{server} has no address"),
        )
    };
    let (host, port) = server.rsplit_once(':').ok_or_else(not_found)?;
    let port: u16 = port.parse().map_err(|_| not_found())?;
    if let Some(ip) = environment
        .hosts_file
        .as_deref()
        .and_then(|file| in_hosts_file(file, host))
    {
        return Ok(SocketAddr::new(ip, port));
    }
    tokio::net::lookup_host((host, port))
        .await?
        .next()
        .ok_or_else(not_found)
}

/// The address of a name in a hosts file.
pub fn in_hosts_file(file: &Path, host: &str) -> Option<std::net::IpAddr> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let ip = words.next()?.parse().ok()?;
        words.any(|name| name == host).then_some(ip)
    })
}

#[cfg(test)]
mod tests;
