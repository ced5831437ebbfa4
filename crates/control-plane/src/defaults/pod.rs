//! Defaults of Pods and of Pod templates.

use serde_json::{Map, Value, json};

use super::{each, inner, set};
use crate::failure::Cause;

/// What every Pod spec gets; with `bare`, what only Pods themselves get.
pub(super) fn fill_spec(spec: &mut Value, bare: bool) {
    for (field, value) in [
        ("restartPolicy", json!("Always")),
        ("dnsPolicy", json!("ClusterFirst")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
    ] {
        set(spec, field, value);
    }
    if bare {
        set(spec, "enableServiceLinks", true);
    }
    for list in ["initContainers", "containers"] {
        for container in each(spec, list) {
            fill_container(container, bare);
        }
    }
    for volume in each(spec, "volumes") {
        fill_volume(volume);
    }
    match (
        spec["serviceAccountName"].as_str(),
        spec["serviceAccount"].as_str(),
    ) {
        (Some(name), _) if !name.is_empty() => spec["serviceAccount"] = name.to_owned().into(),
        (_, Some(name)) if !name.is_empty() => spec["serviceAccountName"] = name.to_owned().into(),
        _ => {}
    }
}

/// What admission adds to a Pod: account, priority, and how long it stays on a node that is gone.
pub(super) fn admit(spec: &mut Value) {
    set(spec, "serviceAccountName", "default");
    set(spec, "serviceAccount", spec["serviceAccountName"].clone());
    set(spec, "priority", 0);
    set(spec, "preemptionPolicy", "PreemptLowerPriority");
    let mut tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let tolerated = tolerations.iter().any(|t| {
            let matches_key = t["key"] == key || (t["key"].is_null() && t["operator"] == "Exists");
            matches_key && (t["effect"] == "NoExecute" || t["effect"].is_null())
        });
        if !tolerated {
            tolerations.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
    spec["tolerations"] = tolerations.into();
}

fn fill_container(container: &mut Value, bare: bool) {
    let image = container["image"].as_str().unwrap_or_default().to_owned();
    let policy = if is_latest(&image) {
        "Always"
    } else {
        "IfNotPresent"
    };
    set(container, "imagePullPolicy", policy);
    set(container, "terminationMessagePath", "/dev/termination-log");
    set(container, "terminationMessagePolicy", "File");
    set(container, "resources", json!({}));
    for port in each(container, "ports") {
        set(port, "protocol", "TCP");
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe) {
            fill_probe(probe);
        }
    }
    for hook in ["postStart", "preStop"] {
        if let Some(get) = container.pointer_mut(&format!("/lifecycle/{hook}/httpGet")) {
            fill_http(get);
        }
    }
    for env in each(container, "env") {
        if let Some(field) = env.pointer_mut("/valueFrom/fieldRef") {
            set(field, "apiVersion", "v1");
        }
    }
    if bare {
        fill_requests(container);
    }
}

/// A limit without a request is also the request.
fn fill_requests(container: &mut Value) {
    let Some(limits) = container["resources"]["limits"].as_object().cloned() else {
        return;
    };
    let requests = inner(&mut container["resources"], "requests");
    for (resource, limit) in limits {
        set(requests, &resource, limit);
    }
}

fn is_latest(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    !last.contains('@') && last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn fill_probe(probe: &mut Value) {
    if !probe.is_object() {
        return;
    }
    for (field, value) in [
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ] {
        set(probe, field, value);
    }
    if probe["httpGet"].is_object() {
        fill_http(&mut probe["httpGet"]);
    }
    if probe["grpc"].is_object() {
        set(&mut probe["grpc"], "service", "");
    }
}

fn fill_http(get: &mut Value) {
    set(get, "path", "/");
    set(get, "scheme", "HTTP");
}

fn fill_volume(volume: &mut Value) {
    const MODE: i64 = 0o644;
    let Some(map) = volume.as_object_mut() else {
        return;
    };
    if map.keys().all(|key| key == "name") {
        map.insert("emptyDir".to_owned(), json!({}));
        return;
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = map.get_mut(source) {
            set(source, "defaultMode", MODE);
        }
    }
    if let Some(host) = map.get_mut("hostPath") {
        set(host, "type", "");
    }
    fill_field_refs(map.get_mut("downwardAPI"));
    let projected = map
        .get_mut("projected")
        .and_then(|p| p.get_mut("sources")?.as_array_mut());
    for source in projected.into_iter().flatten() {
        fill_field_refs(source.get_mut("downwardAPI"));
        if let Some(token) = source.get_mut("serviceAccountToken") {
            set(token, "expirationSeconds", 3600);
        }
    }
}

fn fill_field_refs(api: Option<&mut Value>) {
    let items = api.and_then(|api| api.get_mut("items")?.as_array_mut());
    for item in items.into_iter().flatten() {
        if let Some(field) = item.get_mut("fieldRef") {
            set(field, "apiVersion", "v1");
        }
    }
}

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub(crate) fn quality_of_service(pod: &Value) -> &'static str {
    let containers: Vec<&Value> = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| pod["spec"][*list].as_array().into_iter().flatten())
        .collect();
    let empty = Map::new();
    let amounts = |container: &Value, kind: &str| -> Map<String, Value> {
        let all = container["resources"][kind]
            .as_object()
            .unwrap_or(&empty)
            .clone();
        all.into_iter()
            .filter(|(name, amount)| (name == "cpu" || name == "memory") && !is_zero(amount))
            .collect()
    };
    if containers
        .iter()
        .all(|c| amounts(c, "requests").is_empty() && amounts(c, "limits").is_empty())
    {
        return "BestEffort";
    }
    let guaranteed = containers.iter().all(|c| {
        let (requests, limits) = (amounts(c, "requests"), amounts(c, "limits"));
        limits.len() == 2 && requests == limits
    });
    if guaranteed {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

fn is_zero(amount: &Value) -> bool {
    matches!(amount.as_str(), Some("0")) || amount.as_i64() == Some(0)
}

/// Of a Pod's spec only images, a deadline, a shorter grace and more tolerations may change.
pub(super) fn frozen(live: &Value, object: &Value) -> Vec<Cause> {
    let fixed = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            for container in each(&mut spec, list) {
                container.as_object_mut().map(|c| c.remove("image"));
            }
        }
        if let Some(map) = spec.as_object_mut() {
            map.retain(|key, value| {
                !value.is_null()
                    && !matches!(
                        key.as_str(),
                        "activeDeadlineSeconds"
                            | "tolerations"
                            | "terminationGracePeriodSeconds"
                            | "schedulingGates"
                    )
            });
        }
        spec
    };
    let mut causes = Vec::new();
    if fixed(live) != fixed(object) {
        const RULE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(Cause::forbidden("spec", RULE));
    }
    let grace = "terminationGracePeriodSeconds";
    if live["spec"][grace] != object["spec"][grace] && causes.is_empty() {
        causes.push(Cause::forbidden(
            "spec.terminationGracePeriodSeconds",
            "field is immutable",
        ));
    }
    let old = live["spec"]["tolerations"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let new = object["spec"]["tolerations"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if !old.iter().all(|toleration| new.contains(toleration)) {
        const RULE: &str = "existing toleration can not be modified except its tolerationSeconds";
        causes.push(Cause::forbidden("spec.tolerations", RULE));
    }
    causes
}
