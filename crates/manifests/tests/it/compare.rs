//! Our objects beside those that Strimzi's operator was seen to make from the same resources.
//!
//! Every field is compared. What differs is in [`DIFFERENCES`], with a reason; a difference that is not there fails, and
//! so does an entry that nothing needs any more. `docs/compatibility.md` shows the same list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use manifests::{NodeFacts, broker_pod, config_map, secret, shared, to_value, volume_claims};
use model::desired::parse::{Settings, parse_cluster};
use model::runner::placeholder;
use serde_json::Value;

use crate::example::{self, Example};

/// Kind, field (`*` stands for anything), why it differs.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "*",
        "metadata.ownerReferences[*].*",
        "All objects belong to the Kafka, never to a pool: deleting a pool must not take a running node's objects with it. Pods belong to it directly; there are no StrimziPodSets.",
    ),
    (
        "ConfigMap",
        "data.log4j2.properties.*.klammstate*",
        "A small log of how Kafka comes up and recovers, which user logging cannot turn off; it stands for Strimzi's agent.",
    ),
    (
        "ConfigMap",
        "data.runner.json",
        "What the runner is told: JVM options, directories, files to assemble. Strimzi has the same in environment variables.",
    ),
    (
        "ConfigMap",
        "data.server.config.config.providers",
        "No provider for Secrets: key material is read from mounted files.",
    ),
    (
        "ConfigMap",
        "data.server.config.config.providers.strimzisecrets.class",
        "As above.",
    ),
    (
        "ConfigMap",
        "data.server.config.controller.quorum.*",
        "The quorum is dynamic (KIP-853), so that controllers can be added and replaced while it runs. Static quorums of adopted clusters stay static.",
    ),
    (
        "ConfigMap",
        "data.server.config.listener.name.*store.*",
        "Key material by file instead of by value: nothing in the ConfigMap refers to a Secret, and certificates are reloaded without a restart.",
    ),
    (
        "PersistentVolumeClaim",
        "metadata.annotations.klamm.dev/*",
        "Whose disk it is, so that identity survives a lost status.",
    ),
    (
        "Pod",
        "metadata.annotations.klamm.dev/parts",
        "What the revisions are made of, so that a plan can name what changed.",
    ),
    (
        "Pod",
        "metadata.annotations.klamm.dev/stop-last",
        "Where a process node stops Pods of a cluster together, or they are deleted together, controllers and what keeps metadata stop after the brokers, which need them for a controlled shutdown.",
    ),
    (
        "Pod",
        "metadata.labels.strimzi.io/controller",
        "`klamm` instead of `strimzipodset`, which would be untrue.",
    ),
    (
        "Pod",
        "spec.containers[kafka].args[*]",
        "The first process is our runner instead of a script in Strimzi's image.",
    ),
    ("Pod", "spec.containers[kafka].command[*]", "As above."),
    (
        "Pod",
        "spec.containers[kafka].env[*].*",
        "The runner needs to know where it runs; everything else is in `runner.json`.",
    ),
    (
        "Pod",
        "spec.containers[kafka].image",
        "The stock image of Apache Kafka.",
    ),
    (
        "Pod",
        "spec.containers[kafka].*Probe.*",
        "The runner answers by HTTP, at once and every second, from the start; so a node is found ready within a second instead of after 15 to 30. `livenessProbe` and `readinessProbe` of the Kafka resource apply as they do there.",
    ),
    (
        "Pod",
        "spec.containers[kafka].securityContext.*",
        "Fits the restricted Pod security standard as it is, with a read-only root.",
    ),
    (
        "Pod",
        "spec.containers[kafka].volumeMounts[/opt/klamm*].*",
        "The runner and the certificates.",
    ),
    (
        "Pod",
        "spec.containers[kafka].volumeMounts[/var/run/klamm].*",
        "Where the runner puts what it fills in and assembles.",
    ),
    (
        "Pod",
        "spec.containers[kafka].volumeMounts[/var/opt/kafka].*",
        "Strimzi's agent wrote its state there; the runner answers by HTTP.",
    ),
    (
        "Pod",
        "spec.containers[kafka].volumeMounts[/var/run/secrets/kubernetes.io/serviceaccount].*",
        "No token: nodes ask the API server for nothing, unless the user wants the rack read from Node objects.",
    ),
    (
        "Pod",
        "spec.initContainers[klamm-init].*",
        "Brings the runner into the Pod.",
    ),
    ("Pod", "spec.volumes[klamm-*].*", "As the mounts."),
    ("Pod", "spec.volumes[kube-api-access].*", "As the mounts."),
    ("Pod", "spec.volumes[node-certs].*", "As the mounts."),
    ("Pod", "spec.volumes[ready-files].*", "As the mounts."),
    ("Pod", "spec.volumes[trust].*", "As the mounts."),
    (
        "Role",
        "",
        "Nodes read certificates from mounted files, so they need no right to read Secrets.",
    ),
    ("RoleBinding", "", "As the Role."),
];

