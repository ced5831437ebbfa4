//! Who is told, and how often.

use super::*;

#[test]
fn a_standard_watch_fires_once_and_a_persistent_one_goes_on() {
    let mut watches = Watches::default();
    watches.add("/a", 1, WatchMode::Standard);
    watches.add("/a", 1, WatchMode::Standard);
    watches.add("/a", 2, WatchMode::Persistent);
    watches.add("/a", 2, WatchMode::Standard);
    assert_eq!(watches.total(), 2);
    assert_eq!(watches.trigger("/a"), [1, 2]);
    assert_eq!(watches.trigger("/a"), [2]);
    assert!(!watches.contains("/a", 2, Some(WatchMode::Standard)));
    assert!(watches.contains("/a", 2, Some(WatchMode::Persistent)));
}

#[test]
fn a_recursive_watch_sees_everything_below() {
    let mut watches = Watches::default();
    watches.add("/", 1, WatchMode::PersistentRecursive);
    watches.add("/a", 2, WatchMode::PersistentRecursive);
    watches.add("/a", 3, WatchMode::Persistent);
    let mut told = watches.trigger("/a/b/c");
    told.sort_unstable();
    assert_eq!(told, [1, 2]);
    assert_eq!(watches.trigger("/ab"), [1]);
    assert!(watches.remove("/", 1, None));
    assert!(!watches.remove("/", 1, None));
    assert_eq!(watches.trigger("/ab"), []);
}

#[test]
fn nothing_stays_of_a_connection_that_is_gone() {
    let mut watches = Watches::default();
    for path in ["/a", "/b", "/c"] {
        watches.add(path, 1, WatchMode::Standard);
        watches.add(path, 2, WatchMode::PersistentRecursive);
    }
    watches.remove_line(2);
    assert_eq!(
        (watches.total(), watches.paths(), watches.lines()),
        (3, 3, 1)
    );
    watches.trigger("/b");
    watches.remove_line(1);
    assert_eq!(
        (watches.total(), watches.paths(), watches.lines()),
        (0, 0, 0)
    );
    assert_eq!(watches.recursive, 0);
}
