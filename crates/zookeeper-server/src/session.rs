//! Sessions: begun, taken over by another connection, kept alive by what their clients send.
//!
//! A session is one key with a lease of the session's timeout; the lease's id is the session's. When the client is silent the
//! lease runs out and the key vanishes: nothing else hangs on the lease. Every write of a session is guarded by the revision of
//! its key, so a session that is gone, or has moved to another connection, can never write again.
//!
//! Not here: what becomes of the ephemeral nodes ([`crate::expire`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tonic::Code;
use zookeeper_protocol::ConnectRequest;

use crate::etcd::{EtcdError, TxnRequest, TxnResponse, get, one, put, unchanged};
use crate::line::Line;
use crate::record::SessionRecord;
use crate::shared::Shared;
use crate::stats::count;

/// How long a client may wait for its session before its connection is closed.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// Leases are refreshed at most so often within their time.
const REFRESHES: i64 = 10;
/// How often it is looked who was heard.
const LOOK: Duration = Duration::from_millis(100);

/// A session that a connection has now.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) session: i64,
    /// The revision of its key.
    pub(crate) claim: i64,
    pub(crate) timeout: i32,
    pub(crate) password: Bytes,
}

/// Why a connection gets no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSession {
    /// It is no more, or the password is wrong; the client is told the same.
    #[error("the session is no more")]
    Expired,
    #[error("etcd: {0}")]
    Etcd(#[from] EtcdError),
    #[error("etcd did not answer in time")]
    TooLate,
    #[error("the client has seen transaction {seen:#x}, here the last is {last:#x}")]
    Behind { seen: i64, last: i64 },
}

/// Gives a connection the session it asks for.
pub(crate) async fn attach(
    shared: &Shared,
    request: &ConnectRequest,
) -> Result<Attached, NoSession> {
    let attaching = async {
        let attached = if request.session_id == 0 {
            begin(shared, request.timeout).await?
        } else {
            take_over(shared, request).await?
        };
        // Everything that was committed before is visible then.
        while !shared.wait_for(attached.claim, PATIENCE).await {}
        let last = shared.read().zxid;
        if request.last_zxid_seen > last {
            return Err(NoSession::Behind {
                seen: request.last_zxid_seen,
                last,
            });
        }
        Ok(attached)
    };
    tokio::time::timeout(PATIENCE, attaching)
        .await
        .unwrap_or(Err(NoSession::TooLate))
}

async fn begin(shared: &Shared, wished: i32) -> Result<Attached, NoSession> {
    let settings = &shared.settings;
    let least = i32::try_from(settings.min_session_timeout.as_millis()).unwrap_or(i32::MAX);
    let most = i32::try_from(settings.max_session_timeout.as_millis()).unwrap_or(i32::MAX);
    let timeout = wished.clamp(least, most.max(least));
    // The topmost byte is kept clear of what marks containers and times to live.
    let session = (rand::random::<i64>() & 0x00ff_ffff_ffff_ffff) | (0x10 << 56);
    let password: [u8; 16] = rand::random();
    let record = SessionRecord {
        password: Bytes::copy_from_slice(&password),
        timeout,
        attachment: rand::random(),
        server: shared.server,
    };
    let seconds = i64::from(timeout).saturating_add(999) / 1000;
    loop {
        match shared.etcd.grant(session, seconds).await {
            // Refused so, it was granted when we were not told.
            Ok(())
            | Err(EtcdError::Refused {
                code: Code::FailedPrecondition | Code::AlreadyExists,
                ..
            }) => break,
            Err(error @ EtcdError::Refused { .. }) => return Err(error.into()),
            Err(EtcdError::Unanswered { .. }) => tokio::time::sleep(PAUSE).await,
        }
    }
    let claim = write(shared, session, &record, 0)
        .await?
        .ok_or(NoSession::Expired)?;
    Ok(Attached {
        session,
        claim,
        timeout,
        password: record.password,
    })
}

