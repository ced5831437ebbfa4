//! Which resources there are: the built-in table and the CRDs that are stored.
//!
//! Reads: `CustomResourceDefinition`s in the store, at start and after each write to one.
//! Not here: what their fields may be ([`crate::schema`]), what a CRD itself may say ([`crate::crd`]).

mod builtin;
mod custom;
pub(crate) mod events;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::failure::{Failure, qualified};
use crate::schema::Schema;
use crate::store::{Key, Range, Record, Store};

/// Where `scale` finds its numbers, as dotted paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScalePaths {
    /// e.g. `spec.replicas`
    pub(crate) spec_replicas: String,
    /// e.g. `status.replicas`
    pub(crate) status_replicas: String,
    /// e.g. `status.selector`; a label selector or its text.
    pub(crate) selector: Option<String>,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its heading.
    pub(crate) name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub(crate) kind: String,
    /// Display hint, e.g. `name`.
    pub(crate) format: String,
    /// What it shows.
    pub(crate) description: String,
    /// 0 is shown always, 1 in wide output.
    pub(crate) priority: i64,
    /// Where the value is, e.g. `.spec.replicas`; empty for built-in kinds.
    pub(crate) path: String,
}

/// Where a resource comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Compiled in.
    Builtin,
    /// Defined by a CRD at this revision.
    Custom(u64),
}

/// One resource at one version.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent property that discovery tells"
)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    /// Whether `status` is written apart from the rest.
    pub(crate) status: bool,
    /// Whether `metadata.generation` counts changes of what is asked.
    pub(crate) generation: bool,
    pub(crate) scale: Option<ScalePaths>,
    /// Other subresources, e.g. `log`.
    pub(crate) subresources: &'static [&'static str],
    /// Whether there are objects; reviews only answer.
    pub(crate) stored: bool,
    pub(crate) source: Source,
    /// Group and version the objects are stored in.
    pub(crate) storage: (String, String),
    pub(crate) columns: Vec<Column>,
    /// Field paths a CRD makes selectable, without the leading dot.
    pub(crate) selectable: Vec<String>,
    /// Said to everybody who uses this version.
    pub(crate) deprecation: Option<String>,
    /// The stored definition of a custom resource.
    pub(crate) definition: Option<Record>,
    schema: OnceLock<Result<Arc<Schema>, String>>,
}

impl Resource {
    /// `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// `apiVersion` of the stored objects.
    pub(crate) fn storage_api_version(&self) -> String {
        api_version(&self.storage.0, &self.storage.1)
    }

    /// `pods`, `deployments.apps`.
    pub(crate) fn qualified(&self) -> String {
        qualified(&self.group, &self.plural)
    }

