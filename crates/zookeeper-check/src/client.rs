//! A plain client: one session on any of several servers, one request at a time, nothing repeated behind the caller's back.
//!
//! For histories under faults: whoever asks learns whether it was answered, refused, or nobody knows.

use std::time::Duration;

use bytes::Bytes;
use zookeeper_protocol::{ConnectRequest, ErrorCode, Op, Reply, Request, RequestFrame, Response};

use crate::link::Link;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It failed, and changed nothing.
    #[error("{0}")]
    Refused(ErrorCode),
    /// The connection was lost: it may have happened, or not, or may happen yet.
    #[error("the connection was lost")]
    Lost,
    /// The session is no more.
    #[error("the session has expired")]
    Expired,
}

/// A session.
pub struct Client {
    servers: Vec<String>,
    at: usize,
    link: Option<Link>,
    session: i64,
    password: Bytes,
    zxid: i64,
    timeout_ms: i32,
    patience: Duration,
    number: i32,
}

impl Client {
    /// A session to be opened at the first request. A server that does not answer within `patience` is left.
    pub fn new(servers: Vec<String>, first: usize, timeout_ms: i32, patience: Duration) -> Self {
        Self {
            servers,
            at: first,
            link: None,
            session: 0,
            password: Bytes::from_static(&[0; 16]),
            zxid: 0,
            timeout_ms,
            patience,
            number: 0,
        }
    }

    /// Its number; zero before the first request.
    pub fn session(&self) -> i64 {
        self.session
    }

    /// Gives the session up without a word; the next request opens another.
    pub fn forget(&mut self) {
        self.link = None;
        self.session = 0;
        self.password = Bytes::from_static(&[0; 16]);
        self.zxid = 0;
    }

    /// Connects to the next server that answers, for as long as that takes.
    async fn connect(&mut self) -> Result<(), NoAnswer> {
        loop {
            let request = ConnectRequest {
                protocol_version: 0,
                last_zxid_seen: self.zxid,
                timeout: self.timeout_ms,
                session_id: self.session,
                password: self.password.clone(),
                read_only: Some(false),
            };
            let count = self.servers.len().max(1);
            let server = self
                .servers
                .get(self.at % count)
                .cloned()
                .unwrap_or_default();
            self.at += 1;
            match tokio::time::timeout(self.patience, Link::open(&server, &request)).await {
                Ok(Ok((Some(link), Some(answer)))) => {
                    if answer.session_id == 0 {
                        return Err(NoAnswer::Expired);
                    }
                    self.session = answer.session_id;
                    self.password = answer.password;
                    self.link = Some(link);
                    return Ok(());
                }
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Sends one request and waits for its answer.
    pub async fn call(&mut self, request: Request) -> Result<Response, NoAnswer> {
        if self.link.is_none() {
            self.connect().await?;
        }
        self.number += 1;
        let op = request.op();
        let frame = RequestFrame {
            xid: self.number,
            request,
        };
        let answered = tokio::time::timeout(self.patience, self.exchange(&frame, op)).await;
        match answered {
            Ok(Some((error, response))) if error.is_ok() => Ok(response),
            Ok(Some((ErrorCode::SESSION_EXPIRED, _))) => {
                self.link = None;
                Err(NoAnswer::Expired)
            }
            Ok(Some((error, _))) => Err(NoAnswer::Refused(error)),
            Ok(None) | Err(_) => {
                self.link = None;
                Err(NoAnswer::Lost)
            }
        }
    }

    /// Sends all requests at once, then waits for all answers: what of them was refused, and why. Lost when one is not answered.
    pub async fn pipeline(&mut self, requests: Vec<Request>) -> Result<Vec<ErrorCode>, NoAnswer> {
        if self.link.is_none() {
            self.connect().await?;
        }
        let mut frames = Vec::new();
        let mut ops = Vec::new();
        for request in requests {
            self.number += 1;
            ops.push(request.op());
            let xid = self.number;
            frames.push(RequestFrame { xid, request }.encode());
        }
        let link = self.link.as_mut().ok_or(NoAnswer::Lost)?;
        link.send(&frames).await.map_err(|_| NoAnswer::Lost)?;
        let mut codes = Vec::new();
        for op in ops {
            let answer = tokio::time::timeout(self.patience, self.answer(op)).await;
            let Ok(Some((code, _))) = answer else {
                self.link = None;
                return Err(NoAnswer::Lost);
            };
            codes.push(code);
        }
        Ok(codes)
    }

    async fn exchange(&mut self, frame: &RequestFrame, op: Op) -> Option<(ErrorCode, Response)> {
        let link = self.link.as_mut()?;
        link.send(&[frame.encode()]).await.ok()?;
        self.answer(op).await
    }

    async fn answer(&mut self, op: Op) -> Option<(ErrorCode, Response)> {
        let link = self.link.as_mut()?;
        loop {
            match Reply::decode(link.next().await?, |_| op).ok()? {
                Reply::Event(..) => {}
                Reply::Answer(header, response) => {
                    self.zxid = self.zxid.max(header.zxid);
                    return Some((header.error, response));
                }
            }
        }
    }
}
