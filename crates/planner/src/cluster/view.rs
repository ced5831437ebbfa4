//! One look, opened: what must be known to plan anything at all.
//!
//! Reads: [`Input`]. Invariant: nothing outside this file opens a `Known` of Kubernetes' lists; who holds a [`View`]
//! may take absence for absence. Kafka's own view stays `Known`, because a cluster may have to be mended without it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::desired::Cluster;
use model::observed::object::{Meta, Object, ObjectKey};
use model::observed::pod::Pod;
use model::observed::resource::Resource;
use model::observed::secret::Secret;
use model::observed::volume::Volume;
use model::observed::{Known, World};

use crate::Input;
use crate::wait::Wait;

/// What was seen, with all lists known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) input: &'a Input,
    pub(crate) world: &'a World,
    pub(crate) pools: &'a BTreeMap<String, Resource>,
    pub(crate) pods: &'a BTreeMap<String, Pod>,
    pub(crate) volumes: &'a BTreeMap<String, Volume>,
    pub(crate) secrets: &'a BTreeMap<String, Secret>,
    pub(crate) objects: &'a BTreeMap<ObjectKey, Object>,
}

/// Whose an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// This Kafka's, or nobody's.
    Ours,
    /// Of a Kafka of the same name that is gone: the garbage collector will take it.
    Former,
}

/// A Pod, as far as its name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PodSeen<'a> {
    /// There is none.
    Absent,
    /// It is being deleted, or belongs to a Kafka that is gone.
    Going,
    /// It will never run again.
    Finished(&'a Pod),
    /// It is there.
    Present(&'a Pod),
}

impl<'a> View<'a> {
    /// Opens a look; or says what must be seen first.
    pub(crate) fn open(input: &'a Input) -> Result<Self, Vec<Wait>> {
        let world = &input.observed;
        let mut unknown = Vec::new();
        let mut need = |what: &str, why: Option<&model::observed::Why>| {
            if let Some(why) = why {
                unknown.push(Wait::Unknown {
                    what: what.to_owned(),
                    why: why.to_string(),
                });
            }
        };
        need("the KafkaPlan, where steps can be paused", world.plan.why());
        need("the node pools", world.pools.why());
        need("the Pods", world.pods.why());
        need("the volume claims", world.volumes.why());
        need("the Secrets", world.secrets.why());
        need("the Services and ConfigMaps", world.objects.why());
        need("whose the Pods are", world.foreign.why());
        match (
            world.pools.value(),
            world.pods.value(),
            world.volumes.value(),
            world.secrets.value(),
            world.objects.value(),
        ) {
            (Some(pools), Some(pods), Some(volumes), Some(secrets), Some(objects))
                if unknown.is_empty() =>
            {
                Ok(Self {
                    input,
                    world,
                    pools,
                    pods,
                    volumes,
                    secrets,
                    objects,
                })
            }
            _ => Err(unknown),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.input.now
    }

    pub(crate) fn desired(&self) -> Option<&'a Cluster> {
        self.input.desired.as_ref().ok()
    }

    pub(crate) fn kafka(&self) -> &'a Resource {
        &self.world.kafka
    }

    /// Whose an object is: by owner reference; an orphan is taken for ours.
    pub(crate) fn ownership(&self, meta: &Meta) -> Ownership {
        match &meta.owner {
            Some(owner)
                if owner.kind == "Kafka"
                    && owner.name == self.kafka().name
                    && owner.uid != self.kafka().meta.uid =>
            {
                Ownership::Former
            }
            Some(_) | None => Ownership::Ours,
        }
    }

    /// Whether an object is going, or belongs to a Kafka that is gone: it must not be relied on.
    pub(crate) fn is_going(&self, meta: &Meta) -> bool {
        meta.deleting || self.ownership(meta) == Ownership::Former
    }

    /// The name of the Pod of a node.
    pub(crate) fn pod_name(&self, pool: &str, id: i32) -> String {
        format!("{}-{pool}-{id}", self.kafka().name)
    }

    pub(crate) fn pod(&self, name: &str) -> PodSeen<'a> {
        match self.pods.get(name) {
            None => PodSeen::Absent,
            Some(pod) if self.is_going(&pod.meta) => PodSeen::Going,
            Some(pod) if pod.finished() => PodSeen::Finished(pod),
            Some(pod) => PodSeen::Present(pod),
        }
    }

    /// An object, unless it is going.
    pub(crate) fn object(&self, kind: &str, name: &str) -> Option<&'a Object> {
        self.objects
            .get(&ObjectKey::new(kind, name))
            .filter(|object| !self.is_going(&object.meta))
    }

    /// A Secret, unless it is going.
    pub(crate) fn secret(&self, name: &str) -> Option<&'a Secret> {
        self.secrets
            .get(name)
            .filter(|secret| !self.is_going(&secret.meta))
    }

    /// The id of the node that leads the controllers, where that is known.
    pub(crate) fn leader(&self) -> Option<i32> {
        self.world.quorum.value().and_then(|quorum| quorum.leader)
    }

    /// Generations of the Kafka and of a pool, as text: what a rendering was made from.
    pub(crate) fn generations(&self, pool: &str) -> String {
        let pool = self.pools.get(pool).map_or(0, |pool| pool.generation);
        format!("{}/{pool}", self.kafka().generation)
    }
}

/// Why a piece of Kafka's view is not known, as a wait.
pub(crate) fn unknown<T>(what: &str, known: &Known<T>) -> Option<Wait> {
    known.why().map(|why| Wait::Unknown {
        what: what.to_owned(),
        why: why.to_string(),
    })
}
