//! A node's ConfigMap, read back: the configuration it was made with, whatever users want by now.

use std::collections::BTreeMap;

use model::observed::identity::{CONFIGURATION, POD_RECORD};
use model::observed::object::Meta;
use model::runner::{RUNNER_CONFIG_KEY, RunnerConfig};
use serde_json::Value;

use crate::cluster::view::View;
use crate::differ;

/// What a node was configured with.
#[derive(Debug, Clone)]
pub(crate) struct Record<'a> {
    pub(crate) meta: &'a Meta,
    pub(crate) data: BTreeMap<String, String>,
    /// `None` where it was written by a version that we do not understand.
    pub(crate) runner: Option<RunnerConfig>,
}

impl<'a> Record<'a> {
    /// Reads the record of a Pod, unless it is going.
    pub(crate) fn read(view: &View<'a>, pod: &str) -> Option<Self> {
        let object = view.object("ConfigMap", pod)?;
        let data = data_of(&object.body);
        let runner = data
            .get(RUNNER_CONFIG_KEY)
            .and_then(|text| serde_json::from_str(text).ok());
        Some(Self {
            meta: &object.meta,
            data,
            runner,
        })
    }

    /// Its Pod as rendered; `None` where there is no readable one.
    pub(crate) fn pod(&self) -> Option<Value> {
        serde_json::from_str(self.data.get(POD_RECORD)?).ok()
    }

    /// Volume id → directory id that the node was told to expect.
    pub(crate) fn directories(&self) -> BTreeMap<u32, String> {
        let dirs = self.runner.iter().flat_map(|runner| &runner.log_dirs);
        dirs.filter_map(|dir| Some((dir.volume.0, dir.directory_id.clone()?)))
            .collect()
    }

    /// The hash that a Pod made from it carries.
    pub(crate) fn hash(&self) -> String {
        hash_of(&self.data)
    }

    /// Whether the Pod with these annotations was made from it. One without our annotation was made by somebody else;
    /// it is left alone.
    pub(crate) fn made(&self, pod: &Meta) -> bool {
        pod.annotations
            .get(CONFIGURATION)
            .is_none_or(|hash| *hash == self.hash())
    }
}

/// `data` of a ConfigMap.
pub(crate) fn data_of(object: &Value) -> BTreeMap<String, String> {
    let data = object.get("data").and_then(Value::as_object);
    data.into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// The hash of a ConfigMap's data.
pub(crate) fn hash_of(data: &BTreeMap<String, String>) -> String {
    differ::hash(
        data.iter()
            .flat_map(|(key, value)| [key.as_str(), value.as_str()]),
    )
}
