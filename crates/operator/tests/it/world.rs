//! One control plane, one kubelet, and operators that come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use control_plane::ControlPlane;
use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, ResourceExt};
use operator::clock::Clock;
use operator::faults::{Call, Fault, Faults};
use operator::kinds::{self, Kind};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::kubelet::Kubelet;

const START: &str = "2026-11-20T12:00:00Z";

pub(crate) struct World {
    pub(crate) client: kube::Client,
    pub(crate) kubelet: Kubelet,
    clock: Clock,
    running: JoinHandle<()>,
    _control_plane: ControlPlane,
}

impl Drop for World {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// An operator that runs until it is stopped or crashes.
pub(crate) struct Operator {
    task: JoinHandle<Result<(), operator::Error>>,
    stop: CancellationToken,
}

impl Operator {
    /// Ends it in good order.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Ends it as a crash does: nothing it was about to do is done.
    pub(crate) async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// How many writes an operator sent, heartbeats left out, and how often it looked.
#[derive(Clone, Default)]
pub(crate) struct Writes {
    writes: Arc<AtomicU64>,
    looks: Arc<AtomicU64>,
}

impl Writes {
    pub(crate) fn count(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    /// Every look reads its Kafka once.
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::SeqCst)
    }

    pub(crate) fn add(&self, call: &Call) {
        if call.is_write() && !call.is_heartbeat() {
            self.writes.fetch_add(1, Ordering::SeqCst);
        }
        if call.verb == "GET"
            && call
                .path
                .split('?')
                .next()
                .is_some_and(|path| path.contains("/kafkas/"))
        {
            self.looks.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let origin: Timestamp = START.parse().unwrap();
        let mut settings = control_plane::Settings::in_memory();
        settings.clock = control_plane::Clock::starting_at(origin);
        let control_plane = ControlPlane::open(settings).await.unwrap();
        let client = kube::Client::new(control_plane.service(), "default");
        let wanted = ["Kafka", "KafkaNodePool", "KafkaPlan"];
        let definitions = resources::crds_json();
        for definition in definitions.iter().filter(|crd| {
            wanted
                .iter()
                .any(|kind| crd["spec"]["names"]["kind"] == *kind)
        }) {
            apply(
                &client,
                "apiextensions.k8s.io/v1",
                "customresourcedefinitions",
                definition,
            )
            .await;
        }
        for kind in [kinds::KAFKA, kinds::KAFKA_NODE_POOL, kinds::KAFKA_PLAN] {
            let api = kind.everywhere(&client);
            while api.list(&ListParams::default().limit(1)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        let kubelet = Kubelet::new(client.clone());
        let running = tokio::spawn(kubelet.clone().run());
        Self {
            client,
            kubelet,
            clock: Clock::following_tokio(origin),
            running,
            _control_plane: control_plane,
        }
    }

    pub(crate) fn operator(&self) -> Operator {
        self.operator_with(Faults::default(), "a")
    }

    /// An operator whose writes are counted.
    pub(crate) fn counted_operator(&self) -> (Operator, Writes) {
        let writes = Writes::default();
        let counted = writes.clone();
        let faults = Faults::judged_by(move |call| {
            counted.add(call);
            Fault::None
        });
        (self.operator_with(faults, "a"), writes)
    }

    pub(crate) fn operator_with(&self, faults: Faults, identity: &str) -> Operator {
        let mut settings = operator::Settings::new("klamm", identity, "default");
        settings.clock = self.clock;
        settings.faults = faults;
        settings.network = self.kubelet.network();
        // Calls in one order, so that a crash point means the same in every run.
        settings.parallel_steps = 1;
        let stop = CancellationToken::new();
        let task = tokio::spawn(operator::run(self.client.clone(), settings, stop.clone()));
        Operator { task, stop }
    }

    pub(crate) async fn apply(&self, objects: &[Value]) {
        for object in objects {
            let kind = Kind::named(object["kind"].as_str().unwrap()).unwrap();
            let (namespace, name) = ("default", object["metadata"]["name"].as_str().unwrap());
            let parameters = PatchParams::apply("test").force();
            kind.within(&self.client, namespace)
                .patch(name, &parameters, &Patch::Apply(object))
                .await
                .unwrap();
        }
    }

    pub(crate) async fn delete(&self, kind: Kind, name: &str) {
        kind.within(&self.client, "default")
            .delete(name, &DeleteParams::background())
            .await
            .unwrap();
    }

    pub(crate) async fn get(&self, kind: Kind, name: &str) -> Option<DynamicObject> {
        kind.within(&self.client, "default")
            .get_opt(name)
            .await
            .unwrap()
    }

    pub(crate) async fn list(&self, kind: Kind) -> Vec<DynamicObject> {
        kind.within(&self.client, "default")
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
    }

    pub(crate) async fn names(&self, kind: Kind) -> Vec<String> {
        self.list(kind)
            .await
            .iter()
            .map(ResourceExt::name_any)
            .collect()
    }

    /// The notes of all events about a Kafka.
    pub(crate) async fn events(&self, kafka: &str) -> Vec<String> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), "default");
        let events = events.list(&ListParams::default()).await.unwrap();
        let about = |event: &Event| {
            event
                .regarding
                .as_ref()
                .is_some_and(|regarding| regarding.name.as_deref() == Some(kafka))
        };
        events
            .into_iter()
            .filter(about)
            .filter_map(|event| event.note)
            .collect()
    }

    /// The status of a condition of a Kafka: `True`, `False`, or nothing.
    pub(crate) async fn condition(&self, kafka: &str, kind: &str) -> Option<String> {
        let kafka = self.get(kinds::KAFKA, kafka).await?;
        let conditions = kafka.data["status"]["conditions"].as_array()?.clone();
        let found = conditions
            .iter()
            .find(|condition| condition["type"] == kind)?;
        found["status"].as_str().map(str::to_owned)
    }

    pub(crate) async fn is_ready(&self, kafka: &str) -> bool {
        self.condition(kafka, "Ready").await.as_deref() == Some("True")
    }

    /// Waits until `holds`; a failure prints what the Kafka says.
    pub(crate) async fn until<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        const BOUND: Duration = Duration::from_mins(10);
        const STEP: Duration = Duration::from_millis(250);
        let begun = tokio::time::Instant::now();
        while !holds().await {
            if begun.elapsed() > BOUND {
                let said: Vec<String> = self
                    .list(kinds::KAFKA)
                    .await
                    .iter()
                    .chain(&self.list(kinds::KAFKA_PLAN).await)
                    .chain(&self.list(kinds::POD).await)
                    .map(|object| serde_json::to_string_pretty(&object.data["status"]).unwrap())
                    .collect();
                panic!("waited in vain until {what}\n{}", said.join("\n"));
            }
            tokio::time::sleep(STEP).await;
        }
    }

    pub(crate) async fn until_ready(&self, kafka: &str) {
        self.until(&format!("{kafka} is ready"), || self.is_ready(kafka))
            .await;
    }
}

async fn apply(client: &kube::Client, api_version: &str, plural: &str, object: &Value) {
    let name = object["metadata"]["name"].as_str().unwrap();
    let uri = format!("/apis/{api_version}/{plural}/{name}?fieldManager=test&force=true");
    let request = http::Request::patch(uri)
        .header("content-type", "application/apply-patch+yaml")
        .body(serde_json::to_vec(object).unwrap())
        .unwrap();
    client.request::<Value>(request).await.unwrap();
}
