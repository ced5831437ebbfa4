use std::collections::BTreeMap;

use super::testing::config;
use super::*;

fn node(root: &Path) -> Environment {
    for mount in ["v0", "v1"] {
        std::fs::create_dir_all(root.join(mount)).unwrap();
    }
    let all: BTreeMap<String, String> = [
        ("KLAMM_CONTRACT", "1"),
        ("POD_NAME", "c-p-0"),
        ("POD_IP", "127.1.2.3"),
        ("KLAMM_ROOT", root.to_str().unwrap()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    Environment::parse(all).unwrap()
}

fn write_meta(root: &Path, mount: &str, cluster: &str, node: i32, directory: &str) {
    let dir = root.join(mount).join("kafka-log0");
    std::fs::create_dir_all(&dir).unwrap();
    let text =
        format!("version=1\ncluster.id={cluster}\nnode.id={node}\ndirectory.id={directory}\n");
    std::fs::write(dir.join("meta.properties"), text).unwrap();
    std::fs::write(dir.join("recovery-point-offset-checkpoint"), "").unwrap();
}

const CLUSTER: &str = "a2xhbW0tdHJhaW5pbmctMQ";

fn refused(environment: &Environment) -> String {
    inspect(environment, &config()).unwrap_err().to_string()
}

#[test]
fn empty_and_own_directories_are_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let environment = node(root.path());
    write_meta(root.path(), "v0", CLUSTER, 0, "AAAAAAAAAAAAAAAAAAAAA0");
    std::fs::create_dir_all(root.path().join("v1/lost+found")).unwrap();
    let found: Vec<_> = inspect(&environment, &config())
        .unwrap()
        .into_iter()
        .map(|(_, _, content)| content)
        .collect();
    assert_eq!(found, [Content::Own, Content::Empty]);
}

#[test]
fn a_volume_of_another_cluster_node_or_place_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let environment = node(root.path());
    write_meta(root.path(), "v0", "another", 0, "AAAAAAAAAAAAAAAAAAAAA0");
    assert!(
        refused(&environment)
            .contains("v0: belongs to cluster another, this node is of cluster a2x")
    );
    write_meta(root.path(), "v0", CLUSTER, 7, "AAAAAAAAAAAAAAAAAAAAA0");
    assert!(refused(&environment).contains("belongs to node 7, this is node 0"));
    write_meta(root.path(), "v0", CLUSTER, 0, "AAAAAAAAAAAAAAAAAAAAA1");
    assert!(refused(&environment).contains("Were two volumes of this node exchanged?"));
}

#[test]
fn data_without_meta_properties_is_never_formatted_over() {
    let root = tempfile::tempdir().unwrap();
    let environment = node(root.path());
    std::fs::create_dir_all(root.path().join("v1/kafka-log0/orders-0")).unwrap();
    let told = refused(&environment);
    assert!(
        told.ends_with(
            "v1: holds data but no kafka-log0/meta.properties; nothing was started or changed. Put it back with these lines: \
             version=1, node.id=0, cluster.id=a2xhbW0tdHJhaW5pbmctMQ, directory.id=AAAAAAAAAAAAAAAAAAAAA1"
        ),
        "{told}"
    );
}

#[test]
fn a_damaged_meta_properties_is_said_and_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let environment = node(root.path());
    write_meta(root.path(), "v0", CLUSTER, 0, "AAAAAAAAAAAAAAAAAAAAA0");
    let path = root.path().join("v0/kafka-log0/meta.properties");
    std::fs::write(&path, "\0\0\0\0").unwrap();
    let told = refused(&environment);
    assert!(
        told.ends_with(
            "v0: kafka-log0/meta.properties is damaged (line 1 is not key=value); nothing was started or changed. Put it \
             back with these lines: version=1, node.id=0, cluster.id=a2xhbW0tdHJhaW5pbmctMQ, \
             directory.id=AAAAAAAAAAAAAAAAAAAAA0"
        ),
        "{told}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"\0\0\0\0");
}

