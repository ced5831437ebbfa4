//! The loop of one Kafka cluster: look → decide → act → tell.
//!
//! What it does: one look at a time, again whenever something changed, when the plan asks for it, and periodically. What
//! it reads: see `observe`. Invariants: every look does all of it, whatever the reason; nothing that matters is
//! remembered between looks (what is kept only saves reads); a look ends the moment its Kafka goes.
//!
//! ```text
//!  observe ─► planner::plan ─► execute ─► planner::status ─► tell ─► when to look again
//! ```

pub(crate) mod execute;
pub(crate) mod observe;
pub(crate) mod tell;

use crate::hands::Hands;

/// The Kafka that steps are carried out for.
pub(crate) struct Subject<'a> {
    pub(crate) hands: &'a Hands,
    /// Namespace and name.
    pub(crate) cluster: &'a crate::metrics::ClusterName,
    /// Its uid at this look.
    pub(crate) uid: &'a str,
    /// Its resourceVersion at this look.
    pub(crate) resource_version: &'a str,
    /// The id that its Kafka was formatted with, once recorded.
    pub(crate) cluster_id: Option<&'a str>,
    /// Its Kafka.
    pub(crate) kafka: &'a observe::kafka::Connections,
}

impl Subject<'_> {
    pub(crate) fn namespace(&self) -> &str {
        &self.cluster.0
    }

    pub(crate) fn name(&self) -> &str {
        &self.cluster.1
    }
}

/// What is kept between looks at one cluster; all of it can be lost.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) secrets: observe::SecretFacts,
    pub(crate) kafka: observe::kafka::Connections,
}
pub(crate) async fn look_after(
    _: &Hands,
    _: &crate::metrics::ClusterName,
    _: &str,
    _: &tokio::sync::Notify,
) {
}
