//! The schemas of Kubernetes' own kinds, from the types of `k8s-openapi`.
//!
//! Those lack how lists merge and what strategic merge patches do (`builtin/merge.txt`), and which fields a server
//! writes even when empty (`builtin/always.txt`). Built when first
//! asked for, then kept; definitions are shared between kinds. The types are those of a newer Kubernetes than the one
//! we compare with, so a few fields more are known here.
//! Not here: defaults of built-in kinds (`defaults`), rules on their values ([`super::builtin_rules`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use k8s_openapi::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::builder::{Builder, short_name};
use super::node::{ListType, Node, PatchStrategy, Shape};

type Generate = fn(&mut SchemaGenerator) -> schemars::Schema;

struct Kind {
    group: &'static str,
    version: &'static str,
    name: &'static str,
    generate: Generate,
}

macro_rules! kinds {
    ($($group:literal $version:literal $module:path { $($kind:ident)* })*) => {
        &[$($({
            use $module as module;
            Kind {
                group: $group,
                version: $version,
                name: stringify!($kind),
                generate: |generator| generator.subschema_for::<module::$kind>(),
            }
        }),*),*]
    };
}

const KINDS: &[Kind] = kinds! {
    "" "v1" api::core::v1 {
        Binding ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod
        PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount
    }
    "apps" "v1" api::apps::v1 { ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet }
    "authentication.k8s.io" "v1" api::authentication::v1 { SelfSubjectReview TokenRequest TokenReview }
    "authorization.k8s.io" "v1" api::authorization::v1 {
        LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview
    }
    "autoscaling" "v1" api::autoscaling::v1 { HorizontalPodAutoscaler Scale }
    "autoscaling" "v2" api::autoscaling::v2 { HorizontalPodAutoscaler }
    "batch" "v1" api::batch::v1 { CronJob Job }
    "certificates.k8s.io" "v1" api::certificates::v1 { CertificateSigningRequest }
    "coordination.k8s.io" "v1" api::coordination::v1 { Lease }
    "discovery.k8s.io" "v1" api::discovery::v1 { EndpointSlice }
    "events.k8s.io" "v1" api::events::v1 { Event }
    "networking.k8s.io" "v1" api::networking::v1 { Ingress IngressClass NetworkPolicy }
    "node.k8s.io" "v1" api::node::v1 { RuntimeClass }
    "policy" "v1" api::policy::v1 { Eviction PodDisruptionBudget }
    "rbac.authorization.k8s.io" "v1" api::rbac::v1 { ClusterRole ClusterRoleBinding Role RoleBinding }
    "scheduling.k8s.io" "v1" api::scheduling::v1 { PriorityClass }
    "storage.k8s.io" "v1" api::storage::v1 { CSIDriver CSINode StorageClass VolumeAttachment }
    "admissionregistration.k8s.io" "v1" api::admissionregistration::v1 {
        MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding
        ValidatingWebhookConfiguration
    }
    "apiextensions.k8s.io" "v1" apiextensions { CustomResourceDefinition }
    "apiregistration.k8s.io" "v1" apiregistration { APIService }
};

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The node of a built-in kind, if it is one.
pub(crate) fn node(group: &str, version: &str, kind: &str) -> Option<Arc<Node>> {
    let found = KINDS
        .iter()
        .find(|k| k.group == group && k.version == version && k.name == kind)?;
    Some(build(found.generate))
}

/// The node of `metadata`, the same for every kind.
pub(crate) fn object_meta() -> Arc<Node> {
    static NODE: OnceLock<Arc<Node>> = OnceLock::new();
    // A ConfigMap is a small kind that has one.
    Arc::clone(NODE.get_or_init(|| {
        build(SchemaGenerator::subschema_for::<api::core::v1::ConfigMap>)
            .field("metadata")
            .map_or_else(|| Arc::new(Node::any()), Arc::clone)
    }))
}

fn build(generate: Generate) -> Arc<Node> {
    static NAMED: OnceLock<Mutex<BTreeMap<String, Arc<Node>>>> = OnceLock::new();
    let named = NAMED.get_or_init(Mutex::default);
    let mut kept = named.lock().unwrap_or_else(PoisonError::into_inner);
    let mut generator = SchemaSettings::openapi3().into_generator();
    let root = generate(&mut generator);
    let definitions = generator.take_definitions(false);
    let mut builder = Builder::with_definitions(&definitions, std::mem::take(&mut *kept));
    let node = builder.node(root.as_value());
    *kept = builder.into_named();
    node
}

/// The OpenAPI `components.schemas` of the built-in kinds of a group and version.
pub(crate) fn openapi(group: &str, version: &str, kinds: &[&str]) -> BTreeMap<String, Value> {
    let mut generator = SchemaSettings::openapi3().into_generator();
    let mut roots: BTreeMap<String, &'static str> = BTreeMap::new();
    for kind in KINDS
        .iter()
        .filter(|k| k.group == group && k.version == version && kinds.contains(&k.name))
    {
        let root = (kind.generate)(&mut generator);
        let reference = root
            .as_value()
            .get("$ref")
            .and_then(Value::as_str)
            .unwrap_or("");
        roots.insert(
            reference.rsplit('/').next().unwrap_or("").to_owned(),
            kind.name,
        );
    }
    let definitions = generator.take_definitions(true);
    let mut out = BTreeMap::new();
    for (name, mut schema) in definitions {
        if let Some(kind) = roots.get(&name) {
            let gvk = json!([{"group": group, "version": version, "kind": kind}]);
            if let Some(map) = schema.as_object_mut() {
                map.insert("x-kubernetes-group-version-kind".to_owned(), gvk);
            }
        }
        annotate(short_name(&name).to_owned().as_str(), &mut schema);
        out.insert(name, schema);
    }
    out
}

