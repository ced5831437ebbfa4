//! Renders a desired cluster, with what the planner decided about it, into Kubernetes objects and Kafka's properties.
//!
//! Reads: [`Input`]; nothing else. The same input gives the same bytes: maps are sorted, lists keep the user's order or
//! are sorted by node id. Shapes, names, labels and keys are Strimzi's; `docs/compatibility.md` lists what differs.
//!
//! Invariants: no secret is in anything rendered here (Secrets are described without their data); nothing here decides
//! whether or when an object is applied; the version of the runner never shows in a revision.
//!
//! Not here: node ids, cluster id, permission to format (planner); certificates themselves (operator); addresses and
//! paths known only where a broker runs (runner).
//!
//! ```text
//!  desired::Cluster ─┐                 ┌─► shared::objects   Services, policies, accounts, exposure
//!  Facts ────────────┼─► Input ────────┼─► secret::*         Secrets without data, names for certificates
//!  Settings ─────────┘                 ├─► volume_claims     PersistentVolumeClaims of a node
//!                                      ├─► store::*          where the metadata are, if not in nodes
//!                      NodeFacts ──────┼─► config_map        server.config, log4j2.properties, runner.json
//!                                      └─► broker_pod        the Pod, with its revision
//! ```

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::Value;

pub mod address;
pub mod broker_pod;
pub mod broker_properties;
pub mod certificate;
pub mod config_map;
pub mod disruption_budget;
pub mod exposure;
pub mod facts;
mod labels;
pub mod logging;
pub mod metrics;
pub mod names;
pub mod network_policy;
pub mod rbac;
pub mod revision;
pub mod runner;
pub mod secret;
pub mod services;
pub mod shared;
pub mod store;
mod template;
pub mod volume_claims;

pub use facts::{Address, Facts, Generations, Input, ListenerAddresses, NodeFacts, Settings};

/// An object as JSON, the form in which plans carry it.
pub fn to_value<T: Metadata<Ty = ObjectMeta> + Serialize>(object: &T) -> Value {
    serde_json::to_value(object).expect("Kubernetes objects have string keys and finite numbers")
}
