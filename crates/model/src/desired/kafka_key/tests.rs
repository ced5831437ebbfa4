use super::*;

#[test]
fn every_key_is_well_formed_and_takes_its_own_default() {
    let kinds = [
        "short", "int", "long", "double", "boolean", "string", "list", "class", "password",
    ];
    assert!(KEYS.len() > 200, "{} keys", KEYS.len());
    for key in KEYS.values() {
        assert!(kinds.contains(&key.kind), "{key:?}");
        for release in [key.since, key.until] {
            assert!(
                release.is_empty() || release.parse::<KafkaVersion>().is_ok(),
                "{key:?}"
            );
        }
        if !["", "[]"].contains(&key.default) && key.kind != "list" {
            assert!(key.takes(key.default), "{key:?}");
        }
    }
}

#[test]
fn values_are_held_against_type_bounds_and_lists() {
    let takes = |key: &str, value: &str| KafkaKey::find(key).unwrap().takes(value);
    assert!(takes("num.partitions", "3"));
    assert!(!takes("num.partitions", "0"));
    assert!(!takes("num.partitions", "three"));
    assert!(!takes("num.partitions", "3000000000"));
    assert!(takes("log.retention.bytes", "3000000000"));
    assert!(takes("auto.create.topics.enable", "False"));
    assert!(!takes("auto.create.topics.enable", "no"));
    assert!(takes("log.cleanup.policy", "compact, delete"));
    assert!(!takes("log.cleanup.policy", "compact,drop"));
    assert!(takes("compression.type", "zstd"));
    assert!(!takes("compression.type", "ZSTD"));
    assert!(takes("num.io.threads", "${strimzienv:THREADS}"));
}

#[test]
fn releases_that_do_not_know_a_key_are_told() {
    let key = KafkaKey::find("group.share.max.delivery.count.limit").unwrap();
    assert!(!key.is_known_to("4.2.1".parse().unwrap()));
    assert!(key.is_known_to("4.3.1".parse().unwrap()));
    assert_eq!(key.releases(), "from 4.3.0 on");
}
