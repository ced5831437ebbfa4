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

fn view(namespace: &str) -> View {
    View {
        namespace: namespace.to_owned(),
        own: None,
    }
}

#[test]
fn names_are_those_of_cluster_dns() {
    let (pods, services) = world();
    let text = render(
        &view("a"),
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
fn a_service_address_that_no_proxy_serves_is_not_named() {
    let (pods, mut services) = world();
    let mut foreign = Service::clone(&services[1]);
    foreign.metadata.name = Some("foreign".to_owned());
    foreign.spec.as_mut().unwrap().cluster_ip = Some("10.96.0.7".to_owned());
    let mut elsewhere = foreign.clone();
    elsewhere.metadata.name = Some("elsewhere".to_owned());
    elsewhere.spec.as_mut().unwrap().selector = None;
    services = vec![Arc::new(foreign), Arc::new(elsewhere)];
    let text = render(
        &view("a"),
        &entries(&pods, &services),
        "127.0.0.1 localhost\n",
    );
    assert!(text.contains("127.9.1.1 foreign\n"), "{text}");
    assert!(text.contains("10.96.0.7 elsewhere\n"), "{text}");
    assert!(!text.contains("10.96.0.7 foreign"), "{text}");
    assert!(!text.contains("127.9.1.2 foreign"), "{text}");
}

#[test]
fn the_mounted_file_stays_the_same_file() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = tempfile::tempdir().unwrap();
    let hosts = Hosts::new(dir.path().to_owned(), Some(false));
    let file = hosts.file(&view("a")).unwrap();
    let bound = hosts.mounts(&view("a")).unwrap().hosts;
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

#[test]
fn a_pod_may_have_names_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = Hosts::new(dir.path().to_owned(), None);
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "p", "namespace": "a", "uid": "u"},
        "spec": {"containers": [], "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["ldap", "ldap.example"]}]}
    }))
    .unwrap();
    let own = hosts.file(&View::of(&pod)).unwrap();
    let (pods, services) = world();
    hosts.update(&pods, &services).unwrap();
    let text = fs::read_to_string(&own).unwrap();
    assert!(
        text.contains("10.0.0.1 ldap\n10.0.0.1 ldap.example\n"),
        "{text}"
    );
    assert!(
        text.contains("127.9.1.1 k-0.brokers\n"),
        "it follows like all others"
    );
    assert_ne!(own, hosts.file(&view("a")).unwrap());
    hosts.forget(&View::of(&pod));
    assert!(!own.exists());
}

#[test]
fn the_next_agent_keeps_the_files_of_running_pods_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let (pods, services) = world();
    let path = directory.path().join("a");
    fs::write(&path, "127.0.0.1 localhost\n127.9.1.9 old\n").unwrap();
    let hosts = Hosts::new(directory.path().to_owned(), Some(false));
    hosts.adopt(&view("a")).unwrap();
    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept.contains("old"), "nothing is known yet: {kept}");
    hosts.update(&pods, &services).unwrap();
    let now = fs::read_to_string(&path).unwrap();
    assert!(now.contains("127.9.1.1 ready\n"), "{now}");
    assert!(!now.contains("old"), "{now}");
}
