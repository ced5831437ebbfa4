use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use zookeeper_protocol::{
    ConnectRequest, ConnectResponse, DEFAULT_MAX_FRAME, ErrorCode, Reply, ReplyHeader, Request,
    RequestFrame, Response, Stat, put_frame, take_frame,
};

use super::*;

/// A server of the protocol that knows one node, `/brokers/ids/7`.
struct Server {
    address: String,
    /// Its session; zero: the node is there and ends with none, -1: there is no such node.
    owner: Arc<AtomicI64>,
    /// How often it was looked for.
    looks: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(owner: i64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let owner = Arc::new(AtomicI64::new(owner));
        let looks = Arc::new(AtomicUsize::new(0));
        let (of_task, seen) = (Arc::clone(&owner), Arc::clone(&looks));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let _ = serve(stream, &of_task, &seen).await;
            }
        });
        Self {
            address,
            owner,
            looks,
            task,
        }
    }

    fn set(&self, owner: i64) {
        self.owner.store(owner, Ordering::SeqCst);
    }

    async fn looked(&self, times: usize) {
        while self.looks.load(Ordering::SeqCst) < times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Until the client closes its session, or vanishes.
async fn serve(mut stream: TcpStream, owner: &AtomicI64, looks: &AtomicUsize) -> Option<()> {
    let mut received = BytesMut::new();
    let mut opened = false;
    loop {
        while let Some(content) = take_frame(&mut received, DEFAULT_MAX_FRAME).unwrap() {
            let answer = if opened {
                let frame = RequestFrame::decode(content).unwrap();
                let (error, response) = answer(&frame.request, owner, looks);
                let zxid = 1;
                let xid = frame.xid;
                Reply::Answer(ReplyHeader { xid, zxid, error }, response).encode()
            } else {
                opened = true;
                let request = ConnectRequest::decode(content).unwrap();
                ConnectResponse {
                    protocol_version: 0,
                    timeout: request.timeout,
                    session_id: 42,
                    password: request.password,
                    read_only: request.read_only,
                }
                .encode()
            };
            let mut frame = BytesMut::new();
            put_frame(&mut frame, &answer);
            stream.write_all(&frame).await.ok()?;
        }
        if stream.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
    }
}

fn answer(request: &Request, owner: &AtomicI64, looks: &AtomicUsize) -> (ErrorCode, Response) {
    match request {
        Request::Sync { path } => (ErrorCode::OK, Response::Synced { path: path.clone() }),
        Request::CloseSession => (ErrorCode::OK, Response::Empty),
        Request::Exists { path, watch: _ } => {
            assert_eq!(path, "/brokers/ids/7");
            looks.fetch_add(1, Ordering::SeqCst);
            match owner.load(Ordering::SeqCst) {
                -1 => (ErrorCode::NO_NODE, Response::Empty),
                owner => {
                    let stat = Stat {
                        ephemeral_owner: owner,
                        ..Stat::default()
                    };
                    (ErrorCode::OK, Response::Stat(stat))
                }
            }
        }
        other => panic!("{other:?} is not asked"),
    }
}

fn environment() -> Environment {
    let all: BTreeMap<String, String> = [
        ("KLAMM_CONTRACT", "1"),
        ("POD_NAME", "c-p-7"),
        ("POD_IP", "127.0.0.1"),
    ]
    .iter()
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect();
    Environment::parse(all).unwrap()
}

/// Whether it returned within so many milliseconds.
async fn waited(servers: &[&Server], patience: Duration, within: u64) -> bool {
    let store = StoreAddress {
        servers: servers
            .iter()
            .map(|server| server.address.clone())
            .collect(),
    };
    let environment = environment();
    let bound = Duration::from_millis(within);
    tokio::time::timeout(bound, wait(&environment, 7, &store, patience))
        .await
        .is_ok()
}

const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn kafka_starts_once_the_old_session_has_ended_and_not_before() {
    let server = Server::start(0x1234).await;
    assert!(!waited(&[&server], LONG, 700).await, "it is still there");
    assert!(
        server.looks.load(Ordering::SeqCst) >= 2,
        "looked for again and again"
    );
    server.set(-1);
    assert!(waited(&[&server], LONG, 2000).await);
}

#[tokio::test]
async fn a_broker_that_stays_registered_is_told_by_kafka_after_a_while() {
    let server = Server::start(0x1234).await;
    assert!(waited(&[&server], Duration::from_millis(400), 3000).await);
}

#[tokio::test]
async fn a_node_that_ends_with_no_session_is_not_waited_for() {
    let server = Server::start(0).await;
    assert!(waited(&[&server], LONG, 2000).await);
}

#[tokio::test]
async fn another_server_is_asked_when_one_falls_silent() {
    let (first, second) = (Server::start(0x1234).await, Server::start(0x1234).await);
    let both = [&first, &second];
    let both = waited(&both, LONG, 10_000);
    let change = async {
        first.looked(1).await;
        first.task.abort();
        second.looked(1).await;
        second.set(-1);
    };
    let (ended, ()) = tokio::join!(both, change);
    assert!(ended);
}

#[test]
fn patience_is_two_timeouts_of_kafkas_and_a_little() {
    let of = |properties| patience(properties).as_secs();
    assert_eq!(of("broker.id=7\n"), 38);
    assert_eq!(of("zookeeper.session.timeout.ms=6000\n"), 14);
    assert_eq!(of("zookeeper.session.timeout.ms=${env:X}\n"), 38);
}
