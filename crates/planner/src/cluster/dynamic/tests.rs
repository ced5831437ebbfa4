use super::*;

fn text(value: &str) -> String {
    value.to_owned()
}

#[test]
fn values_are_compared_as_kafka_means_them() {
    for (one, other, equal) in [
        ("8", " 8 ", true),
        ("1", "1.0", true),
        ("True", "true", true),
        ("delete, compact", "delete,compact", true),
        ("8", "9", false),
        ("gzip", "lz4", false),
    ] {
        assert_eq!(
            same(Some(&text(one)), Some(&text(other))),
            equal,
            "{one} and {other}"
        );
    }
    assert!(!same(None, Some(&text("1"))));
    assert!(same(None, None));
}

#[test]
fn numbers_of_threads_change_by_half_or_double_at_once() {
    let step = |from: &str, to: &str| {
        let seen = Setting {
            value: Some(text(from)),
            ..Setting::default()
        };
        halfway("num.io.threads", Some(&seen), Some(&text(to)))
    };
    assert_eq!(step("8", "4"), None);
    assert_eq!(step("8", "16"), None);
    assert_eq!(step("8", "1"), Some(text("4")));
    assert_eq!(step("1", "3"), Some(text("2")));
    assert_eq!(step("3", "1"), Some(text("2")));
    assert_eq!(halfway("log.retention.ms", None, Some(&text("1"))), None);
}

#[test]
fn dynamic_properties_take_the_places_of_those_before() {
    let of = |text: &str| dynamic_of(&[(SERVER_CONFIG.to_owned(), text.to_owned())].into());
    let text = "# node 0\nnode.id=0\nlog.retention.ms=1\nlog.segment.bytes=2\nbroker.rack=a\n";
    let fresh =
        "# num.io.threads=9\nlog.segment.bytes=3\nnum.io.threads=4\nlog.retention.hours=5\n";
    assert_eq!(
        with_dynamic(text, of(fresh)),
        "# node 0\nnode.id=0\nlog.segment.bytes=3\nbroker.rack=a\nnum.io.threads=4\n"
    );
    assert_eq!(with_dynamic(text, of(text)), text);
}
