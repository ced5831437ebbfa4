//! More operations than etcd takes in one transaction, as transactions in a transaction.
//!
//! etcd counts the operations of each level, and what a level has is missing below it: with a limit of 128, 64 transactions of
//! 64 operations each fit, or 42 of 42 of 42. All of them happen in one revision, or none.
//!
//! Source: `checkTxnRequest` in etcd's `server/etcdserver/api/v3rpc/key.go`.

use crate::etcd::{RequestOp, RequestOpKind, TxnRequest};

/// Levels at most.
const DEEPEST: usize = 3;

/// The most operations that can be packed when etcd takes `limit`.
pub(crate) fn packed_most(limit: usize) -> usize {
    (limit / DEEPEST).pow(3).max(limit)
}

/// The same operations, in as few levels as it takes.
pub(crate) fn pack(ops: Vec<RequestOp>, limit: usize) -> Vec<RequestOp> {
    let levels = (1..=DEEPEST)
        .find(|levels| (0..*levels).fold(1, |most, _| most * (limit / levels)) >= ops.len())
        .unwrap_or(DEEPEST);
    let width = (limit / levels).max(1);
    let mut packed = ops;
    for _ in 1..levels {
        let mut rest = packed.into_iter().peekable();
        packed = Vec::new();
        while rest.peek().is_some() {
            packed.push(RequestOp {
                request: Some(RequestOpKind::Txn(TxnRequest {
                    success: rest.by_ref().take(width).collect(),
                    ..TxnRequest::default()
                })),
            });
        }
    }
    packed
}

#[cfg(test)]
mod tests;
