use super::*;

const GOOD: &str = "#\n#Sat Nov 21 09:19:35 UTC 2026\nnode.id=3\ndirectory.id=Pmnc9-3WwvFLxldc2lNptw\nversion=1\ncluster.id=abc\n";

#[test]
fn what_kafka_writes_is_read() {
    let meta = parse(GOOD, Version::KRaft).unwrap();
    assert_eq!((meta.cluster_id.as_str(), meta.node_id), ("abc", 3));
    assert_eq!(meta.directory_id.as_deref(), Some("Pmnc9-3WwvFLxldc2lNptw"));
}

#[test]
fn damage_is_named() {
    assert_eq!(
        parse("\u{0}\u{0}", Version::KRaft).unwrap_err(),
        "line 1 is not key=value"
    );
    assert_eq!(
        parse("", Version::KRaft).unwrap_err(),
        "it names no version"
    );
    assert_eq!(
        parse("version=0\nbroker.id=1\n", Version::KRaft).unwrap_err(),
        "version=0 is not 1"
    );
    assert_eq!(
        parse("version=1\ncluster.id=a\nnode.id=x\n", Version::KRaft).unwrap_err(),
        "node.id=\"x\" is not a number"
    );
    assert_eq!(
        parse("version=1\nnode.id=1\n", Version::KRaft).unwrap_err(),
        "it names no cluster.id"
    );
}

#[test]
fn a_directory_id_is_replaced_and_nothing_else() {
    let changed = with_directory_id(GOOD, "AbcdefghijklmnopqrstuA");
    let meta = parse(&changed, Version::KRaft).unwrap();
    assert_eq!(meta.directory_id.as_deref(), Some("AbcdefghijklmnopqrstuA"));
    assert_eq!((meta.cluster_id.as_str(), meta.node_id), ("abc", 3));
}

#[test]
fn brokers_with_zookeeper_have_the_older_form() {
    let text = of_new(Version::ZooKeeper, "abc", 3, Some("Pmnc9-3WwvFLxldc2lNptw"));
    let meta = parse(&text, Version::ZooKeeper).unwrap();
    assert_eq!((meta.cluster_id.as_str(), meta.node_id), ("abc", 3));
    assert_eq!(meta.directory_id.as_deref(), Some("Pmnc9-3WwvFLxldc2lNptw"));
    assert_eq!(
        parse(GOOD, Version::ZooKeeper).unwrap_err(),
        "version=1 is not 0"
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE), &text).unwrap();
    assert_eq!(read(dir.path()).unwrap().unwrap(), meta);
}
