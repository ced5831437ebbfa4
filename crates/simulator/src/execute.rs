//! The simulated operator's hands: each step under its guards, with faults at its writes.

use jiff::Timestamp;
use model::observed::identity::{CLAIMED_BY, IDENTITY, Identity};
use model::observed::secret::Certificate;
use planner::action::{AuthorityRenewal, AuthorityRequest, CertificateRequest, Draw};
use planner::{Action, Guard, Step, StepEnd};
use serde_json::{Value, json};

use crate::api::{Refused, key_of};
use crate::kubelet::papers;
use crate::observe::default_of;
use crate::world::Sim;

/// What goes wrong at a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The operator dies before the write leaves it.
    CrashBefore,
    /// The operator dies after the write was carried out.
    CrashAfter,
    /// The write is carried out, and the operator is told that it failed.
    ReplyLost,
    /// The write is not carried out, and the operator is told that it failed.
    Failed,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::ReplyLost,
        Self::Failed,
    ];

    /// The word in stories.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CrashBefore => "crash-before",
            Self::CrashAfter => "crash-after",
            Self::ReplyLost => "reply-lost",
            Self::Failed => "failed",
        }
    }
}

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Went {
    /// It ended.
    End(StepEnd),
    /// The operator died in it.
    Crashed,
}

/// Runs one step.
pub fn run(sim: &mut Sim, step: &Step) -> Went {
    let Some(action) = &step.action else {
        return refused("nothing to do");
    };
    for guard in &step.guards {
        if let Some(found) = violated(sim, guard) {
            return refused(&found);
        }
    }
    let fault = sim.next_fault();
    if fault == Some(Fault::CrashBefore) {
        return Went::Crashed;
    }
    if fault == Some(Fault::Failed) {
        return failed("the API server said 500");
    }
    let result = act(sim, step, action);
    match (fault, result) {
        (Some(Fault::CrashAfter), _) => Went::Crashed,
        (Some(Fault::ReplyLost), _) => failed("no reply"),
        (_, Ok(())) => Went::End(StepEnd::Done),
        (_, Err(Refused(found))) => refused(&found),
    }
}

fn refused(found: &str) -> Went {
    Went::End(StepEnd::Refused {
        found: found.to_owned(),
    })
}

fn failed(error: &str) -> Went {
    Went::End(StepEnd::Failed {
        error: error.to_owned(),
    })
}

/// Why a guard does not hold now.
fn violated(sim: &Sim, guard: &Guard) -> Option<String> {
    let kafka = sim.api.get("Kafka", &sim.cluster);
    let kafka_is = |uid: &str| kafka.is_some_and(|kafka| kafka["metadata"]["uid"] == uid);
    let is = |object: &model::observed::object::ObjectKey, uid: &str| {
        let seen = sim.api.get(&object.kind, &object.name);
        seen.is_some_and(|seen| seen["metadata"]["uid"] == uid)
    };
    let holds = match guard {
        Guard::KafkaIs { uid } => kafka_is(uid),
        Guard::KafkaUnchanged {
            uid,
            resource_version,
        } => {
            kafka_is(uid)
                && kafka
                    .is_some_and(|kafka| kafka["metadata"]["resourceVersion"] == *resource_version)
        }
        Guard::Recorded {
            cluster_id,
            node,
            directories,
        } => {
            let identity = recorded(sim);
            let own = identity.nodes.get(node).map(|node| &node.directories);
            identity.cluster_id == *cluster_id && own == Some(directories)
        }
        Guard::QuorumNotFormed => !recorded(sim).quorum_formed,
        Guard::Absent { object } => sim.api.get(&object.kind, &object.name).is_none(),
        Guard::Is { object, uid } => is(object, uid),
        Guard::Unchanged {
            object,
            uid,
            resource_version,
        } => {
            let seen = sim.api.get(&object.kind, &object.name);
            is(object, uid)
                && seen.is_some_and(|seen| seen["metadata"]["resourceVersion"] == *resource_version)
        }
        Guard::MajorityWithout { node } => sim.majority_without(*node),
        Guard::IsVoter { node, directory } => {
            let quorum = sim.kafka.quorum.as_ref();
            quorum.is_some_and(|quorum| quorum.voters.get(node) == Some(directory))
        }
        Guard::IsObserver { node, directory } => {
            let quorum = sim.kafka.quorum.as_ref();
            quorum.is_some_and(|quorum| {
                !quorum.voters.contains_key(node)
                    && quorum.fetched.contains_key(&(*node, directory.clone()))
            })
        }
    };
    (!holds).then(|| format!("{guard:?} does not hold"))
}

