//! Resources that are accepted but that nothing acts on yet: says so in their status, so that nobody waits in vain.
//!
//! What it does: puts one `Warning` condition on each resource of a kind in `not_acted_on::KINDS`. What it reads: these
//! resources, and whose their Kafka is. Invariants: writes only where the Kafka is claimed by us or, for kinds that
//! name no Kafka, where no Strimzi can be (its StrimziPodSet is not defined); writes nothing that is there already.
//!
//! Not here: which kinds these are (`model`); a kind leaves that list when a loop looks after it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::watcher::{Config, Event};
use model::desired::parse::not_acted_on;
use model::observed::identity::CLAIMED_BY;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::error::Chain;
use crate::hands::Hands;
use crate::kinds::{self, Kind};
use crate::watch::{self, CLUSTER_LABEL};

/// How long until a resource is looked at again whose Kafka was not ours, or whose status could not be written.
const AGAIN: Duration = Duration::from_secs(10);

/// Plural names, by kind.
const PLURALS: &[(&str, &str)] = &[
    ("KafkaTopic", "kafkatopics"),
    ("KafkaUser", "kafkausers"),
    ("KafkaRebalance", "kafkarebalances"),
    ("KafkaConnect", "kafkaconnects"),
    ("KafkaConnector", "kafkaconnectors"),
    ("KafkaMirrorMaker2", "kafkamirrormaker2s"),
    ("KafkaBridge", "kafkabridges"),
];

/// Kinds whose label names a Kafka; the others stand alone.
const OF_A_KAFKA: &[&str] = &["KafkaTopic", "KafkaUser", "KafkaRebalance"];

/// Tells until dropped.
pub(crate) fn start(hands: &Hands) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for (kind, instead) in not_acted_on::KINDS {
        let Some((_, plural)) = PLURALS.iter().find(|(of, _)| *of == kind) else {
            continue;
        };
        let kind = Kind {
            group: "kafka.strimzi.io",
            version: "v1",
            kind,
            plural,
            namespaced: true,
        };
        let scopes = match hands.settings.namespaces.as_slice() {
            [] => vec![None],
            some => some.iter().cloned().map(Some).collect(),
        };
        for scope in scopes {
            tasks.spawn(tell_all(hands.clone(), kind, scope, instead));
        }
    }
    tasks
}

async fn tell_all(hands: Hands, kind: Kind, scope: Option<String>, instead: &'static str) {
    let resource = kind.api_resource();
    let api: Api<DynamicObject> = match &scope {
        Some(namespace) => Api::namespaced_with(hands.client.clone(), namespace, &resource),
        None => Api::all_with(hands.client.clone(), &resource),
    };
    let mut events = Box::pin(watch::events(api, Config::default()));
    let mut again: BTreeSet<Waiting> = BTreeSet::new();
    let mut ticks = tokio::time::interval(AGAIN);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let due: Vec<Waiting> = tokio::select! {
            event = events.next() => match event {
                Some(Ok(Event::Apply(object) | Event::InitApply(object))) => {
                    if is_told(kind, &object, instead) {
                        continue;
                    }
                    vec![waiting(kind, &object)]
                }
                Some(Ok(Event::Delete(_) | Event::Init | Event::InitDone) | Err(_)) => continue,
                None => return,
            },
            _ = ticks.tick(), if !again.is_empty() => std::mem::take(&mut again).into_iter().collect(),
        };
        // Whose they are is asked once a round for all that stand or fall together.
        let mut ours: BTreeMap<(String, Option<String>), bool> = BTreeMap::new();
        for resource in due {
            let whose = (resource.namespace.clone(), resource.kafka.clone());
            let is_ours = match ours.get(&whose) {
                Some(known) => Ok(*known),
                None => is_ours(&hands, &resource).await,
            };
            let told = match is_ours {
                Ok(is_ours) => {
                    ours.insert(whose, is_ours);
                    if is_ours && hands.permit.held() {
                        tell(&hands, kind, &resource, instead).await
                    } else {
                        Ok(false)
                    }
                }
                Err(error) => Err(error),
            };
            if let Err(error) = &told {
                tracing::debug!(kind = kind.kind, name = resource.name, error = %Chain(error), "cannot tell that nothing is done");
            }
            if !matches!(told, Ok(true)) {
                again.insert(resource);
            }
        }
    }
}

/// A resource that is to be told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    namespace: String,
    name: String,
    /// The Kafka that its label names; `None` for kinds that stand alone.
    kafka: Option<String>,
}

fn waiting(kind: Kind, object: &DynamicObject) -> Waiting {
    let label = || object.labels().get(CLUSTER_LABEL).cloned();
    Waiting {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
        kafka: OF_A_KAFKA
            .contains(&kind.kind)
            .then(|| label().unwrap_or_default()),
    }
}

/// Tells one resource, if it is there and was not told; whether there is nothing left to tell.
async fn tell(
    hands: &Hands,
    kind: Kind,
    resource: &Waiting,
    instead: &str,
) -> Result<bool, kube::Error> {
    let Waiting {
        namespace, name, ..
    } = resource;
    let api: Api<DynamicObject> =
        Api::namespaced_with(hands.client.clone(), namespace, &kind.api_resource());
    let Some(object) = api.get_opt(name).await? else {
        return Ok(true);
    };
    if is_told(kind, &object, instead) {
        return Ok(true);
    }
    let status = json!({ "status": {
        "observedGeneration": object.metadata.generation,
        "conditions": [{
            "type": "Warning",
            "status": "True",
            "reason": "NotActedOn",
            "message": message(kind.kind, instead),
            "lastTransitionTime": hands.clock.now().to_string(),
        }],
    }});
    let params = PatchParams {
        field_manager: Some("klamm".to_owned()),
        ..PatchParams::default()
    };
    api.patch_status(name, &params, &Patch::Merge(&status))
        .await?;
    Ok(true)
}

fn message(kind: &str, instead: &str) -> String {
    format!(
        "{kind} is accepted, but {instead} (klamm {}).",
        env!("CARGO_PKG_VERSION")
    )
}

fn is_told(kind: Kind, object: &DynamicObject, instead: &str) -> bool {
    let status = &object.data["status"];
    let conditions = status["conditions"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    status["observedGeneration"].as_i64() == object.metadata.generation
        && conditions.iter().any(|condition| {
            condition["type"] == "Warning"
                && condition["message"] == Value::String(message(kind.kind, instead))
        })
}

async fn is_ours(hands: &Hands, resource: &Waiting) -> Result<bool, kube::Error> {
    let within = |kind: Kind| kind.metadata_within(&hands.client, &resource.namespace);
    let Some(kafka) = &resource.kafka else {
        let any = kube::api::ListParams::default().limit(1);
        return match within(kinds::STRIMZI_POD_SET).list_metadata(&any).await {
            Ok(_) => Ok(false),
            Err(kube::Error::Api(refused)) if refused.code == 404 => Ok(true),
            Err(error) => Err(error),
        };
    };
    if kafka.is_empty() {
        return Ok(false);
    }
    match within(kinds::KAFKA).get_metadata(kafka).await {
        Ok(kafka) => Ok(kafka.annotations().get(CLAIMED_BY) == Some(&hands.settings.name)),
        Err(kube::Error::Api(refused)) if refused.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}
