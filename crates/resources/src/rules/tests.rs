use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

#[test]
fn every_rule_of_every_definition_is_here_and_no_other() {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for rule in map
                    .get("x-kubernetes-validations")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                {
                    found.insert(rule["rule"].as_str().unwrap().to_owned());
                }
                map.values().for_each(|value| collect(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for crd in crate::crds_json() {
        collect(&crd, &mut found);
    }
    assert_eq!(found, known().map(str::to_owned).collect());
}
