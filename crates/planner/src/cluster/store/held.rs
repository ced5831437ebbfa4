//! Changes of the store that would lose the metadata: refused as a whole, with the cluster left as it is.

use model::desired::parse::metadata_store::{METADATA_STORE, METADATA_STORE_REPLICAS};
use model::desired::{Cluster, StoreKind};
use model::observed::identity::{IDENTITY, Identity};
use model::problem::{Problem, ProblemReason, Subject};

use crate::Input;
use crate::cluster::identity::is_untouched;
use crate::cluster::view::View;

/// The look with what is wanted refused, where that would change the store of a cluster that is there.
pub(crate) fn held(input: &Input) -> Option<Input> {
    let desired = input.desired.as_ref().ok()?;
    let text = input.observed.kafka.meta.annotations.get(IDENTITY)?;
    let identity: Identity = serde_json::from_str(text).ok()?;
    if identity.kafka_uid != input.observed.kafka.meta.uid {
        return None;
    }
    let view = View::open(input).ok()?;
    let problem = changed(desired, &identity)?;
    if is_untouched(&view, &identity) {
        return None;
    }
    let mut held = input.clone();
    held.desired = Err(vec![problem]);
    Some(held)
}

fn changed(desired: &Cluster, identity: &Identity) -> Option<Problem> {
    let (from, to) = (identity.store.kind, desired.metadata_store.kind());
    let problem = |annotation: &str, given: String, allowed: String, example: String| Problem {
        subject: Subject::new("Kafka", desired.name.as_str()),
        reason: ProblemReason::Conflict,
        field: format!("metadata.annotations[\"{annotation}\"]"),
        given,
        allowed,
        example,
    };
    if from != to {
        let example = match from {
            StoreKind::KRaft => "no such annotation",
            StoreKind::ZooKeeper => "zookeeper",
            StoreKind::Etcd => "etcd://host:2379",
            StoreKind::ManagedEtcd => "etcd://",
        };
        return Some(problem(
            METADATA_STORE,
            to.as_str().to_owned(),
            format!(
                "{}, because this cluster was made with it and its metadata are there; they are not moved",
                from.as_str()
            ),
            example.to_owned(),
        ));
    }
    let servers = u32::try_from(identity.store.formatted.len()).unwrap_or(u32::MAX);
    let wanted = desired.metadata_store.servers();
    (from == StoreKind::ZooKeeper && servers != wanted).then(|| {
        problem(
            METADATA_STORE_REPLICAS,
            wanted.to_string(),
            format!("{servers}, because this ensemble was made with so many servers; that is not changed while it runs"),
            servers.to_string(),
        )
    })
}
