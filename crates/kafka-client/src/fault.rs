//! Faults on purpose: the seam through which tests break connections and lose replies.
//!
//! Does: asks a closure before each dial and each request. Invariant: without a closure nothing is asked and nothing
//! changes. Not here: what a broker answers (`testing`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::messages::ApiKey;

/// A moment at which a fault can strike.
#[derive(Clone, Copy, Debug)]
pub enum FaultPoint<'a> {
    /// Before a connection is made.
    Dial {
        /// Whom we are about to dial.
        endpoint: &'a Endpoint,
    },
    /// Before a request is sent.
    Request {
        /// Whom we are about to ask.
        endpoint: &'a Endpoint,
        /// What.
        api: ApiKey,
    },
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The dial is refused, or the connection breaks before the request is sent.
    Refuse,
    /// It takes this much longer.
    Delay(Duration),
    /// The request is carried out, but its reply is lost and the connection breaks. As [`Fault::Refuse`] on a dial.
    LoseReply,
}

/// The closure that decides about faults; empty by default.
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<Decide>>);

type Decide = dyn Fn(FaultPoint<'_>) -> Option<Fault> + Send + Sync;

impl Faults {
    /// Faults as `decide` says.
    pub fn new(decide: impl Fn(FaultPoint<'_>) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(decide)))
    }

    pub(crate) fn at(&self, point: FaultPoint<'_>) -> Option<Fault> {
        self.0.as_ref().and_then(|decide| decide(point))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Faults(on)"
        } else {
            "Faults(off)"
        })
    }
}
