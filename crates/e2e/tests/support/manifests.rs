//! Manifests of the stories.

use std::fmt::Write as _;

/// What differs between the stories' clusters.
pub(crate) struct Cluster {
    pub(crate) name: &'static str,
    pub(crate) namespace: &'static str,
    /// Pools: name, replicas, roles, storage.
    pub(crate) pools: Vec<Pool>,
    /// Listeners as YAML, indented by six.
    pub(crate) listeners: &'static str,
    /// Further lines under `spec.kafka`, indented by four.
    pub(crate) more: &'static str,
}

pub(crate) struct Pool {
    pub(crate) name: &'static str,
    pub(crate) replicas: u32,
    pub(crate) roles: &'static [&'static str],
    pub(crate) storage: &'static str,
}

pub(crate) const PLAIN_AND_TLS: &str =
    "      - {name: plain, port: 9092, type: internal, tls: false}
      - {name: tls, port: 9093, type: internal, tls: true}
";

pub(crate) const PERSISTENT: &str = "{type: jbod, volumes: [{id: 0, type: persistent-claim, size: 1Gi, kraftMetadata: shared, deleteClaim: false}]}";
pub(crate) const EPHEMERAL: &str =
    "{type: jbod, volumes: [{id: 0, type: ephemeral, kraftMetadata: shared}]}";
pub(crate) const TWO_DISKS: &str = "{type: jbod, volumes: [{id: 0, type: persistent-claim, size: 1Gi, kraftMetadata: shared, deleteClaim: false}, {id: 1, type: persistent-claim, size: 1Gi, deleteClaim: false}]}";

pub(crate) const BOTH: &[&str] = &["controller", "broker"];

impl Cluster {
    /// Nodes that are controller and broker at once.
    pub(crate) fn dual(name: &'static str, replicas: u32, storage: &'static str) -> Self {
        Self {
            name,
            namespace: "default",
            pools: vec![Pool {
                name: "dual",
                replicas,
                roles: BOTH,
                storage,
            }],
            listeners: PLAIN_AND_TLS,
            more: "",
        }
    }

    pub(crate) fn yaml(&self) -> String {
        let brokers: u32 = self
            .pools
            .iter()
            .filter(|pool| pool.roles.contains(&"broker"))
            .map(|pool| pool.replicas)
            .sum();
        let (replication, min_isr) = if brokers >= 3 { (3, 2) } else { (1, 1) };
        let mut yaml = String::new();
        for Pool {
            name,
            replicas,
            roles,
            storage,
        } in &self.pools
        {
            let _ = write!(
                yaml,
                "apiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata:\n  name: {name}\n  namespace: {}\n  labels:\n    \
                 strimzi.io/cluster: {}\nspec:\n  replicas: {replicas}\n  roles: [{}]\n  storage: {storage}\n---\n",
                self.namespace,
                self.name,
                roles.join(", ")
            );
        }
        let _ = write!(
            yaml,
            "apiVersion: kafka.strimzi.io/v1\nkind: Kafka\nmetadata:\n  name: {}\n  namespace: {}\nspec:\n  kafka:\n    version: 4.3.1\n    \
             metadataVersion: 4.3-IV0\n    listeners:\n{}    config:\n      offsets.topic.replication.factor: {replication}\n      \
             transaction.state.log.replication.factor: {replication}\n      transaction.state.log.min.isr: {min_isr}\n      \
             default.replication.factor: {replication}\n      min.insync.replicas: {min_isr}\n      offsets.topic.num.partitions: 3\n{}",
            self.name, self.namespace, self.listeners, self.more
        );
        yaml
    }
}
