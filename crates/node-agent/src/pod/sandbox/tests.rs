use std::fs;

use super::*;

fn pod_dir() -> (tempfile::TempDir, PodDir) {
    let home = tempfile::tempdir().unwrap();
    let dir = PodDir(home.path().join("uid-1"));
    fs::create_dir_all(dir.container("kafka").0).unwrap();
    (home, dir)
}

fn owner() -> Owner {
    Owner {
        namespace: "default".to_owned(),
        name: "a".to_owned(),
        uid: "uid-1".to_owned(),
        containers: vec!["kafka".to_owned()],
        grace_seconds: 7,
        stops_last: true,
    }
}

#[test]
fn an_owner_that_cannot_be_read_is_still_known_by_uid_and_containers() {
    let (_home, dir) = pod_dir();
    for torn in ["", "{\"namespace\":\"def", "[1]"] {
        fs::write(dir.0.join("pod.json"), torn).unwrap();
        let found = dir.owner();
        assert_eq!(
            (found.uid.as_str(), found.name.as_str(), found.containers),
            ("uid-1", "", vec!["kafka".to_owned()]),
            "{torn:?}"
        );
    }
    fs::write(
        dir.0.join("pod.json"),
        "{\"name\":\"a\",\"somethingNew\":{}}",
    )
    .unwrap();
    assert_eq!(
        (dir.owner().name.as_str(), dir.owner().grace_seconds),
        ("a", 30)
    );
}

#[test]
fn an_owner_that_is_written_already_needs_no_room() {
    let (_home, dir) = pod_dir();
    dir.write_owner(&owner()).unwrap();
    let written = fs::metadata(dir.0.join("pod.json")).unwrap();
    dir.write_owner(&owner()).unwrap();
    let again = fs::metadata(dir.0.join("pod.json")).unwrap();
    let inode = |metadata: &fs::Metadata| std::os::unix::fs::MetadataExt::ino(metadata);
    assert_eq!(inode(&written), inode(&again), "a new file was written");
    assert_eq!(dir.owner(), owner());
}

#[test]
fn a_sandbox_that_cannot_be_read_is_not_taken_for_the_first() {
    let (_home, dir) = pod_dir();
    assert_eq!(dir.enter_sandbox().unwrap().number, 0);
    assert_eq!(dir.enter_sandbox().unwrap().number, 0, "the same one");
    fs::write(dir.0.join("sandbox"), "").unwrap();
    let after = dir.enter_sandbox().unwrap();
    assert!(after.number > 1_000_000, "{after:?}");
    assert_eq!(dir.enter_sandbox().unwrap(), after);
}
