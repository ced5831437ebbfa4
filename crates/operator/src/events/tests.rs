use super::*;

fn happened(number: usize) -> Happened {
    Happened {
        warning: false,
        reason: "Missing".to_owned(),
        action: "Create".to_owned(),
        note: format!("number {number}"),
    }
}

#[test]
fn what_was_told_long_ago_or_too_much_is_forgotten() {
    let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let mut told = Told::default();
    for number in 0..500 {
        let at = later(start, Duration::from_millis(number as u64));
        told.forget(at);
        told.series.insert(
            happened(number),
            Series {
                name: String::new(),
                count: 1,
                last: at,
            },
        );
        assert!(told.series.len() <= MAX_REMEMBERED);
    }
    assert!(told.series.contains_key(&happened(499)));
    told.forget(later(start, SERIES_WINDOW * 2));
    assert!(told.series.is_empty());
}

#[test]
fn a_long_note_is_cut_between_characters() {
    assert_eq!(cut("größer", 3), "gr");
    assert_eq!(cut("größer", 4), "grö");
    assert_eq!(cut("kurz", 10), "kurz");
}
