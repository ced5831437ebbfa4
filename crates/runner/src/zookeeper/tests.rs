use super::*;

#[test]
fn names_are_found_in_the_hosts_file_of_a_process_node() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hosts");
    std::fs::write(
        &file,
        "# ours\n127.7.0.2 demo-zookeeper-0.demo-zookeeper-nodes.default.svc demo-zookeeper-0\n127.7.0.3 other # demo-zookeeper-1\n",
    )
    .unwrap();
    let found = |host: &str| in_hosts_file(&file, host).map(|ip| ip.to_string());
    assert_eq!(found("demo-zookeeper-0").as_deref(), Some("127.7.0.2"));
    assert_eq!(found("other").as_deref(), Some("127.7.0.3"));
    assert_eq!(found("demo-zookeeper-1"), None);
}
