use serde_json::json;

use super::{begin, carry_over, check, count_generation, generate_name, name};
use crate::resource::Registry;
use crate::store::Store;

#[test]
fn generated_names_keep_their_prefix_and_fit() {
    let mut object = json!({"metadata": {"generateName": "x".repeat(300)}});
    generate_name(&mut object);
    assert_eq!(name(&object).len(), 253);
    let mut object = json!({"metadata": {"generateName": "job-"}});
    generate_name(&mut object);
    assert!(name(&object).starts_with("job-") && name(&object).len() == 9);
}

#[test]
fn what_is_the_servers_cannot_be_written() {
    let registry = Registry::load(&Store::in_memory(1 << 20), None);
    let deployments = registry.find("apps", "v1", "deployments").unwrap();
    let mut made = json!({"metadata": {"name": "a", "uid": "mine", "generation": 7, "labels": {}}, "spec": {"replicas": 1}});
    begin(&deployments, &mut made, "2026-01-01T00:00:00Z");
    assert_ne!(made["metadata"]["uid"], "mine");
    assert_eq!(made["metadata"]["generation"], 1);
    assert!(made["metadata"].get("labels").is_none());

    let mut changed = json!({"metadata": {"name": "a", "uid": "x", "creationTimestamp": "1999-01-01T00:00:00Z", "labels": {"l": "1"}}, "spec": {"replicas": 1}});
    carry_over(&made, &mut changed);
    count_generation(&deployments, &made, &mut changed);
    assert_eq!(changed["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(
        changed["metadata"]["creationTimestamp"],
        "2026-01-01T00:00:00Z"
    );
    assert_eq!(
        changed["metadata"]["generation"], 1,
        "labels are nothing that is asked of a controller"
    );
    changed["spec"]["replicas"] = 2.into();
    count_generation(&deployments, &made, &mut changed);
    assert_eq!(changed["metadata"]["generation"], 2);
}

#[test]
fn an_object_that_goes_gets_no_new_finalizer() {
    let registry = Registry::load(&Store::in_memory(1 << 20), None);
    let maps = registry.find("", "v1", "configmaps").unwrap();
    let live = json!({"metadata": {"name": "a", "finalizers": ["x.io/a"], "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let mut object = live.clone();
    object["metadata"]["finalizers"] = json!(["x.io/a", "x.io/b"]);
    let causes = check(&maps, &object, Some(&live));
    assert_eq!(causes.len(), 1);
    assert!(
        causes[0].message.contains("[]string{\"x.io/b\"}"),
        "{}",
        causes[0].message
    );
}