    /// Whether this is the built-in resource of that group and plural.
    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.source == Source::Builtin && self.group == group && self.plural == plural
    }

    /// Whether this is a built-in resource of the core group.
    pub(crate) fn is_core(&self, plural: &str) -> bool {
        self.is("", plural)
    }

    /// What to warn whoever writes one of its objects of: that nothing here acts on it.
    ///
    /// Built-in kinds that a Kubernetes cluster has controllers, a proxy or a network for, and this server has not.
    pub(crate) fn unattended(&self) -> Option<String> {
        let missing = match (self.group.as_str(), self.plural.as_str()) {
            _ if self.source != Source::Builtin => return None,
            ("apps", "daemonsets" | "deployments" | "replicasets" | "statefulsets")
            | ("batch", "cronjobs" | "jobs")
            | ("", "replicationcontrollers") => "makes no Pods of it; create Pods instead",
            ("autoscaling", "horizontalpodautoscalers") => "scales nothing by it",
            ("networking.k8s.io", "ingresses") => "routes no requests by it; use the Service",
            ("networking.k8s.io", "networkpolicies") => "keeps no connection out by it",
            ("", "limitranges" | "resourcequotas") => "limits nothing by it",
            ("admissionregistration.k8s.io", _) => {
                "asks no webhook and no policy when objects are written"
            }
            ("apiregistration.k8s.io", _) => "forwards no requests by it",
            _ => return None,
        };
        Some(format!(
            "{} {} is stored and served, but klamm's own API server {missing}",
            self.api_version(),
            self.kind
        ))
    }

    /// The key of one of its objects.
    pub(crate) fn key(&self, namespace: &str, name: &str) -> Key {
        Key::new(&self.storage.0, &self.plural, namespace, name)
    }

    /// What the keys of its objects begin with.
    pub(crate) fn prefix(&self, namespace: Option<&str>) -> String {
        Key::prefix(&self.storage.0, &self.plural, namespace)
    }

    /// Its schema, made on first use.
    pub(crate) fn schema(&self) -> Result<Arc<Schema>, Failure> {
        self.schema
            .get_or_init(|| self.build_schema())
            .clone()
            .map_err(Failure::internal)
    }

    fn build_schema(&self) -> Result<Arc<Schema>, String> {
        if self.source == Source::Builtin {
            return Schema::builtin(&self.group, &self.version, &self.kind)
                .ok_or_else(|| format!("no schema for {} {}", self.api_version(), self.kind));
        }
        let crd = self
            .crd()
            .ok_or_else(|| format!("the definition of {} is gone", self.qualified()))?;
        Schema::from_crd(&crd, &self.version)
            .map(Arc::new)
            .map_err(|causes| {
                let lines: Vec<String> = causes
                    .iter()
                    .map(|c| format!("{}: {}", c.field, c.message))
                    .collect();
                format!(
                    "the schema of {} cannot be used: {}",
                    self.qualified(),
                    lines.join(", ")
                )
            })
    }

    /// The definition of a custom resource.
    pub(crate) fn crd(&self) -> Option<Value> {
        serde_json::from_slice(&self.definition.as_ref()?.json).ok()
    }

    /// Whether an object may lack defaults of, or have fields unknown to, the schema as it is now.
    pub(crate) fn outgrew(&self, record: &Record) -> bool {
        matches!(self.source, Source::Custom(defined) if record.revision != 0 && record.revision < defined)
    }
}

/// `v1`, `apps/v1`.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// `("apps", "v1")` of `apps/v1`, `("", "v1")` of `v1`.
pub(crate) fn split_api_version(text: &str) -> (&str, &str) {
    text.split_once('/').unwrap_or(("", text))
}

/// The group of `CustomResourceDefinition`s.
pub(crate) const CRD_GROUP: &str = "apiextensions.k8s.io";
/// Their plural.
pub(crate) const CRD_PLURAL: &str = "customresourcedefinitions";

/// All resources at one moment.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    resources: BTreeMap<(String, String, String), Arc<Resource>>,
    /// Groups in the order they are told, each with its versions, the preferred one first.
    groups: Vec<(String, Vec<String>)>,
    /// The resources of each definition, and the revision they were read from.
    defined: BTreeMap<Key, (u64, Vec<Arc<Resource>>)>,
}

impl Registry {
    /// Built-in resources and those of the CRDs in the store; unchanged ones are taken from `previous`.
    pub(crate) fn load(store: &Store, previous: Option<&Self>) -> Self {
        let mut registry = Self::default();
        for resource in builtin::all() {
            let kept =
                previous.and_then(|p| p.find(&resource.group, &resource.version, &resource.plural));
            registry.insert(kept.unwrap_or_else(|| Arc::new(resource)));
        }
        let prefix = Key::prefix(CRD_GROUP, CRD_PLURAL, None);
        let range = Range {
            prefix: &prefix,
            ..Range::default()
        };
        let definitions = store.list(range, |_, _| true).unwrap_or_default();
        for (key, record) in definitions.items {
            let kept = previous
                .and_then(|p| p.defined.get(&key))
                .filter(|(revision, _)| *revision == record.revision);
            let resources = match kept {
                Some((_, resources)) => resources.clone(),
                None => match custom::resources(&record) {
                    Ok(resources) => resources.into_iter().map(Arc::new).collect(),
                    Err(error) => {
                        tracing::error!(%key, %error, "a stored definition is not JSON");
                        continue;
                    }
                },
            };
            for resource in &resources {
                registry.insert(Arc::clone(resource));
            }
            registry.defined.insert(key, (record.revision, resources));
        }
        registry
    }

