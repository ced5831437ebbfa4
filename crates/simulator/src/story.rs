//! Stories: script and transcript in one file.
//!
//! A line that begins in the first column is a command (or a comment after `#`); the lines below it, indented by two
//! spaces, are what came of it. The commands are listed at [`Story::tell`].

use jiff::SignedDuration;
use model::desired::parse::metadata_store::METADATA_STORE;
use model::observed::identity::{ACCEPT_EMPTY_VOLUMES, IDENTITY};
use serde_json::{Value, json};

use crate::execute::Fault;
use crate::kafka::Topic;
use crate::oracle;
use crate::world::{Order, Sim};

impl Default for Story {
    /// An empty world.
    fn default() -> Self {
        Self {
            sim: Sim::new("none"),
            manifests: Vec::new(),
            told: 0,
        }
    }
}

/// A story being told.
#[derive(Debug)]
pub struct Story {
    /// The world.
    pub sim: Sim,
    manifests: Vec<Value>,
    told: usize,
}

/// Tells a whole script and returns it with its transcript, and the world it ended in.
pub fn transcript(script: &str) -> (String, Story) {
    let mut story = Story::default();
    let mut text = String::new();
    for line in script.lines() {
        if line.starts_with("  ") {
            continue;
        }
        text.push_str(line);
        text.push('\n');
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        for said in story.tell(line) {
            text.push_str("  ");
            text.push_str(&said);
            text.push('\n');
        }
    }
    (text, story)
}

impl Story {
    /// Carries out one command; returns what came of it, line by line.
    ///
    /// `skip DAYS` · `stranger Secret/NAME` · `annotate KIND/NAME KEY=VALUE` · `settings` · `namespace goes` · `balance` ·
    /// `world NAME [local]: POOL N ROLES STORAGE; …; topic NAME PxR min.isr M; store KIND` · `apply` · `run` · `wait SECONDS` · `look` ·
    /// `plan` · `status` · `disks` · `kill N` · `wipe N` · `slow N` · `away N` · `back N` · `hide kafka` · `show kafka` ·
    /// `delete pod N` · `delete pvc N` · `delete pool NAME` · `delete kafka` · `delete KIND/NAME` ·
    /// `edit POINTER JSON` · `edit pool NAME POINTER JSON` · `edit-claim NAME KEY=VALUE` · `annotate KEY=VALUE` · `forget KEY` · `permit NAME` ·
    /// `fault WRITE crash-before|crash-after|reply-lost|failed` · `order SEED` · `stale LOOKS` · `rival on` ·
    /// `intruder NAME OWNER` · `override JSON` · `steady N`
    pub fn tell(&mut self, line: &str) -> Vec<String> {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        match (command, rest.as_slice()) {
            ("world", _) => self.make_world(line),
            ("apply", []) => self.apply(),
            ("run", []) => return self.run(),
            ("wait", [seconds]) => return self.wait(seconds),
            ("skip", [days]) => {
                let days: i64 = days.parse().unwrap_or(0);
                self.sim.now += SignedDuration::from_hours(24 * days);
            }
            ("annotate", [object, pair]) if object.contains('/') => {
                let (kind, name) = object.split_once('/').unwrap_or_default();
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                self.sim.api.change(kind, name, |object| {
                    object["metadata"]["annotations"][key] = json!(value);
                });
            }
            ("stranger", [secret]) => self.put_stranger(secret),
            ("settings", []) => {
                let settings = self.sim.kafka.settings.iter();
                return settings
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
            }
            ("balance", []) => self.sim.balanced = true,
            ("namespace", ["goes"]) => self.sim.namespace_going = true,
            ("look", []) => return self.look(),
            ("fault", [at, what]) => {
                let fault = Fault::ALL.into_iter().find(|fault| fault.as_str() == *what);
                self.sim.fault = at.parse().ok().zip(fault);
            }
            ("order", [seed]) => self.sim.order = Order::Shuffled(seed.parse().unwrap_or(0)),
            ("stale", [looks]) => self.sim.stale = looks.parse().unwrap_or(0),
            ("rival", [on]) => self.sim.rival = *on == "on",
            ("plan", []) => {
                let plan = self.sim.plan().map(|plan| plan.to_string());
                return plan
                    .unwrap_or_default()
                    .lines()
                    .map(str::to_owned)
                    .collect();
            }
            ("status", []) => return oracle::conditions(&self.sim),
            ("disks", []) => return oracle::disks(&self.sim),
            ("steady", [looks]) => return self.steady(looks),
            ("kill", [node]) => self.sim.kubelet.kill(number(node), self.sim.now),
            ("wipe", [node]) => self.wipe(number(node)),
            ("slow", [node]) => self.sim.kubelet.slow.push(number(node)),
            ("away", [node]) => self.sim.kubelet.away.push(number(node)),
            ("back", [node]) => self.sim.kubelet.away.retain(|away| *away != number(node)),
            ("hide", ["kafka"]) => self.sim.kafka_hidden = true,
            ("show", ["kafka"]) => self.sim.kafka_hidden = false,
            ("delete", what) => return self.delete(what),
            ("edit", ["pool", name, pointer, value @ ..]) => {
                self.edit("KafkaNodePool", name, pointer, &value.join(" "));
            }
            ("edit", [pointer, value @ ..]) => {
                let name = self.sim.cluster.clone();
                self.edit("Kafka", &name, pointer, &value.join(" "));
            }
            ("annotate", [pair]) => {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                self.sim.kafka.loss_accepted |= key == ACCEPT_EMPTY_VOLUMES;
                self.annotate(key, &json!(value));
            }
            ("forget", ["identity"]) => self.annotate(IDENTITY, &Value::Null),
            ("forget", [key]) => self.annotate(key, &Value::Null),
            ("edit-claim", [name, pair]) => {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                self.sim.api.change("PersistentVolumeClaim", name, |claim| {
                    claim["metadata"]["annotations"][key] = json!(value);
                });
            }
            ("permit", [holder]) => (*holder).clone_into(&mut self.sim.permit_holder),
            ("intruder", [name, owner]) => self.intrude(name, owner),
            ("override", json) => {
                self.sim.make_plan_resource();
                let value: Value = serde_json::from_str(&json.join(" ")).unwrap_or(Value::Null);
                let name = self.sim.cluster.clone();
                self.sim
                    .api
                    .edit("KafkaPlan", &name, |plan| plan["spec"]["overrides"] = value);
            }
            _ => return vec![format!("error: no such command: {line}")],
        }
        Vec::new()
    }

