//! The embedded Kubernetes API server: what `klamm up` serves instead of a cluster.
//!
//! It stores objects, admits writes the way a kube-apiserver does, tells watchers, collects garbage, and forwards
//! logs and exec to the node. It reads nothing but its own data directory and the requests it gets.
//!
//! ```text
//!  kubectl, kube-rs ──TLS, token──► serve ─┐
//!  operator, node agent (in process) ──────┴► http ─► verbs ─► schema · apply · patch ─► store ─► redb
//!                                                      ▲                                   │
//!                                         loops (garbage, namespaces, budgets) ◄── watch ──┘
//! ```
//!
//! Invariants: a write is acknowledged only when it is on disk (Events and Leases excepted); `resourceVersion` never
//! goes backwards, not even over a kill; readers see only acknowledged writes.
//!
//! Not here: scheduling, Pods and volumes (the node agent), RBAC enforcement, workload controllers.
//!
//! # Who calls whom inside
//!
//! `schema`, `apply` and `patch` know nothing of HTTP or of the store. The verbs call them in this order:
//!
//! * create: `schema::decode` → defaults of the kind → metadata → `schema::validate` → `apply::track` → store
//! * update: decode → carry over what the (sub)resource may not change → validate → track → store
//! * patch: `patch::json` | `patch::merge` | `patch::strategic` on the live object, then as update
//! * apply: `schema::decode` of the applied configuration *without* defaults (`schema::Defaults::Skip`) →
//!   `apply::apply` → as update, without track
//!
//! Signatures both sides rely on (all are `pub(crate)`, plain functions on `serde_json::Value`):
//!
//! ```text
//! schema::Schema                                     one kind at one version; cheap to clone behind Arc
//!   Schema::builtin(group, version, kind) -> Option<Arc<Schema>>          built lazily, kept
//!   Schema::from_crd(crd: &Value, version: &str) -> Result<Schema, Vec<Cause>>   the whole CRD object; checks that it is structural
//!   Schema::check_crd(crd: &Value) -> Vec<Cause>     what a kube-apiserver refuses in a CRD's schemas (paths from the CRD's root)
//! schema::FieldValidation { Ignore, Warn, Strict }   schema::Defaults { Fill, Skip }
//! schema::decode(&Schema, &mut Value, FieldValidation, Defaults) -> Result<Vec<String> /* warnings */, DecodeError>
//!     types of fields, unknown and duplicate fields (pruned, warned of or refused), defaults of the schema; metadata too
//!     DecodeError { Unknown(Vec<String>), Malformed(String) }  → 400, texts as Kubernetes writes them
//! schema::validate(&Schema, new: &Value, old: Option<&Value>) -> Vec<Cause>      structural, CEL, built-in rules → 422
//! schema::openapi(group, version, &[kind]) -> BTreeMap<String, Value>            components/schemas of a built-in group version
//!
//! apply::apply(live: Option<&Value>, applied: &Value, Manager { name, subresource, force }, &Schema, now: &str)
//!     -> Result<Value, apply::Error>                 the merged object, managedFields included; unchanged input gives live back, equal
//!     apply::Error { Conflicts(Vec<Conflict>), Malformed(String) }
//!   Conflict { manager, applied, api_version, subresource, time, field }     the verbs make the 409 of it
//! apply::track(old: Option<&Value>, new: &mut Value, manager: &str, subresource: Option<&str>, &Schema, now: &str)
//!     managedFields of every other write; equal content keeps the old entries and their times
//!
//! patch::json(doc: &Value, patch: &Value) / merge(doc, patch) / strategic(&Schema, doc, patch) -> Result<Value, patch::Error>
//!     patch::Error { Malformed(String) → 400, Inapplicable(String) → 422 }
//!
//! failure::Cause { reason: &'static str, field: String, message: String }    e.g. ("FieldValueRequired", "spec.x", "Required value")
//! ```
//!
//! Defaults of built-in kinds are in `defaults`, not in `schema` (their OpenAPI documents name few). A body has been
//! through JSON or YAML parsing already; duplicate keys are found there.

mod addresses;
mod answer;
mod apply;
mod body;
mod clock;
mod crd;
mod defaults;
mod discovery;
mod failure;
mod identity;
mod loops;
mod metadata;
mod names;
mod openapi;
mod patch;
mod protobuf;
mod request;
mod resource;
mod schema;
mod selector;
mod serve;
mod server;
mod settings;
mod store;
mod strategy;
mod table;
mod verbs;
mod watch;

pub use clock::Clock;
pub use control_plane::{ControlPlane, OpenError};
pub use identity::{IdentityError, KeyPairPem};
pub use settings::Settings;
pub use store::OpenStoreError;

mod control_plane;
