use super::{pack, packed_most};
use crate::etcd::{RequestOp, RequestOpKind, put};

/// As etcd counts: what a level has is missing below it. The keys, in order.
fn check(ops: &[RequestOp], limit: usize, keys: &mut Vec<Vec<u8>>) {
    assert!(ops.len() <= limit, "{} of {limit}", ops.len());
    for op in ops {
        match op.request.as_ref().unwrap() {
            RequestOpKind::Txn(txn) => check(&txn.success, limit - ops.len(), keys),
            RequestOpKind::Put(put) => keys.push(put.key.clone()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_number_of_operations_is_packed_within_the_limit_and_in_order() {
    for limit in [16, 40, 128] {
        let most = packed_most(limit);
        for number in (0..300).chain([most / 2, most - 1, most]) {
            let number = number.min(most);
            let key = |number: usize| number.to_string().into_bytes();
            let ops = (0..number).map(|number| put(key(number), Vec::new(), 0));
            let mut keys = Vec::new();
            check(&pack(ops.collect(), limit), limit, &mut keys);
            assert_eq!(keys, (0..number).map(key).collect::<Vec<_>>());
        }
    }
    assert!(packed_most(128) > 70_000);
}