async fn take_over(shared: &Shared, request: &ConnectRequest) -> Result<Attached, NoSession> {
    let session = request.session_id;
    count(&shared.stats.revalidations);
    loop {
        let answer = match shared.etcd.range(one(shared.keys.session(session))).await {
            Ok(answer) => answer,
            Err(error @ EtcdError::Refused { .. }) => return Err(error.into()),
            Err(EtcdError::Unanswered { .. }) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let kv = answer.kvs.first().ok_or(NoSession::Expired)?;
        let before = SessionRecord::decode(kv.value.clone()).map_err(|_| NoSession::Expired)?;
        if before.password != request.password {
            return Err(NoSession::Expired);
        }
        let record = SessionRecord {
            attachment: rand::random(),
            server: shared.server,
            ..before
        };
        if let Some(claim) = write(shared, session, &record, kv.mod_revision).await? {
            return Ok(Attached {
                session,
                claim,
                timeout: record.timeout,
                password: record.password,
            });
        }
    }
}

/// Puts a session's key if it is still as it was; its revision then, or `None` if it is not.
async fn write(
    shared: &Shared,
    session: i64,
    record: &SessionRecord,
    before: i64,
) -> Result<Option<i64>, NoSession> {
    let key = shared.keys.session(session);
    let txn = TxnRequest {
        compare: vec![unchanged(key.clone(), before)],
        success: vec![put(key.clone(), record.encode_to_vec(), session)],
        failure: vec![get(key)],
    };
    loop {
        match shared.etcd.txn(txn.clone()).await {
            Ok(answer) if answer.succeeded => {
                return Ok(Some(answer.header.map_or(0, |header| header.revision)));
            }
            // Perhaps it was ours, sent before and not answered.
            Ok(answer) => return Ok(same_attachment(&answer, record.attachment)),
            Err(EtcdError::Refused {
                code: Code::NotFound,
                ..
            }) => return Err(NoSession::Expired),
            Err(error @ EtcdError::Refused { .. }) => return Err(error.into()),
            Err(EtcdError::Unanswered { .. }) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn same_attachment(answer: &TxnResponse, attachment: u64) -> Option<i64> {
    let kv = answer.responses.first()?.range.as_ref()?.kvs.first()?;
    let record = SessionRecord::decode(kv.value.clone()).ok()?;
    (record.attachment == attachment).then_some(kv.mod_revision)
}

/// Passes on to etcd which clients were heard. Never returns, but when the server stops.
pub(crate) async fn keep(shared: Arc<Shared>) {
    while !shared.stop.is_cancelled() {
        let renewed = shared.etcd.renewed();
        tokio::pin!(renewed);
        let stream = match shared.etcd.keep_alive().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%error, "leases are not kept");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (requests, mut answers) = stream.split();
        // Sessions asked for and not yet confirmed, with when their clients were last heard.
        let mut asked: HashMap<i64, (Arc<Line>, i64)> = HashMap::new();
        let mut oldest = tokio::time::Instant::now();
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                _ = look.tick() => {
                    if asked.is_empty() {
                        oldest = tokio::time::Instant::now();
                    } else if oldest.elapsed() > Duration::from_secs(1) {
                        tracing::debug!("leases are not confirmed in time; another member is asked");
                        shared.etcd.turn();
                        break;
                    }
                    for (line, heard) in due(&shared) {
                        if asked.contains_key(&line.session) {
                            continue;
                        }
                        if !requests.send(line.session).await {
                            break;
                        }
                        asked.insert(line.session, (line, heard));
                    }
                }
                answer = answers.message() => match answer {
                    Ok(Some(answer)) => {
                        oldest = tokio::time::Instant::now();
                        if let Some((line, heard)) = asked.remove(&answer.id) {
                            line.passed_on.store(heard, Ordering::Relaxed);
                        }
                    }
                    Ok(None) | Err(_) => break,
                },
                () = &mut renewed => break,
                () = shared.stop.cancelled() => return,
            }
        }
    }
}

/// Connections whose clients were heard since it was last passed on.
fn due(shared: &Shared) -> Vec<(Arc<Line>, i64)> {
    let now = shared.tick();
    shared
        .read()
        .lines
        .values()
        .filter_map(|line| {
            let heard = line.heard.load(Ordering::Relaxed);
            let passed_on = line.passed_on.load(Ordering::Relaxed);
            let pause = i64::from(line.timeout) / REFRESHES;
            (heard > passed_on && now - passed_on >= pause).then(|| (Arc::clone(line), heard))
        })
        .collect()
}
