use model::observed::seen;

use super::*;

/// Whether nodes with these states (`None`: not known) are booting, `seconds` after they were first seen so.
fn booting(states: &[Option<i32>], seconds: i64) -> bool {
    let begun = Timestamp::UNIX_EPOCH;
    let of = |state: &Option<i32>| match state {
        Some(number) => {
            let state = serde_json::json!({ "brokerState": number });
            seen(begun, serde_json::from_value(state).unwrap())
        }
        None => Known::Unknown(Why::NotAsked),
    };
    let runners = (0..).zip(states.iter().map(of)).collect();
    let now = begun + SignedDuration::from_secs(seconds);
    let mut connections = Connections::default();
    connections.note_boot(&runners, begun);
    connections.note_boot(&runners, now);
    connections.are_booting(now)
}

#[test]
fn nodes_are_booting_while_all_say_so_and_only_for_a_while() {
    assert!(booting(&[Some(0), Some(1)], 0));
    assert!(booting(&[Some(1)], 9));
    assert!(!booting(&[Some(1)], 10), "something keeps them");
    assert!(!booting(&[], 0), "nobody is there");
    assert!(!booting(&[Some(1), None], 0), "one may have come up");
    assert!(!booting(&[Some(1), Some(2)], 0), "one is registered");
    assert!(!booting(&[Some(1), Some(3)], 0), "one serves");
}
