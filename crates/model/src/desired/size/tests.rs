use super::ByteSize;

#[test]
fn sizes_are_read_exactly() {
    for (text, bytes) in [
        ("0", 0),
        ("4096", 4096),
        ("100Gi", 100 << 30),
        ("1.5Gi", 3 << 29),
        ("10G", 10_000_000_000),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 1_000_000_000_000_000_000),
        ("1500m", 2),
        ("0.1", 1),
        (".5Ki", 512),
    ] {
        assert_eq!(text.parse::<ByteSize>().unwrap().bytes(), bytes, "{text}");
    }
    for text in [
        "",
        ".",
        "Gi",
        "-1",
        "1.2.3",
        "1 Gi",
        "1gi",
        "99Ei",
        "1e99",
        "0.1234567890123456789",
    ] {
        assert!(text.parse::<ByteSize>().is_err(), "{text}");
    }
}

#[test]
fn sizes_are_shown_in_the_largest_whole_unit() {
    for (given, shown) in [
        ("1024Gi", "1Ti"),
        ("1.5Gi", "1536Mi"),
        ("10G", "9765625Ki"),
        ("1000", "1k"),
        ("7", "7"),
        ("0", "0"),
    ] {
        let size: ByteSize = given.parse().unwrap();
        assert_eq!(size.to_string(), shown);
        assert_eq!(shown.parse::<ByteSize>().unwrap(), size);
    }
}
