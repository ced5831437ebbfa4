//! Peers that do not behave. A paused clock and a network in memory: nothing here waits.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;
use crate::Network;
use crate::error::Retry;
use crate::error_code::ErrorCode;
use crate::messages::api_versions_response::ApiVersion;
use crate::messages::{DescribeClusterRequest, DescribeClusterResponse};
use crate::wire::{Message, RequestHeader, decode_request_header, encode_response};

/// The peer's end of a connection.
struct Peer {
    stream: DuplexStream,
    input: BytesMut,
}

impl Peer {
    /// The next request's header, or `None` once the client is gone.
    async fn next(&mut self) -> Option<RequestHeader> {
        loop {
            if let Ok(Some(frame)) = take_frame(&mut self.input, 1 << 20) {
                return Some(decode_request_header(&frame).unwrap().0);
            }
            if self.stream.read_buf(&mut self.input).await.unwrap() == 0 {
                return None;
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        // The client may have gone already.
        let _ = self.stream.write_all(bytes).await;
    }

    async fn answer<M: Message>(&mut self, header: &RequestHeader, mut response: M) {
        self.send(&encode_response(&mut response, header.version, header.correlation_id).unwrap())
            .await;
    }

    /// Answers the first request as a broker that speaks DescribeCluster does.
    async fn greet(&mut self) {
        let header = self.next().await.unwrap();
        let api = |key: ApiKey, max_version| ApiVersion {
            api_key: key as i16,
            min_version: 0,
            max_version,
        };
        let api_keys = vec![api(ApiKey::ApiVersions, 4), api(ApiKey::DescribeCluster, 2)];
        self.answer(
            &header,
            ApiVersionsResponse {
                api_keys,
                ..ApiVersionsResponse::default()
            },
        )
        .await;
    }
}

/// Dials a peer that does as `behave` says.
async fn dial<F>(
    settings: Settings,
    behave: impl FnOnce(Peer) -> F + Send + 'static,
) -> Result<Connection, Error>
where
    F: Future<Output = ()> + Send + 'static,
{
    let behave = Mutex::new(Some(behave));
    let network = Network::in_memory(move |_| {
        let behave = behave
            .lock()
            .unwrap()
            .take()
            .ok_or(io::ErrorKind::ConnectionRefused)?;
        let (ours, theirs) = tokio::io::duplex(4096);
        tokio::spawn(behave(Peer {
            stream: theirs,
            input: BytesMut::new(),
        }));
        Ok(ours)
    });
    let endpoint = Endpoint::from(SocketAddr::from(([127, 0, 0, 9], 9092)));
    Connection::dial(
        &endpoint,
        &Settings {
            network,
            ..settings
        },
    )
    .await
}

async fn refused(bytes: &'static [u8]) -> Error {
    let peer = move |mut peer: Peer| async move {
        peer.next().await;
        peer.send(bytes).await;
        while peer.next().await.is_some() {}
    };
    dial(Settings::default(), peer).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kafka_is_told_apart() {
    for (bytes, report) in [
        (
            b"\x15\x03\x03\x00\x02\x02\x50".as_slice(),
            "the peer does not speak Kafka in plain text: it answers with a TLS alert, so this listener wants TLS",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n",
            "the peer does not speak Kafka in plain text: it speaks HTTP",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2p1\r\n",
            "an answer of 1397966893 bytes is more than the limit of 33554432",
        ),
        (
            b"\xff\xff\xff\xff",
            "an answer of 4294967295 bytes is more than the limit of 33554432",
        ),
        (
            b"\x00\x00\x00\x06\x00\x00\x00\x07\x00\x00",
            "the answer carries correlation id 7 instead of 0",
        ),
        (
            b"\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\xff\xff\xff\x7f",
            "ApiVersionsResponse version 4 cannot be read or written: at byte 2: length 268435454 is impossible with 0 bytes left",
        ),
        (
            b"\x00\x00\x00\x04\x00\x00\x00\x00",
            "ApiVersionsResponse version 4 cannot be read or written: at byte 0: 2 more bytes are needed, 0 are left",
        ),
    ] {
        let error = refused(bytes).await;
        assert_eq!(
            error.report(),
            format!("connect at 127.0.0.9:9092 failed: {report}")
        );
        assert_eq!(error.retry(), Retry::OnChange);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_hangs_up_or_falls_silent_is_noticed() {
    let error = dial(Settings::default(), |peer| async move { drop(peer) })
        .await
        .unwrap_err();
    assert_eq!(error.retry(), Retry::Soon);
    let silent = |mut peer: Peer| async move { while peer.next().await.is_some() {} };
    let error = dial(Settings::default(), silent).await.unwrap_err();
    assert_eq!(
        error.report(),
        "connect at 127.0.0.9:9092 failed: no answer within 10000 ms"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_come_one_byte_at_a_time() {
    let connection = dial(Settings::default(), |mut peer| async move {
        peer.greet().await;
        let header = peer.next().await.unwrap();
        let mut response = DescribeClusterResponse {
            cluster_id: "slow".to_owned(),
            ..Default::default()
        };
        for byte in encode_response(&mut response, header.version, header.correlation_id).unwrap() {
            peer.send(&[byte]).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let connection = connection.await.unwrap();
    let response = connection
        .call(DescribeClusterRequest::default())
        .await
        .unwrap();
    assert_eq!(response.cluster_id, "slow");
}

#[tokio::test(start_paused = true)]
async fn answers_in_the_wrong_order_break_the_connection_for_everyone() {
    let connection = dial(Settings::default(), |mut peer| async move {
        peer.greet().await;
        let _first = peer.next().await.unwrap();
        let second = peer.next().await.unwrap();
        peer.answer(&second, DescribeClusterResponse::default())
            .await;
        while peer.next().await.is_some() {}
    });
    let connection = connection.await.unwrap();
    let ask = || connection.call(DescribeClusterRequest::default());
    let (first, second) = tokio::join!(ask(), ask());
    for answer in [first, second] {
        let error = answer.unwrap_err();
        assert!(
            matches!(
                error.cause,
                Cause::Correlation {
                    expected: 1,
                    got: 2
                }
            ),
            "{}",
            error.report()
        );
    }
    assert!(!connection.is_usable());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_asked_for_breaks_the_connection() {
    let peer = |wait: Duration| {
        move |mut peer: Peer| async move {
            peer.greet().await;
            tokio::time::sleep(wait).await;
            peer.send(&[0, 0, 0, 4, 0, 0, 0, 9]).await;
            while peer.next().await.is_some() {}
        }
    };
    let connection = dial(Settings::default(), peer(Duration::from_secs(1)))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!connection.is_usable());
    // Together with the greeting it may be noticed while dialling.
    if let Ok(connection) = dial(Settings::default(), peer(Duration::ZERO)).await {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!connection.is_usable());
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_under_way_than_the_limit() {
    let settings = Settings {
        max_in_flight: 2,
        ..Settings::default()
    };
    let connection = dial(settings, |mut peer| async move {
        peer.greet().await;
        let mut answered = 0;
        while answered < 6 {
            let first = peer.next().await.unwrap();
            let second = peer.next().await.unwrap();
            let third = tokio::time::timeout(Duration::from_secs(1), peer.next()).await;
            assert!(third.is_err(), "a third request before an answer");
            peer.answer(&first, DescribeClusterResponse::default())
                .await;
            peer.answer(&second, DescribeClusterResponse::default())
                .await;
            answered += 2;
        }
        while peer.next().await.is_some() {}
    });
    let connection = connection.await.unwrap();
    let mut asks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let connection = connection.clone();
        asks.spawn(async move { connection.call(DescribeClusterRequest::default()).await });
    }
    let answers = asks.join_all().await;
    assert_eq!(answers.len(), 6);
    for answer in answers {
        answer.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_code_of_the_handshake_is_kafkas() {
    let error = dial(Settings::default(), |mut peer| async move {
        let header = peer.next().await.unwrap();
        let error_code = ErrorCode::InvalidRequest.code();
        peer.answer(
            &header,
            ApiVersionsResponse {
                error_code,
                ..ApiVersionsResponse::default()
            },
        )
        .await;
    });
    assert_eq!(
        error.await.unwrap_err().code(),
        Some(ErrorCode::InvalidRequest)
    );
}

#[tokio::test(start_paused = true)]
async fn a_listener_without_the_api_is_asked_nothing() {
    let connection = dial(Settings::default(), |mut peer| async move {
        peer.greet().await;
        assert!(peer.next().await.is_none(), "it was asked");
    });
    let connection = connection.await.unwrap();
    let error = connection
        .call(crate::messages::DescribeQuorumRequest::default())
        .await
        .unwrap_err();
    assert!(matches!(error.cause, Cause::UnsupportedApi { .. }));
    assert!(connection.is_usable() && !connection.has_api(ApiKey::DescribeQuorum));
}

#[test]
fn secrets_are_not_in_debug_output() {
    let sasl = Sasl::Plain {
        username: "u".to_owned(),
        password: "hunter2".to_owned(),
    };
    let settings = Settings {
        sasl: Some(sasl),
        ..Settings::default()
    };
    assert!(!format!("{settings:?}").contains("hunter2"));
    let request = crate::messages::SaslAuthenticateRequest {
        auth_bytes: Bytes::from_static(b"hunter2"),
    };
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[test]
fn every_code_of_kafka_has_an_answer_to_when() {
    let soon = ErrorCode::all().filter(|code| {
        Cause::Kafka {
            code: *code,
            message: None,
        }
        .retry()
            == Retry::Soon
    });
    assert!(soon.count() > 20);
    for code in ErrorCode::all() {
        assert_eq!(ErrorCode::from_code(code.code()), code);
    }
    assert_eq!(ErrorCode::NotController.name(), "NOT_CONTROLLER");
    assert!(ErrorCode::NotController.is_retriable() && !ErrorCode::InvalidConfig.is_retriable());
    assert_eq!(ErrorCode::from_code(9999), ErrorCode::Unknown(9999));
    let unknown = Cause::check(9999, None).unwrap_err();
    assert_eq!(unknown.to_string(), "Kafka says UNKNOWN_CODE 9999");
}
