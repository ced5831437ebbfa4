use super::{ClusterName, ListenerName};

#[test]
fn names_that_cannot_be_part_of_a_host_name_are_refused() {
    let long = "x".repeat(64);
    for name in ["", "My-Cluster", "a.b", "-a", "a-", "a_b", long.as_str()] {
        assert!(name.parse::<ClusterName>().is_err(), "{name}");
    }
    let longest = "x".repeat(63);
    for name in ["a", "my-cluster", "0a", longest.as_str()] {
        assert!(name.parse::<ClusterName>().is_ok(), "{name}");
    }
}

#[test]
fn listener_names_are_short_and_plain() {
    for name in ["", "my-name", "Plain", "abcdefghijkl"] {
        assert!(name.parse::<ListenerName>().is_err(), "{name}");
    }
    assert!("external123".parse::<ListenerName>().is_ok());
}

#[test]
fn an_invalid_name_does_not_come_in_through_serde() {
    let error = serde_json::from_str::<ClusterName>("\"A\"")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("\"A\" is not a lower-case DNS label"),
        "{error}"
    );
}
