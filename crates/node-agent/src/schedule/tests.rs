use super::*;

fn why(spec: serde_json::Value) -> Option<String> {
    let mut spec = spec;
    spec["containers"] = json!([]);
    let labels = BTreeMap::from([
        ("zone".to_owned(), "a".to_owned()),
        ("cpus".to_owned(), "4".to_owned()),
    ]);
    misfit(&serde_json::from_value(spec).unwrap(), &labels, "here")
}

fn affinity(terms: &serde_json::Value) -> serde_json::Value {
    json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
}

#[test]
fn a_pod_goes_where_its_labels_say() {
    assert_eq!(why(json!({})), None);
    assert_eq!(why(json!({"nodeSelector": {"zone": "a"}})), None);
    assert!(
        why(json!({"nodeSelector": {"zone": "b"}}))
            .unwrap()
            .contains("zone=b")
    );
    let expression = |operator: &str, key: &str, values: &[&str]| {
        affinity(
            &json!([{"matchExpressions": [{"key": key, "operator": operator, "values": values}]}]),
        )
    };
    for (operator, key, values, fits) in [
        ("In", "zone", &["a", "b"][..], true),
        ("In", "zone", &["b"], false),
        ("NotIn", "zone", &["a"], false),
        ("NotIn", "rack", &["a"], true),
        ("Exists", "zone", &[], true),
        ("Exists", "rack", &[], false),
        ("DoesNotExist", "rack", &[], true),
        ("Gt", "cpus", &["3"], true),
        ("Lt", "cpus", &["4"], false),
        ("Near", "cpus", &["4"], false),
    ] {
        assert_eq!(
            why(expression(operator, key, values)).is_none(),
            fits,
            "{operator} {key} {values:?}"
        );
    }
    let field =
        json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["here"]}]}]);
    assert_eq!(why(affinity(&field)), None);
    assert!(
        why(affinity(&json!([{}]))).is_some(),
        "an empty term matches nothing"
    );
}

#[test]
fn only_pods_that_wait_for_any_scheduler_are_taken() {
    let waiting = |spec: serde_json::Value| {
        let mut spec = spec;
        spec["containers"] = json!([]);
        waits(&serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap())
    };
    assert!(waiting(json!({"schedulerName": "default-scheduler"})));
    assert!(!waiting(json!({"schedulerName": "other"})));
    assert!(!waiting(json!({"nodeName": "there"})));
    assert!(!waiting(json!({"schedulingGates": [{"name": "x"}]})));
}
