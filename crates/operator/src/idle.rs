//! Resources that are accepted but that nothing acts on yet: says so in their status, so that nobody waits in vain.
//!
//! What it does: puts one `Warning` condition on each resource of a kind in `not_acted_on::KINDS`. What it reads: these
//! resources, and whose their Kafka is. Invariants: writes only where the Kafka is claimed by us or, for kinds that
//! name no Kafka, where no Strimzi can be (its StrimziPodSet is not defined); writes nothing that is there already.
//!
//! Not here: which kinds these are (`model`); a kind leaves that list when a loop looks after it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::watcher::{Config, Event};
use kube::runtime::{WatchStreamExt, watcher};
use model::desired::parse::not_acted_on;
use model::observed::identity::CLAIMED_BY;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::error::Chain;
use crate::hands::Hands;
use crate::kinds::{self, Kind};
use crate::watch::CLUSTER_LABEL;

/// How long until a resource is looked at again whose Kafka was not ours, or whose status could not be written.
const AGAIN: Duration = Duration::from_secs(5);

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
    let mut events = Box::pin(watcher(api, Config::default()).default_backoff());
    let mut again = BTreeSet::new();
    let mut ticks = tokio::time::interval(AGAIN);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let due: Vec<(String, String)> = tokio::select! {
            event = events.next() => match event {
                Some(Ok(Event::Apply(object) | Event::InitApply(object))) => vec![key(&object)],
                Some(Ok(Event::Delete(_) | Event::Init | Event::InitDone) | Err(_)) => continue,
                None => return,
            },
            _ = ticks.tick(), if !again.is_empty() => std::mem::take(&mut again).into_iter().collect(),
        };
        for (namespace, name) in due {
            let api = Api::namespaced_with(hands.client.clone(), &namespace, &resource);
            match tell(&hands, &api, kind, &name, instead).await {
                Ok(true) => {}
                Ok(false) => {
                    again.insert((namespace, name));
                }
                Err(error) => {
                    tracing::debug!(kind = kind.kind, name, error = %Chain(&error), "cannot tell that nothing is done");
                    again.insert((namespace, name));
                }
            }
        }
    }
}

fn key(object: &DynamicObject) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Whether the resource is told, or gone, or nobody's business of ours for good.
async fn tell(
    hands: &Hands,
    api: &Api<DynamicObject>,
    kind: Kind,
    name: &str,
    instead: &str,
) -> Result<bool, kube::Error> {
    let Some(object) = api.get_opt(name).await? else {
        return Ok(true);
    };
    if is_told(&object, instead) {
        return Ok(true);
    }
    if !is_ours(hands, kind, &object).await? || !hands.permit.held() {
        return Ok(false);
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

fn is_told(object: &DynamicObject, instead: &str) -> bool {
    let kind = object
        .types
        .as_ref()
        .map(|types| types.kind.as_str())
        .unwrap_or_default();
    let status = &object.data["status"];
    let conditions = status["conditions"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    status["observedGeneration"].as_i64() == object.metadata.generation
        && conditions.iter().any(|condition| {
            condition["type"] == "Warning"
                && condition["message"] == Value::String(message(kind, instead))
        })
}

async fn is_ours(hands: &Hands, kind: Kind, object: &DynamicObject) -> Result<bool, kube::Error> {
    if !OF_A_KAFKA.contains(&kind.kind) {
        let sets = kinds::STRIMZI_POD_SET.metadata_everywhere(&hands.client);
        return match sets
            .list_metadata(&kube::api::ListParams::default().limit(1))
            .await
        {
            Ok(_) => Ok(false),
            Err(kube::Error::Api(refused)) if refused.code == 404 => Ok(true),
            Err(error) => Err(error),
        };
    }
    let (Some(cluster), Some(namespace)) = (object.labels().get(CLUSTER_LABEL), object.namespace())
    else {
        return Ok(false);
    };
    let kafkas = kinds::KAFKA.metadata_within(&hands.client, &namespace);
    let kafka = match kafkas.get_metadata(cluster).await {
        Ok(kafka) => kafka,
        Err(kube::Error::Api(refused)) if refused.code == 404 => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(kafka.annotations().get(CLAIMED_BY) == Some(&hands.settings.name))
}
