use super::*;

fn own() -> ProcessId {
    ProcessId::of(i32::try_from(std::process::id()).unwrap()).unwrap()
}

#[test]
fn a_file_is_held_once_and_whoever_asks_by_whom_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    assert_eq!(holder(&path).unwrap(), None);
    assert!(!path.exists(), "asking makes nothing");
    let held = Hold::take(&path).unwrap().unwrap();
    assert_eq!(holder(&path).unwrap(), Some(Holder::Process(own())));
    assert!(Hold::take(&path).unwrap().is_none());
    drop(held);
    assert_eq!(holder(&path).unwrap(), None);
    // However often it is asked meanwhile, it can be taken at the first attempt.
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (over, path) = (&over, &path);
        for _ in 0..2 {
            scope.spawn(move || {
                while !over.load(std::sync::atomic::Ordering::SeqCst) {
                    holder(path).unwrap();
                }
            });
        }
        let refused = (0..2000)
            .filter(|_| Hold::take(path).unwrap().is_none())
            .count();
        over.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(refused, 0);
    });
}

#[test]
fn what_an_earlier_holder_wrote_is_not_believed_of_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let held = Hold::take(&path).unwrap().unwrap();
    // Taken, and not yet named: the file still tells of a process that is no more, whose pid is somebody else's now.
    for stale in [
        ProcessId {
            start_time: own().start_time - 1,
            ..own()
        },
        ProcessId {
            boot_id: "another boot".to_owned(),
            ..own()
        },
    ] {
        std::fs::write(&path, serde_json::to_vec(&stale).unwrap()).unwrap();
        assert_eq!(holder(&path).unwrap(), Some(Holder::Unnamed));
    }
    std::fs::write(&path, "").unwrap();
    assert_eq!(holder(&path).unwrap(), Some(Holder::Unnamed));
    drop(held);
}
