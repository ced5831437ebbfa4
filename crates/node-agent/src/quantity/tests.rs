use super::*;

#[test]
fn quantities_are_read_as_kubernetes_writes_them() {
    for (text, expected) in [
        ("1", 1),
        ("1k", 1000),
        ("1Ki", 1024),
        ("1.5Gi", 1_610_612_736),
        ("128974848", 128_974_848),
        ("129e6", 129_000_000),
        ("129M", 129_000_000),
        ("123Mi", 128_974_848),
        ("100m", 1),
        ("0", 0),
    ] {
        assert_eq!(bytes(text), Some(expected), "{text}");
    }
    for (text, expected) in [
        ("1", 1000),
        ("250m", 250),
        ("0.1", 100),
        ("1.5", 1500),
        ("100u", 1),
    ] {
        assert_eq!(cpu_millis(text), Some(expected), "{text}");
    }
    for bad in ["", "x", "1x", "Gi", "1.2.3", "-1"] {
        assert_eq!(bytes(bad), None, "{bad}");
    }
}

#[test]
fn the_downward_api_divides_and_rounds_up() {
    assert_eq!(divided("1500m", "1"), Some(2));
    assert_eq!(divided("1500m", "1m"), Some(1500));
    assert_eq!(divided("1Gi", "1Mi"), Some(1024));
    assert_eq!(divided("1Gi", ""), Some(1 << 30));
    assert_eq!(divided("1Gi", "0"), Some(1 << 30));
}