/// Fields that the API server fills in, so that they stand in what was seen there and not in what we render.
const FILLED_IN: &[(&str, &str)] = &[
    ("*", "status.*"),
    ("*", "metadata.finalizers[*]"),
    // Secrets are filled by the operator, not here, and what is in them is told on Pods when they are made.
    ("Secret", "data.*"),
    ("Pod", "metadata.annotations.strimzi.io/server-cert-hash"),
    ("Service", "spec.clusterIP"),
    ("Service", "spec.clusterIPs[*]"),
    ("Service", "spec.internalTrafficPolicy"),
    ("Service", "spec.ipFamilies[*]"),
    ("Service", "spec.ipFamilyPolicy"),
    ("Service", "spec.sessionAffinity"),
    ("Pod", "spec.dnsPolicy"),
    ("Pod", "spec.enableServiceLinks"),
    ("Pod", "spec.preemptionPolicy"),
    ("Pod", "spec.priority"),
    ("Pod", "spec.serviceAccount"),
    ("Pod", "spec.tolerations[*]*"),
    ("Pod", "spec.containers[kafka].imagePullPolicy"),
    ("Pod", "spec.containers[kafka].terminationMessagePath"),
    ("Pod", "spec.containers[kafka].terminationMessagePolicy"),
    ("ConfigMap", "data.log4j2.properties.*.appenderRefs"),
];

/// Fields whose values are made anew for each cluster.
const DRAWN: &[(&str, &str)] = &[
    ("*", "metadata.ownerReferences[*].uid"),
    ("ConfigMap", "data.cluster.id"),
    ("Pod", "metadata.annotations.strimzi.io/configuration-hash"),
    ("Pod", "metadata.annotations.strimzi.io/resource-revision"),
    ("Pod", "metadata.annotations.strimzi.io/revision"),
];

const EXAMPLES: [&str; 8] = [
    "kafka-ephemeral",
    "kafka-jbod",
    "kafka-metrics",
    "kafka-persistent",
    "kafka-single-node",
    "kafka-with-dual-role-nodes",
    "scram-sha-512-auth",
    "tls-auth",
];

const KINDS: [&str; 10] = [
    "configmaps",
    "networkpolicies",
    "persistentvolumeclaims",
    "poddisruptionbudgets",
    "pods",
    "rolebindings",
    "roles",
    "secrets",
    "serviceaccounts",
    "services",
];

/// Field → value, for every field of an object.
type Fields = BTreeMap<String, String>;
/// Kind and name → fields.
type Objects = BTreeMap<(String, String), Fields>;

#[test]
fn objects_are_those_of_strimzi_but_for_what_is_listed() {
    let Some(objects) = shared_objects() else {
        return;
    };
    let mut used = BTreeSet::new();
    let mut unexpected = BTreeMap::new();
    let mut compared = 0;
    for name in EXAMPLES {
        let directory = objects.join(name);
        let theirs = theirs(&directory);
        let ours = ours(&example(&directory));
        compared += theirs.keys().filter(|key| ours.contains_key(*key)).count();
        for (kind, field, what) in differences(&theirs, &ours) {
            match DIFFERENCES
                .iter()
                .position(|(of, path, _)| fits(of, &kind) && fits(path, &field))
            {
                Some(index) => drop(used.insert(index)),
                None => drop(unexpected.insert(format!("{kind} {field}"), what)),
            }
        }
    }
    let unexpected: Vec<_> = unexpected
        .into_iter()
        .map(|(field, what)| format!("{field}: {what}"))
        .collect();
    assert!(
        unexpected.is_empty(),
        "differences that are not listed:\n{}",
        unexpected.join("\n")
    );
    let unused: Vec<_> = DIFFERENCES
        .iter()
        .enumerate()
        .filter(|(index, _)| !used.contains(index))
        .map(|(_, entry)| entry)
        .collect();
    assert!(
        unused.is_empty(),
        "listed, but no difference any more: {unused:#?}"
    );
    assert!(
        compared > 150,
        "only {compared} objects were there on both sides"
    );
}

