//! Compares what two servers sent for one request: the events before the answer, and the answer.
//!
//! Decides what counts as the same. Numbers of transactions and sessions go through [`Mapping`]; children and sets of
//! paths are compared as sets; everything else must be equal.

use zookeeper_protocol::{CreateMode, OpResult, ReplyHeader, Request, Response, Stat, WatchEvent};

use crate::describe;
use crate::mapping::{Both, Mapping};

/// How a request ended on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With an answer.
    Answer(ReplyHeader, Response),
    /// The server closed the connection.
    Closed,
    /// Nothing came for a long time.
    Silent,
    /// What came could not be read.
    Garbled(String),
}

/// What one server sent for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Events since the answer before.
    pub events: Vec<WatchEvent>,
    /// How it ended.
    pub ending: Ending,
}

/// What is not the same; empty when all is.
///
/// `any_order`: the events come from the end of a session, whose nodes ZooKeeper removes in no particular order.
pub fn segments(
    mapping: &mut Mapping,
    request: &Request,
    segments: &Both<Segment>,
    any_order: bool,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let Both { subject, reference } = segments;
    compare_events(subject, reference, any_order, &mut wrong);
    match (&subject.ending, &reference.ending) {
        (Ending::Answer(header, answer), Ending::Answer(right_header, right)) => {
            mapping.headers(Both {
                subject: header.zxid,
                reference: right_header.zxid,
            });
            if header.xid != right_header.xid {
                wrong.push(format!(
                    "answers number {}, the reference {}",
                    header.xid, right_header.xid
                ));
            }
            if header.error == right_header.error {
                let mut comparison = Comparison {
                    mapping,
                    wrong: &mut wrong,
                };
                comparison.response(request, answer, right);
            } else {
                wrong.push(format!(
                    "answers {}, the reference {}",
                    describe::response(header.error, answer),
                    describe::response(right_header.error, right)
                ));
            }
        }
        (one, other) if one == other => {}
        (one, other) => wrong.push(format!("{}; the reference {}", ended(one), ended(other))),
    }
    wrong
}

fn ended(ending: &Ending) -> String {
    match ending {
        Ending::Answer(header, answer) => {
            format!("answers {}", describe::response(header.error, answer))
        }
        Ending::Closed => "closes the connection".to_owned(),
        Ending::Silent => "does not answer".to_owned(),
        Ending::Garbled(why) => format!("sends what cannot be read: {why}"),
    }
}

fn compare_events(
    subject: &Segment,
    reference: &Segment,
    any_order: bool,
    wrong: &mut Vec<String>,
) {
    let list = |events: &[WatchEvent]| {
        let events: Vec<String> = events.iter().map(describe::event).collect();
        format!("[{}]", events.join(", "))
    };
    let same = if any_order {
        sorted(&subject.events) == sorted(&reference.events)
    } else {
        subject.events == reference.events
    };
    if !same {
        wrong.push(format!(
            "events before the answer: {}, the reference {}",
            list(&subject.events),
            list(&reference.events)
        ));
    }
}

fn sorted<T: Ord + Clone>(values: &[T]) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort();
    values
}

struct Comparison<'a> {
    mapping: &'a mut Mapping,
    wrong: &'a mut Vec<String>,
}

