use planner::StepResult;

use super::*;

fn refused(found: &str) -> Outcome {
    let end = StepEnd::Refused {
        found: found.to_owned(),
    };
    let id = "shared/apply/Service/demo".to_owned();
    Outcome {
        results: vec![StepResult { id, end }],
    }
}

fn is_told(refusals: &mut Refusals, mut outcome: Outcome) -> bool {
    refusals.settle(&mut outcome);
    matches!(&outcome.results[..], [result] if matches!(result.end, StepEnd::Failed { .. }))
}

#[test]
fn the_third_refusal_in_a_row_is_told_and_stays_told() {
    let mut refusals = Refusals::default();
    let told: Vec<bool> = (0..5)
        .map(|_| is_told(&mut refusals, refused("it exists already")))
        .collect();
    assert_eq!(told, [false, false, true, true, true]);
}

#[test]
fn another_refusal_or_a_look_without_one_begins_anew() {
    let mut refusals = Refusals::default();
    assert!(!is_told(&mut refusals, refused("the Kafka changed")));
    assert!(!is_told(&mut refusals, refused("the Kafka changed")));
    assert!(!is_told(&mut refusals, refused("it is gone")));
    refusals.settle(&mut Outcome::default());
    assert!(!is_told(&mut refusals, refused("it is gone")));
    assert!(!is_told(&mut refusals, refused("it is gone")));
    assert!(is_told(&mut refusals, refused("it is gone")));
}
