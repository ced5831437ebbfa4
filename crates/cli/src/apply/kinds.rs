//! Which kinds the API server serves, asked before anything is applied: a kind that it does not know is an error of the
//! document, told with what there is instead.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kube::Client;
use kube::core::GroupVersionKind;
use kube::discovery::{ApiCapabilities, ApiResource, Discovery};
use model::problem::Problem;
use model::validate::{Document, Located};
use resources::{Violation, ViolationKind, words};
use serde_json::{Value, json};

use super::{kind_of, text};

#[cfg(test)]
mod tests;

/// What the API server serves.
pub(super) struct Kinds {
    client: Client,
    discovery: Discovery,
}

/// How long a definition may take until its kind is served.
const SERVED_WITHIN: Duration = Duration::from_secs(10);

impl Kinds {
    pub(super) async fn ask(client: &Client) -> Result<Self> {
        Ok(Self {
            client: client.clone(),
            discovery: discover(client).await?,
        })
    }

    /// What is wrong with the kinds of the documents; one whose definition is among them comes to be served.
    pub(super) fn problems(&self, documents: &[Document]) -> Vec<Located<Problem>> {
        let mut served = self.served();
        served.extend(
            documents
                .iter()
                .flat_map(|document| defined_by(&document.object)),
        );
        documents
            .iter()
            .filter_map(|document| {
                let object = &document.object;
                let (api, kind) = (text(object, "/apiVersion"), kind_of(object));
                let violation = not_served(&api, kind, &served).or_else(|| unnamed(object))?;
                Some(document.problem(violation))
            })
            .collect()
    }

    /// apiVersion and kind of all.
    fn served(&self) -> BTreeSet<(String, String)> {
        let mut served = BTreeSet::new();
        for group in self.discovery.groups() {
            for version in group.versions() {
                let resources = group.versioned_resources(version).into_iter();
                served.extend(resources.map(|(resource, _)| (resource.api_version, resource.kind)));
            }
        }
        served
    }

    /// Where objects of a kind are; of one that was defined just now, once it is served.
    pub(super) async fn find(
        &mut self,
        gvk: &GroupVersionKind,
    ) -> Result<(ApiResource, ApiCapabilities)> {
        let begun = Instant::now();
        loop {
            if let Some(found) = self.discovery.resolve_gvk(gvk) {
                return Ok(found);
            }
            if begun.elapsed() > SERVED_WITHIN {
                bail!(
                    "the API server does not serve {} {} {} s after its definition was applied",
                    gvk.api_version(),
                    gvk.kind,
                    SERVED_WITHIN.as_secs()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.discovery = discover(&self.client).await?;
        }
    }
}

async fn discover(client: &Client) -> Result<Discovery> {
    Discovery::new(client.clone())
        .run()
        .await
        .context("asking the API server what it serves")
}

/// What is applied has a name: with `generateName` each time would make another object.
fn unnamed(object: &Value) -> Option<Violation> {
    let prefix = text(object, "/metadata/generateName");
    text(object, "/metadata/name").is_empty().then(|| Violation {
        path: "metadata.name".to_owned(),
        kind: ViolationKind::MissingField,
        given: String::new(),
        allowed: "a name, also where there is a generateName: it is applied, not created anew each time".to_owned(),
        example: format!("{prefix}1"),
    })
}

/// What a definition of a kind makes the API server serve.
fn defined_by(object: &Value) -> Vec<(String, String)> {
    if kind_of(object) != "CustomResourceDefinition" {
        return Vec::new();
    }
    let (group, kind) = (
        text(object, "/spec/group"),
        text(object, "/spec/names/kind"),
    );
    let versions = object["spec"]["versions"].as_array().into_iter().flatten();
    versions
        .filter_map(|version| version["name"].as_str())
        .map(|version| (format!("{group}/{version}"), kind.clone()))
        .collect()
}

fn not_served(api: &str, kind: &str, served: &BTreeSet<(String, String)>) -> Option<Violation> {
    if served.iter().any(|(of, name)| of == api && name == kind) {
        return None;
    }
    let of_api = || served.iter().filter(|(of, _)| of == api);
    let of_kind = || {
        let found = served.iter().filter(|(_, name)| name == kind);
        found.map(|(api, _)| api.as_str())
    };
    let apis: BTreeSet<&str> = served.iter().map(|(api, _)| api.as_str()).collect();
    let violation = |field: &str, given: &str, allowed: String, example: &str| Violation {
        path: field.to_owned(),
        kind: ViolationKind::InvalidValue,
        given: given.to_owned(),
        allowed,
        example: example.to_owned(),
    };
    let is_ours = resources::check(&json!({"apiVersion": api, "kind": kind})).is_some();
    if is_ours {
        let allowed = "nothing of this kind while its definition is missing here; `klamm crds | kubectl apply --server-side -f -` brings it back";
        return Some(violation("kind", kind, allowed.to_owned(), ""));
    }
    let right = of_kind().next();
    Some(match right {
        Some(right) => {
            let allowed = format!("{}, where {kind} is", words::one_of(of_kind()));
            violation("apiVersion", api, allowed, right)
        }
        None if of_api().next().is_some() => {
            let kinds = || of_api().map(|(_, name)| name.as_str());
            let nearest = words::nearest(kind, kinds()).or_else(|| kinds().next());
            let allowed = format!("{} with apiVersion {api}", words::one_of(kinds()));
            violation("kind", kind, allowed, nearest.unwrap_or_default())
        }
        None => {
            let allowed = format!(
                "{}, or one that a CustomResourceDefinition among the documents brings",
                words::one_of(apis.iter().copied())
            );
            let nearest = words::nearest(api, apis.iter().copied());
            violation("apiVersion", api, allowed, nearest.unwrap_or("apps/v1"))
        }
    })
}
