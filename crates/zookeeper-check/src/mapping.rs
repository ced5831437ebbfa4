//! What is called differently on two servers: transactions and sessions.
//!
//! The numbers differ, their relations must not: one transaction of the reference is one transaction of the subject,
//! later ones have greater numbers on both sides, and a session here is one session there.

use std::collections::BTreeMap;

/// One value per server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Both<T> {
    /// Of the server that is checked.
    pub subject: T,
    /// Of the server that is right by definition.
    pub reference: T,
}

/// Header pairs are needed for clients that reconnect; older ones than this many are forgotten.
const HEADERS_KEPT: usize = 200_000;
/// Clocks of two machines, and the time a busy one takes to answer.
const CLOCKS_APART_MS: i64 = 300_000;

#[derive(Debug, Clone, Copy)]
struct Transaction {
    subject: i64,
    /// When it was, by the subject's clock.
    time: Option<i64>,
}

/// Everything learnt so far.
#[derive(Debug, Default)]
pub struct Mapping {
    /// By the reference's number.
    transactions: BTreeMap<i64, Transaction>,
    /// Subject's session → reference's session.
    sessions: BTreeMap<i64, i64>,
    /// What the headers of one pair of answers said: subject → reference.
    headers: BTreeMap<i64, i64>,
    /// The servers are not in the same state: a session expires, and not at one moment on both.
    pub(crate) apart: bool,
}

impl Mapping {
    /// Two numbers that should stand for one transaction. The error says why they cannot.
    pub fn zxid(&mut self, zxid: Both<i64>) -> Result<(), String> {
        let Both { subject, reference } = zxid;
        if let Some(known) = self.transactions.get(&reference) {
            if known.subject == subject {
                return Ok(());
            }
            return Err(format!(
                "{subject:#x}, which the reference calls {reference:#x}; that was {:#x} before",
                known.subject
            ));
        }
        let before = self.transactions.range(..reference).next_back();
        if let Some((earlier, known)) = before
            && known.subject >= subject
        {
            return Err(format!(
                "{subject:#x}, which the reference calls {reference:#x}, does not come after {:#x}, which it calls {earlier:#x}",
                known.subject
            ));
        }
        let after = self.transactions.range(reference..).next();
        if let Some((later, known)) = after
            && known.subject <= subject
        {
            return Err(format!(
                "{subject:#x}, which the reference calls {reference:#x}, does not come before {:#x}, which it calls {later:#x}",
                known.subject
            ));
        }
        let time = None;
        self.transactions
            .insert(reference, Transaction { subject, time });
        Ok(())
    }

    /// When a transaction was, on both sides: always the same time of the subject's, and not far from the reference's.
    pub fn time(&mut self, reference_zxid: i64, time: Both<i64>) -> Result<(), String> {
        let Both { subject, reference } = time;
        if subject.abs_diff(reference) > CLOCKS_APART_MS.unsigned_abs() {
            return Err(format!("{subject}, far from the reference's {reference}"));
        }
        let Some(transaction) = self.transactions.get_mut(&reference_zxid) else {
            return Ok(());
        };
        match transaction.time {
            Some(known) if known != subject => Err(format!(
                "{subject}, but transaction {:#x} was at {known} before",
                transaction.subject
            )),
            Some(_) => Ok(()),
            None => {
                transaction.time = Some(subject);
                Ok(())
            }
        }
    }

    /// Remembers a session that both servers opened at once.
    pub fn session_opened(&mut self, session: Both<i64>) {
        self.sessions.insert(session.subject, session.reference);
    }

    /// The owner of an ephemeral node; kinds of nodes are told by owners too, and these are the same everywhere.
    pub fn owner(&self, owner: Both<i64>) -> Result<(), String> {
        let Both { subject, reference } = owner;
        let expected = self.sessions.get(&subject).copied().unwrap_or(subject);
        if expected == reference {
            return Ok(());
        }
        Err(format!("{subject:#x}, the reference has {reference:#x}"))
    }

    /// The headers of two answers to one request.
    pub fn headers(&mut self, zxid: Both<i64>) {
        // Answers to auth say zero: that is no transaction.
        if self.apart || zxid.subject <= 0 || zxid.reference <= 0 {
            return;
        }
        self.headers
            .entry(zxid.subject)
            .and_modify(|known| *known = zxid.reference.max(*known))
            .or_insert(zxid.reference);
        if self.headers.len() > HEADERS_KEPT {
            self.headers.pop_first();
        }
    }

    /// What a client that has seen `subject` on the one server would have seen on the other.
    pub fn seen(&self, subject: i64) -> i64 {
        let last = self.headers.last_key_value();
        if last.is_some_and(|(newest, _)| subject > *newest) && subject > 1 << 62 {
            // A client that claims the future claims it everywhere.
            return subject;
        }
        self.headers
            .range(..=subject)
            .next_back()
            .map_or(0, |(_, reference)| *reference)
    }
}