#[test]
fn the_page_lists_the_same_differences() {
    let rows = DIFFERENCES.iter().map(|(kind, field, reason)| {
        let field = if field.is_empty() {
            "the whole object".to_owned()
        } else {
            format!("`{field}`")
        };
        let kind = if *kind == "*" { "all" } else { kind };
        format!("| {kind} | {field} | {reason} |\n")
    });
    let table = format!(
        "| kind | field | why it differs |\n|---|---|---|\n{}",
        rows.collect::<String>()
    );
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with("Objects\n"))
        .unwrap_or_default();
    assert!(
        section.contains(&table),
        "section \"Objects\" of docs/compatibility.md should contain:\n\n{table}"
    );
}

/// Where the objects are that Strimzi made, or nothing, having said so.
#[expect(
    clippy::disallowed_methods,
    reason = "whether the test may be skipped is a matter of where it runs"
)]
fn shared_objects() -> Option<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/strimzi/objects");
    if directory.is_dir() {
        return Some(directory);
    }
    let required = std::env::var("KLAMM_REQUIRE_SHARED").is_ok_and(|value| value == "1");
    assert!(!required, "{} is not there", directory.display());
    eprintln!(
        "SKIPPED objects_are_those_of_strimzi_but_for_what_is_listed: no {}",
        directory.display()
    );
    None
}

