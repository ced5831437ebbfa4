//! The ConfigMap of a server: what it was made with, whatever users want by now.

use std::collections::BTreeMap;

use manifests::store::{Member, Program};
use manifests::to_value;
use model::observed::identity::POD_RECORD;
use serde_json::Value;

use crate::cluster::record::{data_of, hash_of};
use crate::cluster::render::Renderer;
use crate::cluster::view::View;

/// Label with what a server is.
const COMPONENT: &str = "strimzi.io/component-type";

/// What a server was made with.
#[derive(Debug, Clone)]
pub(super) struct StoreRecord {
    pub(super) uid: String,
    pub(super) data: BTreeMap<String, String>,
    component: String,
}

/// The ConfigMap of a server as it is wanted now, with the record of its Pod.
pub(super) fn render(renderer: &Renderer<'_>, member: Member) -> Value {
    let input = renderer.input();
    let pod = manifests::store::render_pod(&input, member);
    let mut object = to_value(&manifests::store::config_map::render(&input, member));
    let data = object.as_object_mut().map(|object| {
        object
            .entry("data")
            .or_insert_with(|| serde_json::json!({}))
    });
    if let Some(data) = data.and_then(Value::as_object_mut) {
        data.insert(
            POD_RECORD.to_owned(),
            Value::String(to_value(&pod).to_string()),
        );
    }
    object
}

impl StoreRecord {
    pub(super) fn read(view: &View<'_>, pod: &str) -> Option<Self> {
        let object = view.object("ConfigMap", pod)?;
        let component = object.meta.labels.get(COMPONENT)?;
        ["zookeeper", "etcd"]
            .contains(&component.as_str())
            .then(|| Self {
                uid: object.meta.uid.clone(),
                data: data_of(&object.body),
                component: component.clone(),
            })
    }

    /// Which server it is of.
    pub(super) fn member(&self, cluster: &str, name: &str) -> Option<Member> {
        let rest = name.strip_prefix(cluster)?.strip_prefix('-')?;
        let server = rest
            .strip_prefix(self.component.as_str())?
            .strip_prefix('-')?
            .parse()
            .ok()?;
        let through_runner = self
            .data
            .contains_key(model::runner::store::STORE_CONFIG_KEY);
        let program = match (self.component.as_str(), through_runner) {
            ("etcd", _) => Program::Etcd,
            (_, true) => Program::ZooKeeper,
            (_, false) => Program::Gateway,
        };
        Some(Member { program, server })
    }

    pub(super) fn pod(&self) -> Option<Value> {
        serde_json::from_str(self.data.get(POD_RECORD)?).ok()
    }

    /// The account of its Pod, without which the API server refuses it.
    pub(super) fn account(&self) -> Option<String> {
        let pod = self.pod()?;
        let account = pod.pointer("/spec/serviceAccountName")?;
        account.as_str().map(str::to_owned)
    }

    /// Keys that differ from these data.
    pub(super) fn differing(&self, wanted: &Value) -> Vec<String> {
        let data = data_of(wanted);
        let keys: std::collections::BTreeSet<&String> =
            data.keys().chain(self.data.keys()).collect();
        keys.into_iter()
            .filter(|key| data.get(*key) != self.data.get(*key))
            .cloned()
            .collect()
    }

    /// The hash that a Pod made from it carries. Klamm's own image is not in it: its version is never a reason to
    /// restart anything, and comes with the next restart.
    pub(super) fn hash(&self) -> String {
        let mut data = self.data.clone();
        if let Some(mut pod) = self.pod() {
            for list in ["/spec/initContainers", "/spec/containers"] {
                let containers = pod.pointer_mut(list).and_then(Value::as_array_mut);
                for container in containers.into_iter().flatten() {
                    let own = container["command"][0] == "/klamm";
                    if let (true, Some(container)) = (own, container.as_object_mut()) {
                        container.remove("image");
                        container.remove("imagePullPolicy");
                    }
                }
            }
            data.insert(POD_RECORD.to_owned(), pod.to_string());
        }
        hash_of(&data)
    }
}