    /// `world demo: dual 3 both persistent; topic orders 6x3 min.isr 2`.
    fn make_world(&mut self, line: &str) {
        let (head, body) = line.split_once(':').unwrap_or((line, ""));
        let mut head = head.split_whitespace().skip(1);
        let name = head.next().unwrap_or("demo").to_owned();
        self.sim.kubelet.local = head.next() == Some("local");
        self.sim.cluster.clone_from(&name);
        self.sim.kafka.ephemeral = !body.contains("persistent") && !body.contains("jbod");
        let mut listeners = json!([
            { "name": "plain", "port": 9092, "type": "internal", "tls": false },
            { "name": "tls", "port": 9093, "type": "internal", "tls": true },
        ]);
        let mut annotations = json!({});
        let mut brokers = 0;
        for part in body.split(';') {
            let words: Vec<&str> = part.split_whitespace().collect();
            match words.as_slice() {
                ["topic", name, size, "min.isr", min] => {
                    let (partitions, replicas) = size.split_once('x').unwrap_or((size, "1"));
                    self.sim.kafka.topics.push(Topic {
                        name: (*name).to_owned(),
                        partitions: partitions.parse().unwrap_or(1),
                        replicas: replicas.parse().unwrap_or(1),
                        min_isr: min.parse().unwrap_or(1),
                    });
                }
                ["store", kind] => {
                    annotations = json!({ METADATA_STORE: kind });
                }
                ["listener", kind] => {
                    if let Some(all) = listeners.as_array_mut() {
                        all.push(
                            json!({ "name": "external", "port": 9094, "type": kind, "tls": true }),
                        );
                    }
                }
                [pool, replicas, roles, storage] => {
                    if *roles != "controller" {
                        brokers += replicas.parse::<u32>().unwrap_or(1);
                    }
                    let pool = pool_manifest(&name, pool, replicas, roles, storage);
                    self.manifests.push(pool);
                }
                _ => {}
            }
        }
        self.manifests.push(json!({
            "apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka",
            "metadata": { "name": name, "namespace": "kafka", "annotations": annotations },
            "spec": { "kafka": {
                "listeners": listeners,
                "config": { "default.replication.factor": brokers.min(3), "min.insync.replicas": brokers.min(2) },
            }},
        }));
        self.apply();
    }