#[test]
fn a_formatted_directory_that_kafka_never_started_on_is_finished_not_refused() {
    let root = tempfile::tempdir().unwrap();
    let environment = node(root.path());
    write_meta(root.path(), "v1", CLUSTER, 0, "BBBBBBBBBBBBBBBBBBBBBQ");
    std::fs::remove_file(
        root.path()
            .join("v1/kafka-log0/recovery-point-offset-checkpoint"),
    )
    .unwrap();
    let found: Vec<_> = inspect(&environment, &config())
        .unwrap()
        .into_iter()
        .map(|(_, _, content)| content)
        .collect();
    assert_eq!(found, [Content::Empty, Content::Fresh]);
}

#[test]
fn what_an_interrupted_format_left_counts_as_empty_and_nothing_else_is_removed() {
    let root = tempfile::tempdir().unwrap();
    let environment = node(root.path());
    let dir = root.path().join("v0/kafka-log0");
    std::fs::create_dir_all(dir.join("__cluster_metadata-0")).unwrap();
    for left in [
        "bootstrap.checkpoint.tmp",
        "meta.properties.tmp",
        "__cluster_metadata-0/00000000000000000000-0000000000-8.checkpoint.part",
    ] {
        std::fs::write(dir.join(left), "half").unwrap();
    }
    let found = inspect(&environment, &config()).unwrap();
    assert_eq!(found[0].2, Content::Empty);
    remove_leftovers(&dir).unwrap();
    assert_eq!(entries(&dir).unwrap(), Vec::<PathBuf>::new());

    // Kafka or somebody else was here: none of it is a leftover.
    for kept in [
        "__cluster_metadata-0/00000000000000000000.log",
        "__cluster_metadata-0/00000000000000012345-0000000007.checkpoint",
        "meta.properties.bak",
        "bootstrap.checkpoint.mine",
    ] {
        let file = dir.join(kept);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "records").unwrap();
        std::fs::write(dir.join("bootstrap.checkpoint"), "half").unwrap();
        assert!(refused(&environment).contains("holds data but no kafka-log0/meta.properties"));
        remove_leftovers(&dir).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"records");
        assert!(dir.join("bootstrap.checkpoint").is_file());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn a_volume_serves_one_runner_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let environment = node(root.path());
    let held = lock_all(&environment, &config()).unwrap();
    let second = lock_all(&environment, &config())
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(
        second.contains("another Kafka process runs on it"),
        "{second}"
    );
    drop(held);
    lock_all(&environment, &config()).map(drop).unwrap();
}

#[test]
fn a_volume_with_the_directory_of_another_node_is_not_taken_for_an_empty_one() {
    let root = tempfile::tempdir().unwrap();
    let environment = node(root.path());
    write_meta(root.path(), "v0", CLUSTER, 7, "AAAAAAAAAAAAAAAAAAAAA0");
    let there = root.path().join("v0");
    std::fs::rename(there.join("kafka-log0"), there.join("kafka-log7")).unwrap();
    let told = refused(&environment);
    assert!(
        told.contains("kafka-log7 of node 7 of cluster a2x"),
        "{told}"
    );
}

#[test]
fn a_volume_is_named_by_its_own_place_and_not_by_the_link_of_a_pod() {
    let root = tempfile::tempdir().unwrap();
    let own = root.path().join("volumes/data-0");
    std::fs::create_dir_all(own.join("kafka-log0/orders-0")).unwrap();
    let pod = root.path().join("pods/uid");
    let environment = node(&pod);
    std::fs::remove_dir(pod.join("v0")).unwrap();
    std::os::unix::fs::symlink(&own, pod.join("v0")).unwrap();
    let told = refused(&environment);
    let own = std::fs::canonicalize(own).unwrap();
    let place = format!("volume {}: holds data", own.display());
    assert!(told.starts_with(&place), "{told}");
}
