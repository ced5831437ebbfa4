//! Keys are read as they were made.

use super::*;

#[test]
fn every_key_is_read_as_it_was_made() {
    for prefix in ["/klamm", "/a/b/"] {
        let keys = Keys::new(prefix);
        let parse = |key: Vec<u8>| {
            let (from, to) = keys.all();
            assert!(from <= key && key < to);
            keys.parse(&key)
        };
        assert_eq!(parse(keys.node("/")), Some(Key::Node("/".to_owned())));
        assert_eq!(parse(keys.node("/n/c")), Some(Key::Node("/n/c".to_owned())));
        assert_eq!(
            parse(keys.children("/z")),
            Some(Key::Children("/z".to_owned()))
        );
        assert_eq!(parse(keys.session(0x10ff)), Some(Key::Session(0x10ff)));
        assert_eq!(parse(keys.fence(7)), Some(Key::Fence));
        assert_eq!(parse(keys.hold()), Some(Key::Hold));
        assert_eq!(parse(keys.batch()), Some(Key::Batch));
        assert_eq!(keys.parse(b"/klammer/n/a"), None);
    }
}
