//! Which cluster the metadata belong to, where those are behind ZooKeeper's protocol: settled before Kafka starts.
//!
//! Kafka itself would draw an id where `/cluster/id` is absent, and would take an empty store for a new cluster: with
//! the disks of an old one it then removes what it takes for strays. So: the id is the one that the operator chose; it
//! is written only by a node with permission to be a first one and with nothing on its disks; everybody else needs to
//! find it.
//!
//! Source of the node's content: `ClusterIdZNode` of Kafka 3.9.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use model::observed::runner::Refusal;
use model::runner::store::StoreAddress;
use model::runner::{Format, RunnerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use zookeeper_protocol::{
    ConnectRequest, ConnectResponse, Create, CreateKind, DEFAULT_MAX_FRAME, ErrorCode, Op, Reader,
    ReplyHeader, Request, RequestFrame, Response, any_acl, put_frame, take_frame,
};

use crate::RunnerError;
use crate::environment::Environment;

/// Where Kafka keeps the id.
const PARENT: &str = "/cluster";
const NODE: &str = "/cluster/id";

/// How long one server may take to answer.
const BOUND: Duration = Duration::from_secs(5);
/// Pause between two rounds over all servers.
const PAUSE: Duration = Duration::from_millis(500);
/// How long our session lives when we vanish in the middle.
const SESSION_MS: i32 = 6_000;

/// Why one server did not answer.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("{0}")]
    Connection(#[from] std::io::Error),
    #[error("no answer within {} s", BOUND.as_secs())]
    Late(#[from] tokio::time::error::Elapsed),
    #[error("{0}")]
    Malformed(String),
    #[error("{op} {path}: {code}")]
    Refused {
        op: &'static str,
        path: &'static str,
        code: ErrorCode,
    },
}

/// Returns once the store is known to be this cluster's; waits for as long as no server of it answers.
pub(crate) async fn agree(
    environment: &Environment,
    config: &RunnerConfig,
    store: &StoreAddress,
    disks_are_empty: bool,
) -> Result<(), RunnerError> {
    let may_begin = environment.format == Some(Format::Initial) && disks_are_empty;
    let mut told = false;
    loop {
        for server in &store.servers {
            match tokio::time::timeout(BOUND, ask(environment, config, server, may_begin)).await {
                Ok(Ok(found)) => return judge(environment, config, server, found.as_deref()),
                Ok(Err(error)) if told => tracing::debug!(server, %error, "asked for {NODE}"),
                Ok(Err(error)) => {
                    tracing::info!(server, %error, "waiting for the metadata store");
                }
                Err(_) => tracing::info!(server, "the metadata store does not answer"),
            }
        }
        told = true;
        tokio::time::sleep(PAUSE).await;
    }
}

fn judge(
    environment: &Environment,
    config: &RunnerConfig,
    server: &str,
    found: Option<&str>,
) -> Result<(), RunnerError> {
    let refused = |refusal, reason: String| RunnerError::Refused {
        refusal,
        volumes: std::collections::BTreeSet::new(),
        volume: environment.path(&config.metadata_log_dir),
        reason,
    };
    match found {
        Some(id) if id == config.cluster_id => Ok(()),
        Some(other) => Err(refused(
            Refusal::ForeignCluster,
            format!(
                "the metadata store at {server} belongs to cluster {other}, this node is of cluster {}; nothing was \
                 started or changed. Two clusters cannot share one",
                config.cluster_id
            ),
        )),
        None => Err(refused(
            Refusal::EmptyStore,
            format!(
                "the metadata store at {server} is empty, though cluster {} has been there before; Kafka would take \
                 the messages on its disks for strays and remove them, so nothing was started. Give the store its \
                 data back",
                config.cluster_id
            ),
        )),
    }
}

/// The id that a server tells; written first where it is absent and we may.
async fn ask(
    environment: &Environment,
    config: &RunnerConfig,
    server: &str,
    may_begin: bool,
) -> Result<Option<String>, AskError> {
    let address = resolve(environment, server).await?;
    let mut session = Session::open(address).await?;
    let mut found = session.cluster_id().await?;
    if found.is_none() && may_begin {
        let text = serde_json::json!({ "version": "1", "id": config.cluster_id }).to_string();
        session.create(PARENT, None).await?;
        session.create(NODE, Some(text.into_bytes().into())).await?;
        // Somebody else may have been faster, with the same id or another one.
        found = session.cluster_id().await?;
    }
    session.close().await;
    Ok(found)
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

/// A connection to one server.
struct Session {
    stream: TcpStream,
    received: BytesMut,
    next: i32,
}

impl Session {
    async fn open(address: SocketAddr) -> Result<Self, AskError> {
        let mut session = Self {
            stream: TcpStream::connect(address).await?,
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

    /// The content of [`NODE`], as far as it is the id; `None` where there is no such node.
    async fn cluster_id(&mut self) -> Result<Option<String>, AskError> {
        let path = NODE.to_owned();
        // What was written a moment ago through another server shall be seen.
        let _ = self
            .call(Op::Sync, Request::Sync { path: path.clone() })
            .await?;
        let read = Request::GetData { path, watch: false };
        let (code, response) = self.call(Op::GetData, read).await?;
        match (code, response) {
            (ErrorCode::NO_NODE, _) => Ok(None),
            (ErrorCode::OK, Response::Data { data, stat: _ }) => {
                let data = data.unwrap_or_default();
                let id = serde_json::from_slice::<serde_json::Value>(&data)
                    .ok()
                    .and_then(|json| Some(json.get("id")?.as_str()?.to_owned()));
                id.map(Some)
                    .ok_or_else(|| AskError::Malformed(format!("{NODE} holds no cluster id")))
            }
            (code, _) => Err(AskError::Refused {
                op: "reading",
                path: NODE,
                code,
            }),
        }
    }

    /// Creates a node that everybody may use, as Kafka does; one that is there is left as it is.
    async fn create(&mut self, path: &'static str, data: Option<Bytes>) -> Result<(), AskError> {
        let create = Create {
            kind: CreateKind::Create,
            path: path.to_owned(),
            data,
            acl: any_acl(),
            flags: 0,
        };
        match self.call(Op::Create, Request::Create(create)).await?.0 {
            ErrorCode::OK | ErrorCode::NODE_EXISTS => Ok(()),
            code => Err(AskError::Refused {
                op: "creating",
                path,
                code,
            }),
        }
    }

    async fn close(mut self) {
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

#[cfg(test)]
mod tests;
