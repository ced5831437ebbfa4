use super::*;

const GOOD: &str = "#\n#Sat Nov 21 09:19:35 UTC 2026\nnode.id=3\ndirectory.id=Pmnc9-3WwvFLxldc2lNptw\nversion=1\ncluster.id=abc\n";

#[test]
fn what_kafka_writes_is_read() {
    let meta = parse(GOOD).unwrap();
    assert_eq!((meta.cluster_id.as_str(), meta.node_id), ("abc", 3));
    assert_eq!(meta.directory_id.as_deref(), Some("Pmnc9-3WwvFLxldc2lNptw"));
}

#[test]
fn damage_is_named() {
    assert_eq!(
        parse("\u{0}\u{0}").unwrap_err(),
        "line \"\\0\\0\" is not key=value"
    );
    assert_eq!(parse("").unwrap_err(), "it names no version");
    assert_eq!(
        parse("version=0\nbroker.id=1\n").unwrap_err(),
        "version=0 is not 1"
    );
    assert_eq!(
        parse("version=1\ncluster.id=a\nnode.id=x\n").unwrap_err(),
        "node.id=\"x\" is not a number"
    );
    assert_eq!(
        parse("version=1\nnode.id=1\n").unwrap_err(),
        "it names no cluster.id"
    );
}

#[test]
fn a_directory_id_is_replaced_and_nothing_else() {
    let changed = with_directory_id(GOOD, "AbcdefghijklmnopqrstuA");
    let meta = parse(&changed).unwrap();
    assert_eq!(meta.directory_id.as_deref(), Some("AbcdefghijklmnopqrstuA"));
    assert_eq!((meta.cluster_id.as_str(), meta.node_id), ("abc", 3));
}
