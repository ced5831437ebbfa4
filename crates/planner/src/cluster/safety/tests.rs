use std::collections::BTreeMap;

use model::observed::kafka::{Partitions, Quorum, QuorumNode};

use super::{majority, majority_without, may_lose_disk};

fn quorum(leader: Option<i32>, voters: &[(i32, Option<i64>)]) -> Quorum {
    let voters = voters.iter().map(|(id, last_fetch_ms)| QuorumNode {
        id: *id,
        last_fetch_ms: *last_fetch_ms,
        ..QuorumNode::default()
    });
    Quorum {
        leader,
        voters: voters.collect(),
        ..Quorum::default()
    }
}

#[test]
fn one_of_three_can_be_spared_while_the_others_live() {
    let all = quorum(Some(0), &[(0, None), (1, Some(100)), (2, Some(100))]);
    assert!(majority_without(&all, 2, false));
    assert!(majority_without(&all, 2, true));
    let two = quorum(Some(0), &[(0, None), (1, Some(60_000)), (2, Some(100))]);
    assert!(!majority_without(&two, 2, false));
    assert!(majority_without(&two, 1, true));
}

#[test]
fn without_a_leader_nobody_can_be_spared() {
    assert!(!majority_without(
        &quorum(None, &[(0, Some(1)), (1, Some(1)), (2, Some(1))]),
        0,
        true
    ));
    assert!(!majority_without(&quorum(Some(0), &[(0, None)]), 0, false));
}

#[test]
fn a_voter_that_never_fetched_does_not_count() {
    let fresh = quorum(Some(0), &[(0, None), (1, None), (2, Some(1))]);
    assert!(!majority_without(&fresh, 2, false));
}

#[test]
fn the_only_copy_is_not_given_up_and_unknown_is_no_yes() {
    let partitions = Partitions {
        only_copy: BTreeMap::from([(1, vec!["orders-3".to_owned()])]),
        ..Partitions::default()
    };
    assert_eq!(may_lose_disk(Some(&partitions), 0), Ok(()));
    assert_eq!(
        may_lose_disk(Some(&partitions), 1),
        Err(Some(vec!["orders-3".to_owned()]))
    );
    assert_eq!(may_lose_disk(None, 0), Err(None));
}

#[test]
fn majorities() {
    assert_eq!([1, 2, 3, 4, 5].map(majority), [1, 2, 2, 3, 3]);
}
