//! One session on two servers: every request to both, the answers compared.
//!
//! Order: requests of all sessions go one batch at a time (the lock around [`Shared`]), so that both servers see them
//! in the same order and an event that one of them owes is owed by both before the next answer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, mpsc};
use zookeeper_protocol::{
    ConnectRequest, ConnectResponse, Op, Reply, Request, RequestFrame, WatchEvent, xid,
};

use crate::compare::{self, Ending, Segment};
use crate::describe;
use crate::link::{Link, LinkError};
use crate::mapping::{Both, Mapping};

/// A server that takes longer than this does not answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Whether a request shares its batch with no other: answers to these may overtake others, on either server, and a
/// setACL counts for what follows only once it is answered. Alone, they cannot.
pub(crate) fn goes_alone(op: Op) -> bool {
    matches!(
        op,
        Op::Auth
            | Op::Sasl
            | Op::CloseSession
            | Op::Check
            | Op::Reconfig
            | Op::SetAcl
            | Op::Unknown(_)
    )
}

/// Something the two servers did not do alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose request it was.
    pub session: String,
    /// The request in clear text.
    pub request: String,
    /// What is not the same.
    pub wrong: Vec<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.session, self.request)?;
        for wrong in &self.wrong {
            write!(f, "\n    {wrong}")?;
        }
        Ok(())
    }
}

/// What all sessions share.
pub(crate) struct Shared {
    pub(crate) addresses: Both<String>,
    pub(crate) mapping: Mapping,
    /// Requests compared.
    pub(crate) requests: u64,
    /// By operation.
    pub(crate) operations: BTreeMap<String, u64>,
    /// Events compared.
    pub(crate) events: u64,
    /// Sessions that ended; events they cause come in any order.
    ended: u64,
    to: mpsc::UnboundedSender<Difference>,
}

/// The lock that puts requests in order.
pub(crate) type Order = Arc<Mutex<Shared>>;

impl Shared {
    pub(crate) fn new(addresses: Both<String>) -> (Self, mpsc::UnboundedReceiver<Difference>) {
        let (to, differences) = mpsc::unbounded_channel();
        let shared = Self {
            addresses,
            mapping: Mapping::default(),
            requests: 0,
            operations: BTreeMap::new(),
            events: 0,
            ended: 0,
            to,
        };
        (shared, differences)
    }

    pub(crate) fn report(&self, difference: Difference) {
        // Whoever listens may have gone: then nobody wants to know.
        let _ = self.to.send(difference);
    }

    /// A session has ended on both servers.
    pub(crate) fn session_ended(&mut self) {
        self.ended += 1;
    }
}

/// One server's side of a session.
struct End {
    link: Option<Link>,
    /// Events that came while nothing was asked.
    early: Vec<WatchEvent>,
    session: i64,
    password: Bytes,
}

/// A session on both servers.
pub(crate) struct Pair {
    name: String,
    ends: Both<End>,
    /// [`Shared::ended`] at the last comparison.
    ended_seen: u64,
    /// The newest transaction the subject told this session.
    pub(crate) last_zxid: i64,
    /// Milliseconds, as the subject granted.
    pub(crate) timeout: i32,
}

impl Default for End {
    fn default() -> Self {
        Self {
            link: None,
            early: Vec::new(),
            session: 0,
            password: Bytes::from_static(&[0; 16]),
        }
    }
}

