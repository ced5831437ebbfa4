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
//! * create: `schema::decode` → defaults of the kind → `apply::track` → admission → `schema::validate` → store
//! * update: decode → carry over what the (sub)resource may not change → validate → track → store
//! * patch: `patch::json` | `patch::merge` | `patch::strategic` on the live object, then as update
//! * apply: decode of the configuration without defaults → `apply::apply` → as update or create, without track
//!
//! Defaults of built-in kinds are in `defaults`, not in `schema` (their OpenAPI documents name few); what only one kind
//! knows is in `strategy`; answers as JSON, tables or metadata are made in `answer` and `table`.

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
