use super::*;

#[test]
fn one_object_cannot_flood() {
    let start = Timestamp::UNIX_EPOCH;
    let mut allowance = Allowance {
        left: BURST,
        at: start,
    };
    assert_eq!(
        (0..100).filter(|_| allowed(&mut allowance, start)).count(),
        25
    );
    let later = Timestamp::from_second(301).unwrap();
    assert!(allowed(&mut allowance, later));
    assert!(!allowed(&mut allowance, later));
}