impl Pair {
    /// A session that is not connected yet.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ends: Both {
                subject: End::default(),
                reference: End::default(),
            },
            ended_seen: 0,
            last_zxid: 0,
            timeout: 0,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.ends.subject.link.is_some() && self.ends.reference.link.is_some()
    }

    /// Closes both connections; the session goes on.
    pub(crate) fn disconnect(&mut self) {
        for end in [&mut self.ends.subject, &mut self.ends.reference] {
            end.link = None;
            end.early.clear();
        }
    }

    /// Forgets the session: the next connect opens another one.
    pub(crate) fn forget(&mut self) {
        self.disconnect();
        self.last_zxid = 0;
        self.ends = Both {
            subject: End::default(),
            reference: End::default(),
        };
    }

    /// The session as (subject's id and password, reference's id and password), to be given back by [`Self::resume`].
    pub(crate) fn identity(&self) -> Both<(i64, Bytes)> {
        Both {
            subject: (
                self.ends.subject.session,
                self.ends.subject.password.clone(),
            ),
            reference: (
                self.ends.reference.session,
                self.ends.reference.password.clone(),
            ),
        }
    }

    /// Takes over a session, to be connected next.
    pub(crate) fn resume(&mut self, identity: Both<(i64, Bytes)>) {
        (self.ends.subject.session, self.ends.subject.password) = identity.subject;
        (self.ends.reference.session, self.ends.reference.password) = identity.reference;
    }

    /// Opens the session, or goes on with it. The answer is the subject's; `None` where it closed the connection.
    pub(crate) async fn connect(
        &mut self,
        shared: &mut Shared,
        timeout: i32,
        last_zxid: i64,
        read_only: Option<bool>,
    ) -> Result<Option<ConnectResponse>, LinkError> {
        self.disconnect();
        let request = |end: &End, zxid| ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: zxid,
            timeout,
            session_id: end.session,
            password: end.password.clone(),
            read_only,
        };
        let to_subject = request(&self.ends.subject, last_zxid);
        let to_reference = request(&self.ends.reference, shared.mapping.seen(last_zxid));
        let (subject, reference) = tokio::join!(
            Link::open(&shared.addresses.subject, &to_subject),
            Link::open(&shared.addresses.reference, &to_reference),
        );
        let (subject, reference) = (subject?, reference?);
        self.ended_seen = shared.ended;
        let shown = |answer: &Option<ConnectResponse>| {
            answer.as_ref().map(|answer| {
                (
                    answer.protocol_version,
                    answer.timeout,
                    answer.session_id != 0,
                    answer.password.len(),
                    answer.read_only,
                )
            })
        };
        if shown(&subject.1) != shown(&reference.1) {
            shared.report(Difference {
                session: self.name.clone(),
                request: format!(
                    "connect, timeout {timeout}, session {}, zxid {last_zxid:#x}",
                    if to_subject.session_id == 0 { "new" } else { "resumed" }
                ),
                wrong: vec![format!(
                    "answers (version, timeout, alive, password, read-only) {:?}, the reference {:?}",
                    shown(&subject.1),
                    shown(&reference.1)
                )],
            });
        }
        if let (Some(one), Some(other)) = (&subject.1, &reference.1) {
            if one.session_id != 0 {
                shared.mapping.session_opened(Both {
                    subject: one.session_id,
                    reference: other.session_id,
                });
            }
            self.timeout = one.timeout;
            self.resume(Both {
                subject: (one.session_id, one.password.clone()),
                reference: (other.session_id, other.password.clone()),
            });
        }
        let answer = subject.1.clone();
        let alive = |link: Option<Link>, answer: Option<ConnectResponse>| {
            link.filter(|_| answer.is_some_and(|answer| answer.session_id != 0))
        };
        self.ends.subject.link = alive(subject.0, subject.1);
        self.ends.reference.link = alive(reference.0, reference.1);
        Ok(answer)
    }

    /// Sends the requests to both at once and compares what comes back. Returns the subject's answers, in order.
    pub(crate) async fn exchange(
        &mut self,
        shared: &mut Shared,
        requests: &[(i32, Request)],
    ) -> Vec<Segment> {
        let frames = |translate: &dyn Fn(&Request) -> Request| -> Vec<Bytes> {
            requests
                .iter()
                .map(|(number, request)| frame(*number, translate(request)))
                .collect()
        };
        let to_subject = frames(&Request::clone);
        let to_reference = frames(&|request| for_reference(&shared.mapping, request));
        for (end, frames) in [
            (&mut self.ends.subject, to_subject),
            (&mut self.ends.reference, to_reference),
        ] {
            if let Some(link) = &mut end.link {
                // A connection that breaks is seen as a missing answer.
                let _ = link.send(&frames).await;
            }
        }
        let mut asked: VecDeque<(i32, &Request)> = requests
            .iter()
            .map(|(number, request)| (*number, request))
            .collect();
        let mut answers = Vec::new();
        while let Some((number, request)) = asked.pop_front() {
            let op = request.op();
            let (subject, reference) = tokio::join!(
                segment(&mut self.ends.subject, number, op),
                segment(&mut self.ends.reference, number, op),
            );
            let mut both = Both { subject, reference };
            if shared.mapping.apart {
                // Both will have sent them when the servers are in the same state again.
                self.ends.subject.early = std::mem::take(&mut both.subject.events);
                self.ends.reference.early = std::mem::take(&mut both.reference.events);
            }
            let any_order = self.ended_seen != shared.ended || op == Op::CloseSession;
            self.ended_seen = shared.ended;
            let wrong = compare::segments(&mut shared.mapping, request, &both, any_order);
            shared.requests += 1;
            *shared.operations.entry(format!("{op:?}")).or_default() += 1;
            shared.events += both.reference.events.len() as u64;
            if !wrong.is_empty() {
                shared.report(Difference {
                    session: self.name.clone(),
                    request: describe::request(request),
                    wrong,
                });
            }
            if let Ending::Answer(header, _) = &both.subject.ending
                && header.zxid > 0
                && !shared.mapping.apart
            {
                self.last_zxid = header.zxid;
            }
            let over = op == Op::CloseSession
                || !matches!(both.subject.ending, Ending::Answer(..))
                || !matches!(both.reference.ending, Ending::Answer(..));
            answers.push(both.subject);
            if over {
                self.disconnect();
                if op == Op::CloseSession {
                    shared.session_ended();
                }
                break;
            }
        }
        answers
    }

    /// How many events were returned by [`Self::next_event`] and not yet compared.
    pub(crate) fn told(&self) -> usize {
        self.ends.subject.early.len()
    }

    /// The next event of the subject while nothing is asked; it is compared with the next answer. `None` when the
    /// subject has closed the connection. Cancelling loses nothing.
    pub(crate) async fn next_event(&mut self) -> Option<WatchEvent> {
        let link = self.ends.subject.link.as_mut()?;
        let content = link.next().await?;
        match Reply::decode(content, |_| Op::Ping) {
            Ok(Reply::Event(_, event)) => {
                self.ends.subject.early.push(event.clone());
                Some(event)
            }
            _ => None,
        }
    }
}

