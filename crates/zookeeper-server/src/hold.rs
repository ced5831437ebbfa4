//! A way through for a request that goes alone: while a server holds `/h`, no other server's batch can happen.
//!
//! What it does: takes the key and gives it up. What it reads: nothing. Invariants: the key has a lease, so that a server that is
//! killed holds up the others for [`SECONDS`] at most. Nothing is safe or unsafe because of it: a request that is guarded by the key
//! of the last batch is so with a hold or without; it only is not overtaken again. Every batch has the condition that nobody else
//! holds the key, which costs no round trip, and servers that see it held wait until it is not.
//!
//! Not here: when it is taken ([`crate::commit`]), the condition ([`crate::batch`]).

use std::sync::Arc;

use crate::etcd::{TxnRequest, put, unchanged};
use crate::shared::Shared;

/// For how long at most the others wait, if the holder is no more: three transactions, with much to spare.
const SECONDS: i64 = 4;

/// The key is ours, until its lease runs out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    lease: i64,
    /// The revision of the key.
    pub(crate) revision: i64,
}

/// Takes it, unless somebody else has it. No answer is as good as a refusal: the lease is ended, and with it the key.
pub(crate) async fn take(shared: &Arc<Shared>) -> Option<Hold> {
    let lease = rand::random_range(1..=i64::MAX);
    if let Err(error) = shared.etcd.grant(lease, SECONDS).await {
        tracing::debug!(%error, "no lease to hold others with");
        return None;
    }
    let txn = request(shared.keys.hold(), shared.server, lease);
    let revision = match shared.etcd.txn(txn).await {
        Ok(answer) if answer.succeeded => answer.header.map(|header| header.revision),
        Ok(_) => None,
        Err(error) => {
            tracing::debug!(%error, "others are not held");
            None
        }
    };
    let hold = Hold {
        lease,
        revision: revision.unwrap_or_default(),
    };
    if revision.is_none() {
        release(shared, hold);
    }
    revision.map(|_| hold)
}

/// The key, if nobody has it, for as long as the lease lives.
fn request(key: Vec<u8>, server: u64, lease: i64) -> TxnRequest {
    TxnRequest {
        compare: vec![unchanged(key.clone(), 0)],
        success: vec![put(key, format!("{server:016x}").into_bytes(), lease)],
        failure: Vec::new(),
    }
}

/// Gives it up; nobody waits for that.
pub(crate) fn release(shared: &Arc<Shared>, hold: Hold) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        // One that is not ended ends by itself.
        if let Err(error) = shared.etcd.revoke(hold.lease).await {
            tracing::debug!(%error, "a hold is left to its lease");
        }
    });
}

#[cfg(test)]
mod tests;
