use std::collections::BTreeMap;

use super::*;

fn pod(root: &Path, format: Option<&str>) -> Environment {
    for dir in ["var/lib/zookeeper", "var/run/klamm"] {
        std::fs::create_dir_all(root.join(dir)).unwrap();
    }
    let mut all: BTreeMap<String, String> = [
        ("KLAMM_CONTRACT", "1"),
        ("POD_NAME", "c-zookeeper-0"),
        ("POD_IP", "127.1.2.3"),
        ("KLAMM_ROOT", root.to_str().unwrap()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if let Some(format) = format {
        all.insert("KLAMM_FORMAT".to_owned(), format.to_owned());
    }
    Environment::parse(all).unwrap()
}

fn config(cluster_id: &str, server: u32) -> StoreConfig {
    StoreConfig {
        contract: 1,
        cluster: "c".to_owned(),
        cluster_id: cluster_id.to_owned(),
        server,
        mount: "/var/lib/zookeeper".to_owned(),
        data_dir: "/var/lib/zookeeper/data".to_owned(),
        program: StoreProgram::ZooKeeper {
            id: server + 1,
            client_port: 2181,
        },
        health_port: 0,
    }
}

fn refusal(outcome: Result<(), RunnerError>) -> Refusal {
    match outcome {
        Err(RunnerError::Refused { refusal, .. }) => refusal,
        other => unreachable!("{other:?}"),
    }
}

fn data_in(root: &Path) -> Vec<String> {
    let mut names = entries(&root.join("var/lib/zookeeper/data")).unwrap();
    names.sort();
    names
}

#[test]
fn an_empty_volume_is_begun_with_only_by_permission_and_once() {
    let root = tempfile::tempdir().unwrap();
    let own = config("id", 0);
    assert_eq!(
        refusal(prepare(&pod(root.path(), None), &own)),
        Refusal::EmptyVolume
    );
    let first = pod(root.path(), Some("initial"));
    prepare(&first, &own).unwrap();
    assert_eq!(data_in(root.path()), ["initialize", "myid"]);
    // Another start finds what it began.
    prepare(&first, &own).unwrap();
    std::fs::remove_dir_all(root.path().join("var/lib/zookeeper")).unwrap();
    let again = pod(root.path(), Some("initial"));
    assert_eq!(refusal(prepare(&again, &own)), Refusal::EmptyVolume);
}

#[test]
fn a_server_that_lost_its_disk_does_not_take_it_for_a_new_one() {
    let root = tempfile::tempdir().unwrap();
    prepare(&pod(root.path(), Some("join")), &config("id", 2)).unwrap();
    assert_eq!(data_in(root.path()), ["myid"]);
    let my_id = root.path().join("var/lib/zookeeper/data/myid");
    assert_eq!(std::fs::read_to_string(my_id).unwrap(), "3\n");
}

#[test]
fn a_volume_of_another_store_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let environment = pod(root.path(), Some("initial"));
    prepare(&environment, &config("id", 0)).unwrap();
    let other_server = prepare(&environment, &config("id", 1));
    assert_eq!(refusal(other_server), Refusal::ForeignNode);
    let other_cluster = prepare(&environment, &config("other", 0));
    assert_eq!(refusal(other_cluster), Refusal::ForeignCluster);
}

#[test]
fn data_of_nobody_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let environment = pod(root.path(), Some("initial"));
    let data = root.path().join("var/lib/zookeeper/data");
    std::fs::create_dir_all(data.join("version-2")).unwrap();
    assert_eq!(
        refusal(prepare(&environment, &config("id", 0))),
        Refusal::CorruptedMetadata
    );
    assert_eq!(data_in(root.path()), ["version-2"]);
}
