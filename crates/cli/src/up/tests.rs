use super::*;

#[test]
fn labels_that_the_node_has_otherwise_or_not_at_all_are_told() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let node = || {
        vec![BTreeMap::from([
            pair("zone", "local"),
            pair("disk", "fast"),
        ])]
    };
    assert_eq!(other_labels(&[], &node()), None);
    assert_eq!(other_labels(&[pair("disk", "fast")], &node()), None);
    assert_eq!(
        other_labels(&[pair("disk", "fast"), pair("zone", "b")], &node()).unwrap(),
        "--label zone=b differs from the node's zone=local"
    );
    assert_eq!(
        other_labels(&[pair("room", "7")], &node()).unwrap(),
        "--label room=7 is no label of the node"
    );
}

#[test]
fn what_was_applied_is_waited_for_and_everything_where_nothing_was() {
    let key = |namespace: &str, name: &str| (namespace.to_owned(), name.to_owned());
    let all = || vec![key("a", "one"), key("a", "two"), key("b", "one")];
    let applied = |cluster: Option<&str>| Applied {
        kind: "KafkaNodePool".to_owned(),
        namespace: "a".to_owned(),
        name: "pool".to_owned(),
        cluster: cluster.map(str::to_owned),
    };
    assert_eq!(
        part(all(), &[applied(Some("one"))]),
        (
            vec![key("a", "one")],
            vec![key("a", "two"), key("b", "one")]
        )
    );
    for nothing in [vec![], vec![applied(None)], vec![applied(Some("other"))]] {
        assert_eq!(part(all(), &nothing), (all(), vec![]));
    }
}
