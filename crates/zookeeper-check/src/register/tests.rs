use super::*;

fn wrote(begun: u64, ended: Option<u64>, value: u64, version: Option<i32>) -> Operation {
    Operation {
        begun,
        ended,
        act: Act::Wrote(value, version),
    }
}

fn read(begun: u64, ended: u64, value: u64, version: i32) -> Operation {
    Operation {
        begun,
        ended: Some(ended),
        act: Act::Read(value, version),
    }
}

#[test]
fn operations_that_overlap_may_take_effect_in_either_order() {
    let history = [
        wrote(1, Some(5), 10, Some(2)),
        wrote(2, Some(4), 20, Some(1)),
        read(3, 6, 20, 1),
        read(7, 8, 10, 2),
    ];
    assert_eq!(check(&history, 0), Vec::<String>::new());
}

#[test]
fn a_write_that_was_never_answered_may_have_happened() {
    let history = [wrote(1, None, 10, None), read(5, 6, 10, 1)];
    assert_eq!(check(&history, 0), Vec::<String>::new());
    let history = [wrote(1, None, 10, None), read(5, 6, 0, 0)];
    assert_eq!(check(&history, 0), Vec::<String>::new());
}

#[test]
fn a_stale_read_is_noticed() {
    let history = [wrote(1, Some(2), 10, Some(1)), read(3, 4, 0, 0)];
    assert_eq!(check(&history, 0).len(), 1);
}

#[test]
fn a_lost_write_is_noticed() {
    let history = [
        wrote(1, Some(2), 10, Some(1)),
        wrote(3, Some(4), 20, Some(1)),
    ];
    assert!(
        check(&history, 0)
            .iter()
            .any(|wrong| wrong.contains("version 1 is 10 and 20"))
    );
}

#[test]
fn a_write_that_happened_twice_is_noticed() {
    let history = [
        wrote(1, None, 10, None),
        read(5, 6, 10, 1),
        wrote(7, Some(8), 20, Some(2)),
        read(9, 10, 10, 3),
    ];
    assert!(
        check(&history, 0)
            .iter()
            .any(|wrong| wrong.contains("as version 1 and as 3"))
    );
}

#[test]
fn a_value_from_nowhere_is_noticed() {
    assert!(!check(&[read(1, 2, 99, 1)], 0).is_empty());
}