    /// Applies the manifests as they were first written.
    fn apply(&mut self) {
        for object in &self.manifests {
            // What is there already stays as it is.
            let _ = self.sim.api.create(object);
        }
    }

    fn run(&mut self) -> Vec<String> {
        let settled = self.sim.settle();
        let mut lines = self.news();
        match settled {
            Ok(()) => lines.extend(oracle::summary(&self.sim)),
            Err(error) => lines.extend(error.lines().map(|line| format!("error: {line}"))),
        }
        lines
    }

    fn wait(&mut self, seconds: &str) -> Vec<String> {
        let until = self.sim.now + SignedDuration::from_secs(seconds.parse().unwrap_or(0));
        while self.sim.now < until {
            self.sim.tick();
            self.sim.maybe_look();
        }
        self.news()
    }

    fn look(&mut self) -> Vec<String> {
        self.sim.look();
        self.news()
    }

    /// Looks that must change nothing.
    fn steady(&mut self, looks: &str) -> Vec<String> {
        let before = self.sim.api.version();
        for _ in 0..looks.parse().unwrap_or(0) {
            self.sim.tick();
            self.sim.look();
        }
        let mut lines = self.news();
        lines.push(format!(
            "{} writes in {looks} looks",
            self.sim.api.version() - before
        ));
        lines
    }

    /// Steps since the last time, those that say the same on one line.
    fn news(&mut self) -> Vec<String> {
        let mut lines: Vec<(String, String, Vec<String>)> = Vec::new();
        for done in self.sim.done.iter().skip(self.told) {
            let (head, reason) = done.split_once(": ").unwrap_or((done, ""));
            let (verb, subject) = head.rsplit_once(' ').unwrap_or((head, ""));
            match lines.last_mut() {
                Some((last, why, subjects)) if last == verb && why == reason => {
                    subjects.push(subject.to_owned());
                }
                Some(_) | None => {
                    lines.push((verb.to_owned(), reason.to_owned(), vec![subject.to_owned()]));
                }
            }
        }
        self.told = self.sim.done.len();
        let mut said: Vec<String> = lines
            .into_iter()
            .map(|(verb, reason, subjects)| format!("{verb} {}: {reason}", subjects.join(" ")))
            .collect();
        said.extend(
            self.sim
                .violations
                .drain(..)
                .map(|violation| format!("VIOLATION {violation}")),
        );
        said
    }

    fn wipe(&mut self, node: i32) {
        for disk in self.sim.disks.0.values_mut() {
            if disk
                .content
                .as_ref()
                .is_some_and(|content| content.node == node)
            {
                disk.content = None;
            }
        }
        self.sim.kubelet.kill(node, self.sim.now);
    }

    fn delete(&mut self, what: &[&str]) -> Vec<String> {
        let find = |sim: &Sim, kind: &str, node: &str| {
            let suffix = format!("-{node}");
            let names = sim.api.list(kind).map(|(name, _)| name.to_owned());
            names
                .filter(|name| name.ends_with(&suffix))
                .collect::<Vec<_>>()
        };
        match what {
            ["pod", node] => {
                for name in find(&self.sim, "Pod", node) {
                    self.sim.api.delete("Pod", &name);
                }
            }
            ["pvc", node] => {
                for name in find(&self.sim, "PersistentVolumeClaim", node) {
                    self.sim.api.delete("PersistentVolumeClaim", &name);
                }
            }
            ["pool", name] => self.sim.api.delete("KafkaNodePool", name),
            ["kafka"] => {
                let name = self.sim.cluster.clone();
                self.sim.api.delete("Kafka", &name);
            }
            [other] => match other.split_once('/') {
                Some((kind, name)) => self.sim.api.delete(kind, name),
                None => return vec![format!("error: what is {other}?")],
            },
            _ => return vec!["error: delete what?".to_owned()],
        }
        Vec::new()
    }

