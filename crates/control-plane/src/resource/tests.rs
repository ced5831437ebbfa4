use serde_json::json;

use super::events::{from_core, to_core};
use super::{Registry, compare_versions};
use crate::schema::Schema;
use crate::store::Store;

#[test]
fn every_builtin_kind_has_a_schema() {
    let registry = Registry::load(&Store::in_memory(1 << 20), None);
    let mut seen = 0;
    for resource in registry.stored() {
        seen += 1;
        assert!(
            Schema::builtin(&resource.group, &resource.version, &resource.kind).is_some(),
            "{} {}",
            resource.api_version(),
            resource.kind
        );
    }
    assert!(seen > 40);
}

#[test]
fn versions_are_ordered_as_kubernetes_orders_them() {
    let mut versions = [
        "v1beta1", "foo", "v2", "v1", "v10", "v1alpha1", "v1beta2", "v11beta2",
    ];
    versions.sort_by(|a, b| compare_versions(b, a));
    assert_eq!(
        versions,
        [
            "v10", "v2", "v1", "v11beta2", "v1beta2", "v1beta1", "v1alpha1", "foo"
        ]
    );
}

#[test]
fn events_survive_the_way_through_the_other_group() {
    let core = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"kind": "Pod"},
        "message": "m", "reason": "r", "count": 2, "reportingComponent": "c", "eventTime": null,
    });
    let new = from_core(core.clone());
    assert_eq!(
        (
            &new["note"],
            &new["regarding"]["kind"],
            &new["reportingController"]
        ),
        (&json!("m"), &json!("Pod"), &json!("c"))
    );
    assert_eq!(to_core(new), core);
}
