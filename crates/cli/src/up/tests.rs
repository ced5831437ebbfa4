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
