//! The fields of a kind, by the table of facts; and how to set one.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What the schema says of one field.
#[derive(Debug, Clone, Default)]
pub(super) struct Fact {
    kind: String,
    required: bool,
    choices: Vec<Value>,
}

pub(super) type Facts = BTreeMap<String, Fact>;

/// The facts below `spec` of a kind.
pub(super) fn facts(plural: &str) -> Facts {
    let path = format!(
        "{}/../resources/facts/{plural}.tsv",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("spec."));
    rows.map(|line| {
        let mut columns = line.split('\t');
        let path = columns.next().unwrap().to_owned();
        let mut fact = Fact {
            kind: columns.next().unwrap_or_default().to_owned(),
            ..Fact::default()
        };
        for column in columns {
            fact.required |= column == "required";
            if let Some(list) = column.strip_prefix("enum=") {
                fact.choices = serde_json::from_str(list).unwrap();
            }
        }
        (path, fact)
    })
    .collect()
}

/// Paths that hold a value of their own: everything below them is free, or nothing is.
pub(super) fn leaves(facts: &Facts) -> Vec<&String> {
    let holds_more = |path: &str| {
        let inner = [".", "[]", "{}"].map(|next| format!("{path}{next}"));
        facts
            .range(path.to_owned()..)
            .skip(1)
            .take_while(|(other, _)| other.starts_with(path))
            .any(|(other, _)| inner.iter().any(|inner| other.starts_with(inner)))
    };
    facts.keys().filter(|path| !holds_more(path)).collect()
}

/// Values worth trying at a leaf.
pub(super) fn samples(fact: &Fact, path: &str) -> Vec<Value> {
    if !fact.choices.is_empty() {
        return fact.choices.clone();
    }
    match fact.kind.as_str() {
        "boolean" => vec![json!(true), json!(false)],
        // Each of them is rendered.
        "integer" if path.ends_with("replicas") => vec![json!(2), json!(3)],
        "integer" => [7, 31_007, 2, 400, 0].map(|number| json!(number)).into(),
        "number" => vec![json!(0.7), json!(7)],
        "object" | "any" if path.ends_with("config") || path.ends_with("listenerConfig") => {
            vec![
                json!({"num.partitions": 7}),
                json!({"sasl.enabled.mechanisms": "PLAIN"}),
            ]
        }
        "object" => vec![json!({"sample": "sample"})],
        _ => [
            "sample",
            "extra",
            "/mnt/sample",
            "7",
            "7Gi",
            "true",
            "4.2.0",
            "4.2-IV0",
            "* * 0-1 ? * SUN *",
            "10.7.0.0/16",
            "zone.example.org",
            "org.example.Sample",
            "7m",
            "InternalDNS",
            "7-{nodeId}",
            "sample-{nodeId}.example.org",
            "IPv4",
            "-7-9",
        ]
        .map(|text| json!(text))
        .into(),
    }
}

/// A value that satisfies the schema at a path, with what is required below it.
fn whole(facts: &Facts, path: &str) -> Value {
    let fact = facts.get(path).cloned().unwrap_or_default();
    match fact.kind.as_str() {
        "array" => json!([whole(facts, &format!("{path}[]"))]),
        "object" | "" => {
            let mut object = Value::Object(Map::new());
            require(facts, path, &mut object);
            for (list, field, value) in NAMES {
                if path.ends_with(list) && object.get(field).is_none() {
                    object[field] = json!(value);
                }
            }
            object
        }
        // The one there is.
        _ if path.ends_with(".brokers[].broker") => json!(0),
        _ => samples(&fact, path).remove(0),
    }
}

/// What elements of lists are known by, though the schema does not require it.
const NAMES: [(&str, &str, &str); 8] = [
    (".env[]", "name", "EXTRA"),
    (".volumeMounts[]", "name", "extra"),
    (".volumeMounts[]", "mountPath", "/mnt/extra"),
    (".volumes[]", "name", "extra"),
    (".templatedVolumes[]", "name", "extra"),
    (".javaSystemProperties[]", "name", "extra"),
    (".items[]", "key", "a"),
    (".items[]", "path", "b"),
];

/// Adds what is required directly below a path.
fn require(facts: &Facts, path: &str, object: &mut Value) {
    let start = format!("{path}.");
    let below = facts.range(start.clone()..);
    let below = below.take_while(|(other, _)| other.starts_with(&start));
    for (other, fact) in below {
        let name = &other[start.len()..];
        let direct = !name.contains(['.', '[', '{']);
        if direct && fact.required && object.get(name).is_none() {
            object[name] = whole(facts, other);
        }
    }
}

/// Sets the value at a path; of the first list on the way, the element with this number.
pub(super) fn set(facts: &Facts, root: &mut Value, path: &str, index: usize, value: Value) {
    let mut place = root;
    let mut walked = String::new();
    let mut lists = 0;
    for step in path.split('.') {
        if !walked.is_empty() {
            walked.push('.');
        }
        let name = step.trim_end_matches("[]").trim_end_matches("{}");
        walked.push_str(name);
        if place.get(name).is_none_or(Value::is_null) {
            place[name] = if step.ends_with("[]") {
                json!([])
            } else {
                json!({})
            };
            if step == name && facts.get(&walked).is_some_and(|fact| fact.kind == "object") {
                require(facts, &walked, &mut place[name]);
            }
        }
        place = &mut place[name];
        if step.ends_with("[]") {
            walked.push_str("[]");
            let wanted = if lists == 0 { index } else { 0 };
            lists += 1;
            let list = place.as_array_mut().unwrap();
            if list.is_empty() {
                list.push(whole(facts, &walked));
            }
            let last = list.len() - 1;
            place = &mut list[wanted.min(last)];
        } else if step.ends_with("{}") {
            walked.push_str("{}");
            place = &mut place["sample"];
        }
    }
    *place = value;
}

/// Takes a leaf away again, and leaves what is around it.
pub(super) fn unset(root: &mut Value, path: &str, index: usize) {
    let (parents, last) = path.rsplit_once('.').unwrap();
    let mut place = root;
    let mut lists = 0;
    for step in parents.split('.') {
        place = &mut place[step.trim_end_matches("[]").trim_end_matches("{}")];
        if step.ends_with("[]") {
            let wanted = if lists == 0 { index } else { 0 };
            lists += 1;
            let end = place.as_array().unwrap().len() - 1;
            place = &mut place[wanted.min(end)];
        } else if step.ends_with("{}") {
            place = &mut place["sample"];
        }
    }
    let name = last.trim_end_matches("[]").trim_end_matches("{}");
    if last.ends_with("[]") {
        let list = place[name].as_array_mut().unwrap();
        let wanted = if lists == 0 { index } else { 0 };
        list.remove(wanted.min(list.len() - 1));
    } else if last.ends_with("{}") {
        place[name].as_object_mut().unwrap().remove("sample");
    } else {
        place.as_object_mut().unwrap().remove(name);
    }
}
