//! Strimzi's example manifests, which are beside a checkout and not in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use model::desired::parse::Settings;
use model::validate::{Source, validate};

/// An example that Strimzi's own definitions refuse, as a test in `resources` says.
const INVALID: &str = "kafka-connect-metrics.yaml";

/// Files that are not manifests of Kubernetes objects.
const NOT_MANIFESTS: [&str; 2] = ["prometheus-additional.yaml", "alert-manager-config.yaml"];

#[test]
fn every_example_of_strimzis_is_good_and_every_cluster_in_them_is_understood() {
    let test = "every_example_of_strimzis_is_good_and_every_cluster_in_them_is_understood";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/strimzi/examples");
    if !folder.is_dir() {
        assert!(
            !shared_is_required(),
            "{test}: {} is absent, and KLAMM_REQUIRE_SHARED=1",
            folder.display()
        );
        println!("SKIPPED {test}: {} is absent", folder.display());
        return;
    }
    let mut kinds = BTreeSet::new();
    let mut clusters = 0;
    for file in yaml_files(&folder) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name == INVALID || NOT_MANIFESTS.contains(&name.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let validation = validate(
            &[Source {
                file: &name,
                text: Ok(&text),
            }],
            &Settings::default(),
        );
        assert!(
            validation.problems.is_empty(),
            "{}: {:#?}",
            file.display(),
            validation.problems
        );
        for document in &validation.documents {
            kinds.insert(document.object["kind"].as_str().unwrap().to_owned());
            clusters += usize::from(document.object["kind"] == "Kafka");
        }
    }
    assert!(
        kinds.len() > 9 && clusters > 9,
        "{kinds:?}, {clusters} clusters"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test asks its surroundings whether absence is a failure"
)]
fn shared_is_required() -> bool {
    std::env::var("KLAMM_REQUIRE_SHARED").is_ok_and(|value| value == "1")
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
