use super::*;

#[test]
fn fast_start_fills_in_only_what_the_manifest_leaves_open() {
    let given = "num.io.threads=16\nnode.id=0\n".to_owned();
    let fast = with_fast_start(given);
    assert_eq!(value_of(&fast, "num.io.threads"), Some("16"));
    assert_eq!(value_of(&fast, "num.network.threads"), Some("1"));
    assert_eq!(with_fast_start(fast.clone()), fast);
}
