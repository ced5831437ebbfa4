use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

#[test]
fn every_pattern_of_every_definition_has_words_whose_example_matches() {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(pattern)) = map.get("pattern") {
                    found.insert(pattern.clone());
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
    assert_eq!(found, known_patterns().map(str::to_owned).collect());
    for (pattern, words) in &PATTERNS {
        assert!(
            matches(pattern, words.example),
            "{pattern}: {}",
            words.example
        );
    }
}

#[test]
fn a_mistyped_name_finds_the_nearest_one() {
    let names = || ["listeners", "logging", "rack"].into_iter();
    assert_eq!(nearest("listener", names()), Some("listeners"));
    assert_eq!(nearest("Racks", names()), Some("rack"));
    assert_eq!(nearest("storage", names()), None);
}