    fn insert(&mut self, resource: Arc<Resource>) {
        let (group, version) = (resource.group.clone(), resource.version.clone());
        match self.groups.iter_mut().find(|(name, _)| *name == group) {
            Some((_, versions)) => {
                if !versions.contains(&version) {
                    versions.push(version.clone());
                    versions.sort_by(|a, b| compare_versions(b, a));
                }
            }
            None => self.groups.push((group.clone(), vec![version.clone()])),
        }
        self.resources
            .insert((group, version, resource.plural.clone()), resource);
    }

    /// The resource at a path.
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        self.resources
            .get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
            .cloned()
    }

    /// The resource of a kind, as owner references name it.
    pub(crate) fn find_kind(
        &self,
        group: &str,
        version: &str,
        kind: &str,
    ) -> Option<Arc<Resource>> {
        self.of_version(group, version)
            .find(|r| r.kind == kind && r.stored)
            .or_else(|| {
                self.resources
                    .values()
                    .find(|r| r.group == group && r.kind == kind && r.stored)
            })
            .cloned()
    }

    /// The resource behind a stored key, at the version it is stored in.
    pub(crate) fn of_key(&self, key: &Key) -> Option<Arc<Resource>> {
        let (group, plural, _, _) = key.parts();
        self.resources
            .values()
            .filter(|r| r.group == group && r.plural == plural)
            .find(|r| r.storage.1 == r.version)
            .cloned()
    }

    /// Groups with their versions, the preferred one first; the core group comes first.
    pub(crate) fn groups(&self) -> &[(String, Vec<String>)] {
        &self.groups
    }

    /// The resources of a group version, by plural.
    pub(crate) fn of_version<'a>(
        &'a self,
        group: &str,
        version: &str,
    ) -> impl Iterator<Item = &'a Arc<Resource>> {
        let start = (group.to_owned(), version.to_owned(), String::new());
        let (group, version) = (group.to_owned(), version.to_owned());
        self.resources
            .range(start..)
            .map(|(_, r)| r)
            .take_while(move |r| r.group == group && r.version == version)
    }

    /// All resources that have objects, one per stored kind.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources
            .values()
            .filter(|r| r.stored && r.storage.0 == r.group && r.storage.1 == r.version)
    }
}

/// Kubernetes' order of versions: `v2` > `v1` > `v1beta2` > `v1beta1` > `v1alpha1` > anything else.
fn compare_versions(a: &str, b: &str) -> std::cmp::Ordering {
    fn rank(version: &str) -> Option<(u8, u64, u64)> {
        let digits = |text: &str| {
            text.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len())
        };
        let rest = version.strip_prefix('v')?;
        let (major, tail) = rest.split_at(digits(rest));
        let major = major.parse().ok()?;
        if tail.is_empty() {
            return Some((2, major, 0));
        }
        let (stage, minor) = match (tail.strip_prefix("beta"), tail.strip_prefix("alpha")) {
            (Some(minor), _) => (1, minor),
            (None, Some(minor)) => (0, minor),
            (None, None) => return None,
        };
        Some((stage, major, minor.parse().ok()?))
    }
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => std::cmp::Ordering::Greater,
        (None, Some(_)) => std::cmp::Ordering::Less,
        (None, None) => b.cmp(a),
    }
}

#[cfg(test)]
mod tests;
