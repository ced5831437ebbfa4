use super::*;

#[test]
fn fast_start_fills_in_only_what_the_manifest_leaves_open() {
    let given = "num.io.threads=16\nnode.id=0\n".to_owned();
    let fast = with_fast_start(given);
    assert_eq!(value_of(&fast, "num.io.threads"), Some("16"));
    assert_eq!(value_of(&fast, "num.network.threads"), Some("1"));
    assert_eq!(with_fast_start(fast.clone()), fast);
}

#[test]
fn fast_start_leaves_the_cleaners_buffer_to_whoever_wants_more_threads() {
    let more = with_fast_start("log.cleaner.threads=3\n".to_owned());
    assert_eq!(value_of(&more, "log.cleaner.dedupe.buffer.size"), None);
    assert!(value_of(&more, "num.io.threads").is_some());
}
