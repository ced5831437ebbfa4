use jiff::{SignedDuration, Timestamp};

use super::Complaint;

/// Seconds, after the first, at which `problems` are told when looks come four times a second.
fn told(complaint: &mut Complaint, problems: &[String], from: i64, until: i64) -> Vec<f64> {
    let looks = (from * 4..until * 4).map(|quarter| SignedDuration::from_millis(quarter * 250));
    let due = looks.filter(|passed| complaint.is_due(problems, Timestamp::UNIX_EPOCH + *passed));
    due.map(|passed| passed.as_secs_f64()).collect()
}

#[test]
fn the_same_problem_is_told_ever_more_rarely_and_another_at_once() {
    let missing = ["Secret/a is not there".to_owned()];
    let other = ["Secret/b is not there".to_owned()];
    let mut complaint = Complaint::default();
    assert_eq!(
        told(&mut complaint, &missing, 0, 600),
        [
            0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5, 249.5, 371.5, 493.5
        ]
    );
    assert_eq!(
        told(&mut complaint, &other, 600, 602),
        [600.0, 600.5, 601.5]
    );
    assert!(complaint.is_due(&[], Timestamp::UNIX_EPOCH + SignedDuration::from_secs(602)));
    assert_eq!(told(&mut complaint, &missing, 603, 604), [603.0, 603.5]);
}
