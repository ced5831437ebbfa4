use super::*;
use crate::etcd::{RequestOpKind, unchanged};

#[test]
fn the_key_has_the_lease_and_is_taken_from_nobody() {
    let txn = request(b"/klamm/h".to_vec(), 0xab, 77);
    assert_eq!(txn.compare, [unchanged(b"/klamm/h".to_vec(), 0)]);
    let [only] = txn.success.as_slice() else {
        panic!("{:?}", txn.success);
    };
    let Some(RequestOpKind::Put(put)) = &only.request else {
        panic!("{only:?}");
    };
    assert_eq!((put.key.as_slice(), put.lease), (&b"/klamm/h"[..], 77));
    assert!(txn.failure.is_empty());
}
