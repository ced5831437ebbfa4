//! Our definitions against Strimzi's, leaf path by leaf path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::facts::facts;
use crate::shared::{strimzi, yaml_files};

/// The definition of Strimzi's that Klamm does not serve.
const NOT_OURS: &str = "strimzipodsets.core.strimzi.io";

#[test]
fn definitions_hold_every_fact_of_strimzis_but_the_listed_differences() {
    let listed = listed_differences();
    let mut found = BTreeSet::new();
    let mut compared = 0;
    for crd in strimzi_kinds() {
        let name = crd["spec"]["names"]["plural"].as_str().unwrap().to_owned();
        let table = std::fs::read_to_string(facts_file(&name)).unwrap();
        let theirs: BTreeMap<&str, &str> = table
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .collect();
        let ours = facts(&crd);
        let ours: BTreeMap<&str, &str> = ours
            .iter()
            .filter_map(|line| line.split_once('\t'))
            .collect();
        compared += theirs.len();
        for path in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
            if ours.get(path) != theirs.get(path) {
                found.insert(format!(
                    "{name} {path}: {} / {}",
                    theirs.get(path).unwrap_or(&"absent"),
                    ours.get(path).unwrap_or(&"absent")
                ));
            }
        }
    }
    assert!(compared > 4000, "the tables hold only {compared} facts");
    assert_eq!(
        found.iter().collect::<Vec<_>>(),
        listed.iter().collect::<Vec<_>>(),
        "left: what differs (path: Strimzi / Klamm); right: what docs/compatibility.md lists"
    );
}

#[test]
fn tables_of_facts_equal_strimzis_files() {
    let Some(folder) = strimzi("tables_of_facts_equal_strimzis_files", "crds") else {
        return;
    };
    let mut seen = BTreeSet::new();
    for file in yaml_files(&folder) {
        let crd: Value = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        if crd["metadata"]["name"] == NOT_OURS {
            continue;
        }
        let name = crd["spec"]["names"]["plural"].as_str().unwrap().to_owned();
        expect_test::expect_file![facts_file(&name)].assert_eq(&(facts(&crd).join("\n") + "\n"));
        seen.insert(name);
    }
    let ours: BTreeSet<String> = strimzi_kinds()
        .iter()
        .map(|crd| crd["spec"]["names"]["plural"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(seen, ours);
}

#[test]
fn definitions_that_are_committed_are_those_of_the_types() {
    let committed =
        |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("crds/{name}.json"));
    let one_line = |value: &Value| serde_json::to_string(value).unwrap() + "\n";
    let mut names = BTreeSet::from(["metadata.json".to_owned()]);
    expect_test::expect_file![committed("metadata")]
        .assert_eq(&one_line(&resources::generate::metadata()));
    for definition in resources::generate::definitions() {
        let plural = definition["spec"]["names"]["plural"].as_str().unwrap();
        expect_test::expect_file![committed(plural)].assert_eq(&one_line(&definition));
        names.insert(format!("{plural}.json"));
    }
    let files = std::fs::read_dir(committed("metadata").parent().unwrap()).unwrap();
    let files: BTreeSet<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, names);
}

#[test]
fn every_kind_is_found_by_all_names_of_its_definition() {
    for definition in resources::crds_json() {
        let names = &definition["spec"]["names"];
        let kind = names["kind"].as_str().unwrap();
        for name in [
            &names["kind"],
            &names["plural"],
            &names["singular"],
            &names["shortNames"][0],
        ] {
            let name = name.as_str().unwrap();
            assert!(
                resources::schema_of(name).is_some_and(|(found, _)| found == kind),
                "{name}"
            );
        }
        let api_version = format!(
            "{}/{}",
            definition["spec"]["group"].as_str().unwrap(),
            definition["spec"]["versions"][0]["name"].as_str().unwrap()
        );
        let document = serde_json::json!({"apiVersion": api_version, "kind": kind});
        let violations = resources::check(&document).unwrap();
        assert!(
            violations
                .iter()
                .all(|violation| violation.path.contains('.') || violation.path == "spec"),
            "{kind}: {violations:?}"
        );
    }
}

#[test]
fn definitions_are_the_same_bytes_each_time() {
    assert_eq!(
        serde_json::to_string(&resources::generate::definitions()).unwrap(),
        serde_json::to_string(&resources::generate::definitions()).unwrap()
    );
}

#[test]
fn definitions_survive_being_written_as_yaml() {
    for definition in resources::crds_json() {
        let text = serde_saphyr::to_string(&definition).unwrap();
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, definition);
    }
}

#[test]
fn definitions_hold_nothing_that_a_structural_schema_may_not() {
    fn walk(path: &str, value: &Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    assert!(
                        !["nullable", "format", "$ref", "definitions", "title"]
                            .contains(&key.as_str())
                            || path.ends_with("properties"),
                        "{path}.{key}"
                    );
                    walk(&format!("{path}.{key}"), value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(path, item)),
            Value::Number(number) => assert!(!number.is_f64(), "{path}: {number}"),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    for crd in resources::crds_json() {
        walk("", &crd["spec"]["versions"]);
    }
}

fn strimzi_kinds() -> Vec<Value> {
    resources::crds_json()
        .into_iter()
        .filter(|crd| crd["spec"]["group"] == "kafka.strimzi.io")
        .collect()
}

fn facts_file(plural: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("facts/{plural}.tsv"))
}

/// The rows of the table under "Differences between the definitions" in docs/compatibility.md.
fn listed_differences() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, section) = page
        .split_once("## Differences between the definitions")
        .expect("the section is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line
                .trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().trim_matches('`'))
                .collect();
            let [definition, path, strimzi, klamm, reason] = cells.as_slice() else {
                panic!("a row has five cells: {line}");
            };
            assert!(!reason.is_empty(), "a difference needs a reason: {line}");
            format!("{definition} {path}: {strimzi} / {klamm}")
        })
        .collect()
}