fn items(file: &Path) -> Vec<Value> {
    let Ok(text) = std::fs::read_to_string(file) else {
        return Vec::new();
    };
    // A hash such as 21e85593 is text there, though not for every reader of YAML.
    let quoted = text.lines().map(|line| match line.split_once(": ") {
        Some((key, value)) if is_hash(key) && !value.starts_with('\'') => {
            format!("{key}: '{value}'\n")
        }
        _ => format!("{line}\n"),
    });
    let list: Value = serde_saphyr::from_str(&quoted.collect::<String>()).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn is_hash(key: &str) -> bool {
    key.trim_start().starts_with("strimzi.io/")
        && ["hash", "revision"].iter().any(|word| key.ends_with(word))
}

/// The resources of an example, parsed, with what Strimzi drew and decided for them.
fn example(directory: &Path) -> Example {
    let kafkas = items(&directory.join("kafkas.yaml"));
    let kafka = serde_json::from_value(kafkas[0].clone()).unwrap();
    let pools: Vec<_> = items(&directory.join("kafkanodepools.yaml"))
        .into_iter()
        .map(|pool| serde_json::from_value(pool).unwrap())
        .collect();
    let cluster = parse_cluster(&kafka, &pools, &Settings::default())
        .cluster
        .unwrap();
    let mut facts = example::facts(&cluster);
    let maps = items(&directory.join("configmaps.yaml"));
    let users = maps
        .iter()
        .find_map(|map| map["data"]["kafka-metrics-config.yml"].as_str());
    facts.metrics = users.map(str::to_owned);
    Example {
        cluster,
        facts,
        settings: manifests::Settings::default(),
    }
}

fn theirs(directory: &Path) -> Objects {
    let objects = KINDS
        .iter()
        .flat_map(|kind| items(&directory.join(format!("{kind}.yaml"))));
    let of_cluster = objects.filter(|object| {
        let name = object["metadata"]["name"].as_str().unwrap();
        // The entity operator and its companions are not rendered here.
        let companion = ["entity", "exporter"]
            .iter()
            .any(|word| name.contains(word));
        object["metadata"]["labels"]["strimzi.io/cluster"] == "my-cluster" && !companion
    });
    of_cluster.map(|object| described(&object)).collect()
}

fn ours(example: &Example) -> Objects {
    let input = example.input();
    let mut objects = shared::objects(&input);
    for authority in [secret::Authority::Cluster, secret::Authority::Clients] {
        objects.push(to_value(&secret::authority_key(&input, authority)));
        objects.push(to_value(&secret::authority_certificate(&input, authority)));
    }
    objects.push(to_value(&secret::trust_bundle(&input)));
    objects.push(to_value(&secret::operator(&input)));
    for node in example.facts.nodes.values() {
        let pool = input.pool(node).unwrap();
        let facts = NodeFacts::default();
        objects.push(to_value(&secret::node(&input, node)));
        objects.extend(
            volume_claims::render(&input, pool, node)
                .iter()
                .map(to_value),
        );
        objects.push(to_value(&broker_pod::render(&input, pool, node, &facts)));
        let mut map = to_value(&config_map::render(&input, pool, node, &facts));
        let filled = placeholder::fill(
            map["data"]["server.config"].as_str().unwrap(),
            &placeholder::Place::default(),
        )
        .unwrap();
        map["data"]["server.config"] = Value::String(filled);
        objects.push(map);
    }
    objects.iter().map(described).collect()
}

fn described(object: &Value) -> ((String, String), Fields) {
    let kind = object["kind"].as_str().unwrap().to_owned();
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    let mut fields = Fields::new();
    flatten("", object, &mut fields);
    fields.retain(|field, _| {
        !FILLED_IN
            .iter()
            .any(|(of, path)| fits(of, &kind) && fits(path, field))
    });
    for (field, value) in &mut fields {
        if DRAWN
            .iter()
            .any(|(of, path)| fits(of, &kind) && fits(path, field))
        {
            "(drawn)".clone_into(value);
        }
    }
    ((kind, name), fields)
}

/// Paths of all scalars. Lists of named things are shown by name, so that their order does not matter.
fn flatten(path: &str, value: &Value, fields: &mut Fields) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                match value.as_str() {
                    Some(text)
                        if ["server.config", "log4j2.properties"].contains(&key.as_str()) =>
                    {
                        properties(&path, text, fields);
                    }
                    Some(text) if key == "metrics-config.json" => {
                        flatten(&path, &serde_json::from_str(text).unwrap(), fields);
                    }
                    Some(_) | None => flatten(&path, value, fields),
                }
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                let key = ["mountPath", "kind", "name"]
                    .iter()
                    .find_map(|key| value[*key].as_str());
                flatten(
                    &format!(
                        "{path}[{}]",
                        key.map_or_else(|| index.to_string(), str::to_owned)
                    ),
                    value,
                    fields,
                );
            }
        }
        Value::String(text) => drop(fields.insert(path.to_owned(), text.clone())),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            drop(fields.insert(path.to_owned(), value.to_string()));
        }
    }
}

fn properties(path: &str, text: &str, fields: &mut Fields) {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    for (key, value) in lines.filter_map(|line| line.split_once('=')) {
        fields.insert(format!("{path}.{key}"), value.to_owned());
    }
}

/// Kind, field and what differs.
fn differences(theirs: &Objects, ours: &Objects) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for key in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
        let (kind, name) = key;
        match (theirs.get(key), ours.get(key)) {
            (Some(theirs), Some(ours)) => {
                for field in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
                    let (theirs, ours) = (theirs.get(field), ours.get(field));
                    if theirs != ours {
                        found.push((
                            kind.clone(),
                            field.clone(),
                            format!("theirs {theirs:?}, ours {ours:?}"),
                        ));
                    }
                }
            }
            (Some(_), None) => found.push((
                kind.clone(),
                String::new(),
                format!("{name} is only theirs"),
            )),
            (None, _) => found.push((kind.clone(), String::new(), format!("{name} is only ours"))),
        }
    }
    found
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            rest.is_empty()
                || (0..=text.len())
                    .filter_map(|at| text.get(at..))
                    .any(|text| fits(rest, text))
        }),
    }
}
