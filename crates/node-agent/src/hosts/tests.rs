use std::sync::Arc;

use expect_test::expect;
use serde_json::json;

use super::*;

fn world() -> (Vec<Arc<Pod>>, Vec<Arc<Service>>) {
    let pod = |namespace: &str, name: &str, ip: &str, ready: bool| -> Arc<Pod> {
        let status = if ready { "True" } else { "False" };
        Arc::new(
            serde_json::from_value(json!({
                "metadata": {"name": name, "namespace": namespace, "labels": {"app": "k"}},
                "spec": {"containers": [], "hostname": name, "subdomain": "brokers"},
                "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": status}]}
            }))
            .unwrap(),
        )
    };
    let service = |namespace: &str, name: &str, ip: &str, all: bool| -> Arc<Service> {
        Arc::new(
            serde_json::from_value(json!({
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"clusterIP": ip, "selector": {"app": "k"}, "publishNotReadyAddresses": all}
            }))
            .unwrap(),
        )
    };
    let pods = vec![
        pod("a", "k-0", "127.9.1.1", true),
        pod("a", "k-1", "127.9.1.2", false),
        pod("b", "k-0", "127.9.1.3", true),
    ];
    let services = vec![
        service("a", "brokers", "None", true),
        service("a", "ready", "None", false),
        service("b", "boot", "127.9.128.1", false),
    ];
    (pods, services)
}

#[test]
fn names_are_those_of_cluster_dns() {
    let (pods, services) = world();
    let text = render(
        "a",
        &entries(&pods, &services),
        "127.0.0.1 localhost\n127.0.1.1 laptop",
    );
    expect![[r#"
        127.0.0.1 localhost
        127.0.1.1 laptop
        # Pods and Services, written by klamm
        127.9.128.1 boot.b
        127.9.128.1 boot.b.svc
        127.9.128.1 boot.b.svc.cluster.local
        127.9.1.1 brokers.a
        127.9.1.2 brokers.a
        127.9.1.1 brokers.a.svc
        127.9.1.2 brokers.a.svc
        127.9.1.1 brokers.a.svc.cluster.local
        127.9.1.2 brokers.a.svc.cluster.local
        127.9.1.1 k-0.brokers.a
        127.9.1.1 k-0.brokers.a.svc
        127.9.1.1 k-0.brokers.a.svc.cluster.local
        127.9.1.3 k-0.brokers.b
        127.9.1.3 k-0.brokers.b.svc
        127.9.1.3 k-0.brokers.b.svc.cluster.local
        127.9.1.2 k-1.brokers.a
        127.9.1.2 k-1.brokers.a.svc
        127.9.1.2 k-1.brokers.a.svc.cluster.local
        127.9.1.1 ready.a
        127.9.1.1 ready.a.svc
        127.9.1.1 ready.a.svc.cluster.local
        127.9.1.1 brokers
        127.9.1.2 brokers
        127.9.1.1 k-0.brokers
        127.9.1.2 k-1.brokers
        127.9.1.1 ready
    "#]]
    .assert_eq(&text);
}

#[test]
fn the_mounted_file_stays_the_same_file() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = tempfile::tempdir().unwrap();
    let hosts = Hosts::new(dir.path().to_owned(), Some(false));
    let file = hosts.file("a").unwrap();
    let bound = hosts.mounts("a").unwrap().hosts;
    let before = fs::metadata(&bound).unwrap().ino();
    let (pods, services) = world();
    hosts.update(&pods, &services).unwrap();
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .contains("127.9.1.1 k-0.brokers\n")
    );
    assert_eq!(fs::read(&file).unwrap(), fs::read(&bound).unwrap());
    hosts.update(&pods[..1], &services[..0]).unwrap();
    assert!(!fs::read_to_string(&file).unwrap().contains("boot"));
    assert_eq!(fs::read(&file).unwrap(), fs::read(&bound).unwrap());
    assert_eq!(fs::metadata(&bound).unwrap().ino(), before);
}