    fn edit(&mut self, kind: &str, name: &str, pointer: &str, value: &str) {
        let value: Value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        self.sim.api.edit(kind, name, |object| {
            let mut place = &mut object["spec"];
            for part in pointer.split('/').filter(|part| !part.is_empty()) {
                place = match part.parse::<usize>() {
                    Ok(index) if place.is_array() => &mut place[index],
                    Ok(_) | Err(_) => &mut place[part],
                };
            }
            *place = value;
        });
    }

    fn annotate(&mut self, key: &str, value: &Value) {
        let name = self.sim.cluster.clone();
        self.sim.api.change("Kafka", &name, |kafka| {
            let annotations = &mut kafka["metadata"]["annotations"];
            if !annotations.is_object() {
                *annotations = json!({});
            }
            match (annotations.as_object_mut(), value) {
                (Some(annotations), Value::Null) => {
                    annotations.remove(key);
                }
                (Some(annotations), value) => {
                    annotations.insert(key.to_owned(), value.clone());
                }
                (None, _) => {}
            }
        });
    }

    /// An authority with another key, put in the place of ours.
    fn put_stranger(&mut self, secret: &str) {
        let key = secret.split_once('/').map_or(secret, |(_, name)| name);
        let certificate = json!({
            "subject": "CN=stranger,O=elsewhere", "notBefore": self.sim.now, "notAfter": self.sim.now + SignedDuration::from_hours(87_600),
            "fingerprint": "stranger", "signedBy": "stranger", "pem": "stranger",
        });
        for (name, data) in [
            (key.to_owned(), "ca.key"),
            (format!("{key}-cert"), "ca.crt"),
        ] {
            let mut secret = json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": "kafka" },
                "data": { data: "stranger" },
            });
            if data == "ca.crt" {
                secret["keyId"] = json!("stranger");
                secret["certificates"] = json!({ "ca.crt": certificate });
            }
            // There is none by now: stories delete the former one first.
            let _ = self.sim.api.create(&secret);
        }
    }

    /// A Pod with this cluster's labels that belongs to somebody else.
    fn intrude(&mut self, name: &str, owner: &str) {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": "kafka", "ownerReferences": [{
                "kind": "StrimziPodSet", "name": owner, "uid": "uid-of-strimzi",
            }]},
            "spec": {},
        });
        let set = json!({
            "apiVersion": "core.strimzi.io/v1", "kind": "StrimziPodSet",
            "metadata": { "name": owner, "namespace": "kafka" },
        });
        let _ = self.sim.api.create(&set);
        self.sim.api.change("StrimziPodSet", owner, |set| {
            set["metadata"]["uid"] = json!("uid-of-strimzi");
        });
        let _ = self.sim.api.create(&pod);
    }
}

fn pool_manifest(cluster: &str, name: &str, replicas: &str, roles: &str, storage: &str) -> Value {
    let roles = match roles {
        "controller" => json!(["controller"]),
        "broker" => json!(["broker"]),
        _ => json!(["controller", "broker"]),
    };
    let claim = |id: u32| {
        let mut volume =
            json!({ "id": id, "type": "persistent-claim", "size": "1Gi", "deleteClaim": false });
        if id == 0 {
            volume["kraftMetadata"] = json!("shared");
        }
        volume
    };
    let storage = match storage {
        "ephemeral" => json!({ "type": "ephemeral" }),
        "jbod" => json!({ "type": "jbod", "volumes": [claim(0), claim(1)] }),
        _ => json!({ "type": "jbod", "volumes": [claim(0)] }),
    };
    json!({
        "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool",
        "metadata": { "name": name, "namespace": "kafka", "labels": { "strimzi.io/cluster": cluster } },
        "spec": { "replicas": replicas.parse::<i64>().unwrap_or(1), "roles": roles, "storage": storage },
    })
}

fn number(text: &str) -> i32 {
    text.parse().unwrap_or(-1)
}
