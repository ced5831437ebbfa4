use super::*;

fn condition(kind: &str, status: &str) -> Condition {
    Condition {
        kind: Some(kind.to_owned()),
        status: Some(status.to_owned()),
        last_transition_time: Some("2026-11-21T09:00:00Z".to_owned()),
        reason: None,
        message: None,
    }
}

#[test]
fn only_what_was_ready_is_doubted() {
    let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    let warning = condition("Warning", "True");
    let doubted = doubted(vec![condition("Ready", "True"), warning.clone()], now).unwrap();
    assert_eq!(doubted[0].status.as_deref(), Some("Unknown"));
    assert_eq!(
        doubted[0].last_transition_time.as_deref(),
        Some("2026-11-22T10:00:00Z")
    );
    assert_eq!(doubted[1], warning);
}

#[test]
fn what_was_not_ready_stays_as_it_was_told() {
    let now = Timestamp::now();
    assert!(doubted(vec![condition("Ready", "False")], now).is_none());
    assert!(doubted(vec![condition("ReconciliationPaused", "True")], now).is_none());
    assert!(doubted(Vec::new(), now).is_none());
}