/// The OpenAPI document of `metadata`, for the schemas of custom resources.
pub(crate) fn openapi_object_meta() -> (String, BTreeMap<String, Value>) {
    let mut all = openapi("", "v1", &["ConfigMap"]);
    all.retain(|name, _| name.contains(".meta.v1."));
    (OBJECT_META.to_owned(), all)
}

/// Writes what the merge table knows into a definition, in OpenAPI's words.
fn annotate(definition: &str, schema: &mut Value) {
    let table = merge_table();
    if table.atomic(definition)
        && let Some(map) = schema.as_object_mut()
    {
        map.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
    }
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, property) in properties {
        let Some(map) = property.as_object_mut() else {
            continue;
        };
        match table.get(definition, name) {
            Some(entry) => entry.write(map),
            None if map.get("type").and_then(Value::as_str) == Some("array") => {
                map.insert("x-kubernetes-list-type".to_owned(), json!("atomic"));
            }
            None => {}
        }
    }
}

/// Fields a definition holds even when they are empty, with what they hold then.
pub(crate) fn always(definition: &str) -> &'static [(&'static str, Value)] {
    static TABLE: OnceLock<BTreeMap<&'static str, Vec<(&'static str, Value)>>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let lines = include_str!("builtin/always.txt")
            .lines()
            .filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| {
                let (definition, fields) = line.split_once(' ')?;
                let fields = fields.split(' ').filter_map(|field| {
                    let (name, value) = field.split_once('=')?;
                    Some((name, serde_json::from_str(value).ok()?))
                });
                Some((definition, fields.collect()))
            })
            .collect()
    });
    table.get(definition).map_or(&[], Vec::as_slice)
}

/// How the fields of built-in definitions merge.
pub(crate) struct MergeTable {
    definitions: BTreeMap<&'static str, BTreeMap<&'static str, MergeEntry>>,
}

/// How one field merges.
pub(crate) struct MergeEntry {
    list: Option<ListType>,
    atomic_map: Option<bool>,
    patch: PatchStrategy,
    patch_words: &'static str,
}

/// The table, read once.
pub(crate) fn merge_table() -> &'static MergeTable {
    static TABLE: OnceLock<MergeTable> = OnceLock::new();
    TABLE.get_or_init(|| MergeTable::parse(include_str!("builtin/merge.txt")))
}

impl MergeTable {
    fn parse(text: &'static str) -> Self {
        let mut definitions: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let (Some(definition), Some(field), Some(how), Some(patch)) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                continue;
            };
            definitions
                .entry(definition)
                .or_default()
                .insert(field, MergeEntry::parse(how, patch));
        }
        Self { definitions }
    }

    /// How a field of a definition merges, where that is not as a whole.
    pub(crate) fn get(&self, definition: &str, field: &str) -> Option<&MergeEntry> {
        self.definitions.get(definition)?.get(field)
    }

    /// Whether a definition is always replaced as a whole.
    pub(crate) fn atomic(&self, definition: &str) -> bool {
        self.get(definition, "-")
            .is_some_and(|entry| entry.atomic_map == Some(true))
    }
}

impl MergeEntry {
    fn parse(how: &'static str, patch: &'static str) -> Self {
        let keys = how
            .strip_prefix("map(")
            .and_then(|rest| rest.strip_suffix(')'));
        let list = match (keys, how) {
            (Some(keys), _) => Some(ListType::Map(keys.split(',').map(Into::into).collect())),
            (None, "set") => Some(ListType::Set),
            _ => None,
        };
        let atomic_map = match how {
            "atomic" => Some(true),
            "granular" => Some(false),
            _ => None,
        };
        let (words, key) = match patch.split_once(':') {
            Some((words, key)) => (words, Some(key.into())),
            None if patch == "-" => ("", None),
            None => (patch, None),
        };
        let has = |word: &str| words.split(',').any(|w| w == word);
        let strategy = PatchStrategy {
            merge: has("merge"),
            replace: has("replace"),
            retain_keys: has("retainKeys"),
            key,
        };
        Self {
            list,
            atomic_map,
            patch: strategy,
            patch_words: words,
        }
    }

    /// The same field, merging as this says.
    pub(crate) fn applied_to(&self, node: &Node) -> Node {
        let mut node = node.clone();
        match &mut node.shape {
            Shape::Array(array) => {
                if let Some(list) = &self.list {
                    array.list = list.clone();
                }
            }
            Shape::Object(object) => {
                if let Some(atomic) = self.atomic_map {
                    object.atomic = atomic;
                }
            }
            Shape::Any | Shape::Scalar(_) => {}
        }
        node.patch = self.patch.clone();
        node
    }

    fn write(&self, schema: &mut Map<String, Value>) {
        match &self.list {
            Some(ListType::Map(keys)) => {
                schema.insert("x-kubernetes-list-type".to_owned(), json!("map"));
                schema.insert("x-kubernetes-list-map-keys".to_owned(), json!(keys));
            }
            Some(ListType::Set) => {
                schema.insert("x-kubernetes-list-type".to_owned(), json!("set"));
            }
            Some(ListType::Atomic) | None => {}
        }
        if let Some(atomic) = self.atomic_map {
            let word = if atomic { "atomic" } else { "granular" };
            schema.insert("x-kubernetes-map-type".to_owned(), json!(word));
        }
        if !self.patch_words.is_empty() {
            schema.insert(
                "x-kubernetes-patch-strategy".to_owned(),
                json!(self.patch_words),
            );
        }
        if let Some(key) = &self.patch.key {
            schema.insert("x-kubernetes-patch-merge-key".to_owned(), json!(key));
        }
    }
}