impl Comparison<'_> {
    fn response(&mut self, request: &Request, subject: &Response, reference: &Response) {
        match (subject, reference) {
            (
                Response::Created2 { path, stat },
                Response::Created2 {
                    path: right_path,
                    stat: right,
                },
            ) => {
                self.equal("path", path, right_path);
                self.stat("", stat, right);
            }
            (Response::Stat(stat), Response::Stat(right)) => self.stat("", stat, right),
            (
                Response::Data { data, stat },
                Response::Data {
                    data: right_data,
                    stat: right,
                },
            ) => {
                self.data("", data.as_ref(), right_data.as_ref());
                self.stat("", stat, right);
            }
            (
                Response::Acl { acl, stat },
                Response::Acl {
                    acl: right_acl,
                    stat: right,
                },
            ) => {
                self.equal("acl", acl, right_acl);
                self.stat("", stat, right);
            }
            (Response::Children(names), Response::Children(right))
            | (Response::Ephemerals(names), Response::Ephemerals(right)) => {
                self.equal("names", &sorted(names), &sorted(right));
            }
            (
                Response::Children2 { children, stat },
                Response::Children2 {
                    children: right_children,
                    stat: right,
                },
            ) => {
                self.equal("children", &sorted(children), &sorted(right_children));
                self.stat("", stat, right);
            }
            (Response::WhoAmI(clients), Response::WhoAmI(right)) => {
                self.equal("identities", &sorted(clients), &sorted(right));
            }
            (Response::Multi(results), Response::Multi(right)) => {
                self.results(results, right);
            }
            // Challenges are random.
            (Response::Sasl { .. }, Response::Sasl { .. }) => {}
            (one, other) if one == other => {}
            (one, other) => self.wrong.push(format!(
                "answers {} to {}, the reference {}",
                describe::response(zookeeper_protocol::ErrorCode::OK, one),
                describe::request(request),
                describe::response(zookeeper_protocol::ErrorCode::OK, other)
            )),
        }
    }

    fn results(&mut self, subject: &[OpResult], reference: &[OpResult]) {
        if subject.len() != reference.len() {
            self.equal("number of results", &subject.len(), &reference.len());
            return;
        }
        for (number, (one, other)) in subject.iter().zip(reference).enumerate() {
            let place = format!("result {number}: ");
            match (one, other) {
                (
                    OpResult::Created2 { path, stat },
                    OpResult::Created2 {
                        path: right_path,
                        stat: right,
                    },
                ) => {
                    self.equal(&format!("{place}path"), path, right_path);
                    self.stat(&place, stat, right);
                }
                (OpResult::DataSet(stat), OpResult::DataSet(right)) => {
                    self.stat(&place, stat, right);
                }
                (
                    OpResult::Data { data, stat },
                    OpResult::Data {
                        data: right_data,
                        stat: right,
                    },
                ) => {
                    self.data(&place, data.as_ref(), right_data.as_ref());
                    self.stat(&place, stat, right);
                }
                (OpResult::Children(names), OpResult::Children(right)) => {
                    self.equal(&format!("{place}children"), &sorted(names), &sorted(right));
                }
                (one, other) => self.equal(&place, one, other),
            }
        }
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, subject: &T, reference: &T) {
        if subject != reference {
            self.wrong
                .push(format!("{what} {subject:?}, the reference {reference:?}"));
        }
    }

    fn data(
        &mut self,
        place: &str,
        subject: Option<&bytes::Bytes>,
        reference: Option<&bytes::Bytes>,
    ) {
        if subject != reference {
            self.wrong.push(format!(
                "{place}data {}, the reference {}",
                describe::data(subject),
                describe::data(reference)
            ));
        }
    }

    fn stat(&mut self, place: &str, subject: &Stat, reference: &Stat) {
        let Stat {
            czxid,
            mzxid,
            ctime,
            mtime,
            version,
            cversion,
            aversion,
            ephemeral_owner,
            data_length,
            num_children,
            pzxid,
        } = *subject;
        let right = *reference;
        self.equal(&format!("{place}version"), &version, &right.version);
        self.equal(&format!("{place}cversion"), &cversion, &right.cversion);
        self.equal(&format!("{place}aversion"), &aversion, &right.aversion);
        self.equal(
            &format!("{place}dataLength"),
            &data_length,
            &right.data_length,
        );
        self.equal(
            &format!("{place}numChildren"),
            &num_children,
            &right.num_children,
        );
        let zxids = [
            ("czxid", czxid, right.czxid),
            ("mzxid", mzxid, right.mzxid),
            ("pzxid", pzxid, right.pzxid),
        ];
        for (name, subject, reference) in zxids {
            let told = self.mapping.zxid(Both { subject, reference });
            self.told(place, name, told);
        }
        let owner = self.mapping.owner(Both {
            subject: ephemeral_owner,
            reference: right.ephemeral_owner,
        });
        self.told(place, "ephemeralOwner", owner);
        let times = [
            ("ctime", right.czxid, ctime, right.ctime),
            ("mtime", right.mzxid, mtime, right.mtime),
        ];
        for (name, zxid, subject, reference) in times {
            let told = self.mapping.time(zxid, Both { subject, reference });
            self.told(place, name, told);
        }
    }

    fn told(&mut self, place: &str, name: &str, told: Result<(), String>) {
        if let Err(why) = told {
            self.wrong.push(format!("{place}{name} {why}"));
        }
    }
}

/// Whether the node of this create goes with its session.
pub fn makes_ephemeral(flags: i32) -> bool {
    CreateMode::from_flags(flags).is_some_and(CreateMode::is_ephemeral)
}
