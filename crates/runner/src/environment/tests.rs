use super::*;

fn minimal() -> BTreeMap<String, String> {
    [
        ("KLAMM_CONTRACT", "1"),
        ("POD_NAME", "c-p-0"),
        ("POD_IP", "127.1.2.3"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn with(name: &str, value: &str) -> BTreeMap<String, String> {
    let mut all = minimal();
    all.insert(name.to_owned(), value.to_owned());
    all
}

#[test]
fn paths_of_a_real_container_are_as_they_are() {
    let environment = Environment::parse(minimal()).unwrap();
    assert_eq!(
        environment.path("/var/lib/kafka/data-0"),
        Path::new("/var/lib/kafka/data-0")
    );
    assert_eq!(environment.kafka_home, Path::new("/opt/kafka"));
    assert!(!environment.uses_pod_ip);
}

#[test]
fn paths_on_a_process_node_lie_below_its_root() {
    let environment = Environment::parse(with("KLAMM_ROOT", "/home/u/pods/x/root")).unwrap();
    assert_eq!(
        environment.path("/var/lib/kafka/data-0"),
        Path::new("/home/u/pods/x/root/var/lib/kafka/data-0")
    );
}

#[test]
fn plugin_jars_come_from_where_the_node_keeps_them() {
    let environment = Environment::parse(with("KLAMM_PLUGINS", "/cache/plugins/libs")).unwrap();
    assert_eq!(
        environment.path("/opt/klamm/plugins/a.jar"),
        Path::new("/cache/plugins/libs/a.jar")
    );
}

#[test]
fn a_missing_or_wrong_variable_is_named_with_what_is_allowed() {
    let refused = |all| {
        Environment::parse(all)
            .map(|e| e.pod_name)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(BTreeMap::new()).contains("KLAMM_CONTRACT: is not set"));
    assert_eq!(
        refused(with("KLAMM_FORMAT", "yes")),
        "environment variable KLAMM_FORMAT: is \"yes\"; allowed: initial, join, or absent"
    );
    assert!(refused(with("KLAMM_CONTRACT", "7")).contains("allowed: 0 to 1"));
    assert!(refused(with("POD_IP", "here")).contains("an IP address such as"));
}

#[test]
fn the_hosts_file_is_left_alone_where_it_is_mounted() {
    let hosts = |all| Environment::parse(all).unwrap().hosts_file;
    let mut all = with("KLAMM_HOSTS_FILE", "/h");
    assert_eq!(hosts(all.clone()), Some("/h".into()));
    all.insert("KLAMM_HOSTS_MOUNTED".to_owned(), "1".to_owned());
    assert_eq!(hosts(all), None);
}
