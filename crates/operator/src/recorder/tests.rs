use super::*;

fn look(number: usize, bytes: usize) -> Look {
    Look {
        cluster: "kafka/demo".to_owned(),
        at: jiff::Timestamp::from_second(i64::try_from(number).unwrap()).unwrap(),
        input: format!("\"{}\"", "x".repeat(bytes)),
    }
}

#[test]
fn the_oldest_looks_go_first_by_number_and_by_size() {
    let recorder = Recorder::default();
    (0..300).for_each(|number| recorder.keep(look(number, 10)));
    let lines: Vec<serde_json::Value> = recorder
        .dump()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), MAX_LOOKS);
    assert_eq!(lines[0]["at"], "1970-01-01T00:00:44Z");

    (0..5).for_each(|number| recorder.keep(look(number, MAX_BYTES / 2)));
    assert!(recorder.dump().lines().count() <= 2);
}

#[test]
fn a_look_larger_than_the_bound_is_still_kept_as_the_last_one() {
    let recorder = Recorder::default();
    recorder.keep(look(1, MAX_BYTES * 2));
    assert_eq!(recorder.dump().lines().count(), 1);
}
