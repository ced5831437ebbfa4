//! What the operator is told at its start.

use std::net::SocketAddr;
use std::time::Duration;

use kafka_client::network::Network;

use crate::clock::Clock;
use crate::faults::Faults;
use crate::permit::LeaseSettings;

/// Settings of the operator; the command line fills them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of this installation: what it writes as `klamm.dev/claimed-by`. Kafkas claimed by another name are left alone.
    pub name: String,
    /// Namespaces to look at; all when empty.
    pub namespaces: Vec<String>,
    /// Label selector of the Kafkas to look after (`env=prod,team!=a`); all when absent.
    pub selector: Option<String>,
    /// The leader's Lease.
    pub lease: LeaseSettings,
    /// Defaults of the resources that are the operator's to set.
    pub defaults: model::desired::parse::Settings,
    /// What shows in the objects that are rendered.
    pub rendering: manifests::Settings,
    /// Longest time between two looks at a cluster.
    pub look_period: Duration,
    /// How long to gather further news after the first, before a look.
    pub debounce: Duration,
    /// How many steps of one plan run side by side.
    pub parallel_steps: usize,
    /// Where to serve `/metrics`, `/healthz` and `/debug/looks`; nowhere when absent.
    pub listen: Option<SocketAddr>,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where Kafka and runners are reached: the machine's network, or one in memory for tests.
    pub network: Network,
    /// Faults, for tests.
    pub faults: Faults,
}

impl Settings {
    /// Settings of an operator called `name` that looks at everything.
    pub fn new(name: &str, identity: &str, namespace: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespaces: Vec::new(),
            selector: None,
            lease: LeaseSettings {
                namespace: namespace.to_owned(),
                name: format!("{name}-operator"),
                identity: identity.to_owned(),
            },
            defaults: model::desired::parse::Settings::default(),
            rendering: manifests::Settings::default(),
            look_period: Duration::from_mins(2),
            debounce: Duration::from_millis(20),
            parallel_steps: 8,
            listen: None,
            clock: Clock::System,
            network: Network::default(),
            faults: Faults::default(),
        }
    }
}