fn recorded(sim: &Sim) -> Identity {
    let kafka = sim.api.get("Kafka", &sim.cluster);
    let text = kafka.and_then(|kafka| kafka["metadata"]["annotations"][IDENTITY].as_str());
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

fn act(sim: &mut Sim, step: &Step, action: &Action) -> Result<(), Refused> {
    match action {
        Action::Claim { by } => {
            annotate_kafka(sim, CLAIMED_BY, by);
            Ok(())
        }
        Action::RecordIdentity { identity, draw } => {
            let identity = drawn(sim, identity.clone(), draw);
            let text =
                serde_json::to_string(&identity).map_err(|error| Refused(error.to_string()))?;
            annotate_kafka(sim, IDENTITY, &text);
            Ok(())
        }
        Action::IssueAuthority(request) => issue_authority(sim, request),
        Action::RenewAuthority(renewal) => {
            renew_authority(sim, step, renewal);
            Ok(())
        }
        Action::IssueCertificate(request) => issue_certificate(sim, request),
        Action::DrawSecret {
            secret,
            fixed: _,
            drawn,
        } => {
            let mut secret = secret.clone();
            for key in drawn {
                let value = sim.draw('P');
                secret["data"][key] = json!(value);
            }
            sim.api.create(&secret)
        }
        Action::Apply { object } => {
            let key = key_of(object);
            let uid = step.guards.iter().find_map(|guard| match guard {
                Guard::Is { object, uid } if *object == key => Some(uid.clone()),
                _ => None,
            });
            sim.api.apply(object, uid.as_deref())
        }
        Action::Create { object } => sim.api.create(object),
        Action::Delete { kind, name } => {
            sim.note_deletion(kind, name);
            sim.api.delete(kind, name);
            Ok(())
        }
        Action::RemoveVoter { node, directory } => {
            sim.note_removal(*node);
            sim.kafka.remove_voter(*node, directory).map_err(Refused)
        }
        Action::AddVoter {
            node,
            directory,
            endpoints: _,
        } => sim.kafka.add_voter(*node, directory).map_err(Refused),
        Action::RaiseMetadataVersion { level, version: _ } => {
            sim.kafka.metadata_version = Some(*level);
            Ok(())
        }
        Action::AlterSettings { set, delete } => {
            for (key, value) in set.iter().filter(|(key, _)| key.ends_with(".threads")) {
                let now = sim.kafka.settings.get(key).map(String::as_str);
                let now = now.unwrap_or_else(|| default_of(key)).parse().unwrap_or(1);
                let value: u32 = value.parse().unwrap_or(0);
                if value > now * 2 || value < now / 2 {
                    return Err(Refused(format!("{key} from {now} to {value} at once")));
                }
            }
            sim.kafka.settings.retain(|key, _| !delete.contains(key));
            sim.kafka.settings.extend(set.clone());
            Ok(())
        }
        Action::ReloadCertificates {
            node,
            pod,
            listeners: _,
        } => {
            let papers = papers(&sim.api, pod);
            sim.kubelet.reload(*node, &papers);
            Ok(())
        }
    }
}

fn annotate_kafka(sim: &mut Sim, key: &str, value: &str) {
    let name = sim.cluster.clone();
    sim.api.change("Kafka", &name, |kafka| {
        if !kafka["metadata"]["annotations"].is_object() {
            kafka["metadata"]["annotations"] = json!({});
        }
        kafka["metadata"]["annotations"][key] = json!(value);
    });
}

fn drawn(sim: &mut Sim, mut identity: Identity, draw: &Draw) -> Identity {
    if draw.cluster_id {
        identity.cluster_id = sim.draw('C');
    }
    for (id, volumes) in &draw.directories {
        for volume in volumes {
            let directory = sim.draw('D');
            if let Some(node) = identity.nodes.get_mut(id) {
                node.directories.insert(*volume, directory);
            }
        }
    }
    for (id, volume) in &draw.initial_controllers {
        let directory = identity
            .nodes
            .get(id)
            .and_then(|node| node.directories.get(volume))
            .cloned();
        identity
            .initial_controllers
            .extend(directory.map(|directory| (*id, directory)));
    }
    identity
}

fn issue_authority(sim: &mut Sim, request: &AuthorityRequest) -> Result<(), Refused> {
    if request.draw_key {
        let mut secret = request.key_secret.clone();
        let key = sim.draw('K');
        secret["data"] = json!({ "ca.key": key });
        sim.api.create(&secret)?;
        // Two writes: the operator may die between them.
        if let Some(Fault::CrashBefore | Fault::Failed) = sim.next_fault() {
            return Err(Refused("died between key and certificate".to_owned()));
        }
    }
    let fingerprint = sim.draw('F');
    let mut certificate = certificate(sim, &request.common_name, fingerprint.clone(), &fingerprint);
    certificate.not_after = ends(sim, request.validity_days);
    let mut secret = request.certificate_secret.clone();
    // Whoever is signed by this key is signed by every certificate for it.
    secret["keyId"] = json!(fingerprint);
    secret["data"] =
        json!({ "ca.crt": certificate.pem, "ca.p12": "p12", "ca.password": "password" });
    secret["certificates"] = json!({ "ca.crt": certificate });
    sim.api.create(&secret)
}

fn issue_certificate(sim: &mut Sim, request: &CertificateRequest) -> Result<(), Refused> {
    let authority = format!("{}-{}-ca-cert", sim.cluster, request.authority.as_str());
    let ca = sim
        .api
        .get("Secret", &authority)
        .ok_or_else(|| Refused("no authority".to_owned()))?;
    let signer = ca["keyId"].as_str().unwrap_or_default().to_owned();
    let last = ca["certificates"]["ca.crt"]["notAfter"].as_str();
    let last: Option<Timestamp> = last.and_then(|last| last.parse().ok());
    let fingerprint = sim.draw('F');
    let mut certificate = certificate(sim, &request.common_name, fingerprint, &signer);
    let own_end = ends(sim, request.validity_days);
    certificate.not_after = last.map_or(own_end, |last| last.min(own_end));
    certificate.dns_names = request.dns_names.iter().cloned().collect();
    certificate.addresses = request.addresses.iter().cloned().collect();
    certificate.key_matches = Some(true);
    let entry = format!("{}.crt", request.entry);
    let mut secret = request.secret.clone();
    secret["data"] = json!({ &entry: certificate.pem, format!("{}.key", request.entry): "key" });
    secret["certificates"] = json!({ entry: certificate });
    sim.api.apply(&secret, None)
}

fn renew_authority(sim: &mut Sim, step: &Step, renewal: &AuthorityRenewal) {
    let fingerprint = sim.draw('F');
    let name = format!("{}-{}-ca-cert", sim.cluster, renewal.authority.as_str());
    let mut fresh = certificate(sim, &renewal.common_name, fingerprint, "");
    fresh.not_after = ends(sim, renewal.validity_days);
    let unchanged = step
        .guards
        .iter()
        .any(|guard| matches!(guard, Guard::Unchanged { object, .. } if object.name == name));
    if !unchanged {
        sim.violations
            .push(format!("{name} was renewed without looking at it"));
    }
    sim.api.change("Secret", &name, |secret| {
        fresh.signed_by = secret["keyId"].as_str().map(str::to_owned);
        secret["data"]["ca.crt"] = json!(fresh.pem);
        secret["certificates"] = json!({ "ca.crt": fresh });
        for (annotation, value) in &renewal.annotations {
            let annotations = &mut secret["metadata"]["annotations"];
            match (annotations.as_object_mut(), value) {
                (Some(annotations), None) => drop(annotations.remove(annotation)),
                (Some(annotations), Some(value)) => {
                    drop(annotations.insert(annotation.clone(), json!(value)));
                }
                (None, _) => {}
            }
        }
    });
}

/// When a certificate made now ends.
fn ends(sim: &Sim, days: u32) -> Timestamp {
    sim.now + jiff::SignedDuration::from_hours(i64::from(days) * 24)
}

fn certificate(sim: &Sim, name: &str, fingerprint: String, signer: &str) -> Certificate {
    Certificate {
        subject: format!("CN={name},O=io.strimzi"),
        not_before: sim.now,
        not_after: sim.now + jiff::SignedDuration::from_hours(365 * 24),
        dns_names: Vec::new(),
        addresses: Vec::new(),
        signed_by: Some(signer.to_owned()),
        pem: format!("-----BEGIN CERTIFICATE-----\n{fingerprint}\n-----END CERTIFICATE-----\n"),
        thumbprint: fingerprint.clone(),
        fingerprint,
        key_matches: None,
    }
}

/// Writes the statuses that a look tells, each only where it still is what the look saw.
pub fn tell(sim: &mut Sim, seen: &planner::Input, status: &planner::Status) {
    let name = sim.cluster.clone();
    let mut write = |kind: &str, name: &str, found: &Value, status: &Value| {
        sim.api.change(kind, name, |object| {
            if object["status"] == *found {
                object["status"] = status.clone();
            }
        });
    };
    write("Kafka", &name, &seen.observed.kafka.status, &status.kafka);
    let pools = seen.observed.pools.value();
    for (pool, status) in &status.pools {
        if let Some(found) = pools.and_then(|pools| pools.get(pool)) {
            write("KafkaNodePool", pool, &found.status, status);
        }
    }
    if let Some(Some(found)) = seen.observed.plan.value() {
        write("KafkaPlan", &name, &found.status, &status.plan);
    }
}