fn frame(xid: i32, request: Request) -> Bytes {
    RequestFrame { xid, request }.encode()
}

/// What the reference is asked: the same, but for numbers of transactions.
fn for_reference(mapping: &Mapping, request: &Request) -> Request {
    let mut request = request.clone();
    if let Request::SetWatches(watches) | Request::SetWatches2(watches) = &mut request {
        watches.relative_zxid = mapping.seen(watches.relative_zxid);
    }
    request
}

/// Reads up to the next answer.
async fn segment(end: &mut End, number: i32, op: Op) -> Segment {
    let mut events = std::mem::take(&mut end.early);
    let Some(link) = &mut end.link else {
        return Segment {
            events,
            ending: Ending::Closed,
        };
    };
    let ending = loop {
        let content = match tokio::time::timeout(ANSWER_LIMIT, link.next()).await {
            Err(_) => break Ending::Silent,
            Ok(None) => break Ending::Closed,
            Ok(Some(content)) => content,
        };
        match Reply::decode(content, |_| op) {
            Ok(Reply::Event(_, event)) => events.push(event),
            Ok(Reply::Answer(header, answer)) => break Ending::Answer(header, answer),
            Err(error) => break Ending::Garbled(error.to_string()),
        }
    };
    tracing::trace!(number, ?op, ?ending, "answered");
    Segment { events, ending }
}

/// The number that a client gives a request of this kind.
pub(crate) fn number_for(request: &Request, next: &mut i32) -> i32 {
    match request {
        Request::Ping => xid::PING,
        Request::Auth { .. } => xid::AUTH,
        Request::SetWatches(_) | Request::SetWatches2(_) => xid::SET_WATCHES,
        _ => {
            *next += 1;
            *next
        }
    }
}
