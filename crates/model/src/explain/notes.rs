//! What no schema says: defaults, what Klamm does, and what differs on one machine.

/// What is said about one field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    /// The kind.
    pub(super) kind: &'static str,
    /// The path below the kind, without `[]`.
    pub(super) path: &'static str,
    /// What applies where the field is absent.
    pub(super) default: &'static str,
    /// What Klamm does with it.
    pub(super) klamm: &'static str,
    /// What differs on one machine.
    pub(super) locally: &'static str,
}

const fn kafka(
    path: &'static str,
    default: &'static str,
    klamm: &'static str,
    locally: &'static str,
) -> Note {
    Note {
        kind: "Kafka",
        path,
        default,
        klamm,
        locally,
    }
}

const fn pool(
    path: &'static str,
    default: &'static str,
    klamm: &'static str,
    locally: &'static str,
) -> Note {
    Note {
        kind: "KafkaNodePool",
        path,
        default,
        klamm,
        locally,
    }
}

pub(super) const NOTES: &[Note] = &[
    kafka(
        "",
        "",
        "one Kafka cluster; its nodes come from the KafkaNodePools with the label strimzi.io/cluster",
        "",
    ),
    kafka(
        "metadata.annotations",
        "",
        "reads these; `klamm validate` warns of others below klamm.dev/ and of Strimzi's that are not acted on",
        "",
    ),
    kafka(
        "spec.kafka.version",
        "4.3.1",
        "can be 4.1.0, 4.1.1, 4.1.2, 4.2.0, 4.2.1, 4.3.0 or 4.3.1, and, only with the annotation klamm.dev/metadata-store, 3.9.1 or 3.9.2; any other is refused with this list",
        "the jars of the release are fetched once by Maven and checked against a list of checksums",
    ),
    kafka(
        "spec.kafka.metadataVersion",
        "the newest that the version knows",
        "the cluster is formatted with it; a newer one than the version knows is refused",
        "",
    ),
    kafka(
        "spec.kafka.image",
        "apache/kafka:<version>",
        "runs in the container `kafka`; the runner is brought along by an init container",
        "apache/kafka:<version> stands for the jars of that release; other images are not available",
    ),
    kafka(
        "spec.kafka.listeners",
        "",
        "each becomes a Kafka listener and, by type, Services, Routes, Ingresses or TLSRoutes; status.listeners tells the addresses",
        "brokers bind and advertise their loopback address, so that programs on this machine connect without DNS",
    ),
    kafka(
        "spec.kafka.listeners.port",
        "",
        "9092 or above and unique; 9404 (metrics) and 9999 (JMX) are taken",
        "",
    ),
    kafka(
        "spec.kafka.listeners.type",
        "",
        "`ingress` is deprecated, as in Strimzi",
        "every type is reached from this machine; the types that are for the outside get their objects and a Warning that nothing outside reaches them",
    ),
    kafka(
        "spec.kafka.listeners.tls",
        "",
        "true: a certificate for each node, signed by the cluster CA, with every name the node is reached by",
        "certificates also name the node's loopback address",
    ),
    kafka(
        "spec.kafka.listeners.authentication",
        "none",
        "`tls` trusts the clients CA; `scram-sha-512` asks for a password; `custom` passes `listenerConfig` on",
        "",
    ),
    kafka(
        "spec.kafka.listeners.configuration",
        "",
        "fields that the listener's type does not know are refused",
        "",
    ),
    kafka(
        "spec.kafka.listeners.networkPolicyPeers",
        "everybody",
        "becomes a NetworkPolicy",
        "there is no network to police: it has no effect",
    ),
    kafka(
        "spec.kafka.config",
        "Kafka's own; min.insync.replicas is 1",
        "goes into server.properties; keys that belong to the operator (listeners, ssl., log.dirs, node.id …) are refused by name",
        "where it is silent, small buffers make the start fast",
    ),
    kafka(
        "spec.kafka.authorization",
        "everybody may do everything",
        "`simple` is Kafka's StandardAuthorizer; brokers and the operator are super users",
        "",
    ),
    kafka(
        "spec.kafka.rack",
        "none",
        "the Pod reads the label from itself; with the annotation klamm.dev/rack-through-node: \"true\" from its Node, with a token that may only get nodes",
        "",
    ),
    kafka(
        "spec.kafka.livenessProbe",
        "every 10 s, 5 s to answer, 3 failures",
        "asks the runner, not Kafka; a start-up probe comes first",
        "",
    ),
    kafka(
        "spec.kafka.readinessProbe",
        "every second, 5 s to answer, 3 failures",
        "asks the runner whether the broker serves; Strimzi waits 15 s before it asks first",
        "",
    ),
    kafka(
        "spec.kafka.jvmOptions",
        "a heap of half the container's memory, at most 5 GiB; 128 MiB at start if no memory is given",
        "a pool's own jvmOptions replace these as a whole",
        "where they are silent: a small heap, the serial collector, a class-data archive",
    ),
    kafka(
        "spec.kafka.jmxOptions",
        "closed",
        "JMX on port 9999, with a password in the Secret <cluster>-kafka-jmx if asked for",
        "",
    ),
    kafka(
        "spec.kafka.metricsConfig",
        "no metrics",
        "Prometheus metrics on port 9404",
        "",
    ),
    kafka(
        "spec.kafka.logging",
        "INFO",
        "a log4j2 file for each node; `inline` settings go over the defaults",
        "",
    ),
    kafka(
        "spec.kafka.template.pod",
        "restricted Pod security",
        "goes over the Pods; a pool's `pod` replaces it as a whole",
        "scheduling and security settings have no effect on a process",
    ),
    kafka(
        "spec.clusterCa",
        "made by Klamm, 365 days, renewed 30 days before",
        "signs the certificates of nodes; Secrets <cluster>-cluster-ca and <cluster>-cluster-ca-cert",
        "",
    ),
    kafka(
        "spec.clientsCa",
        "made by Klamm, 365 days, renewed 30 days before",
        "signs the certificates of users; Secrets <cluster>-clients-ca and <cluster>-clients-ca-cert",
        "",
    ),
    kafka("spec.clusterCa.validityDays", "365", "", ""),
    kafka(
        "spec.clusterCa.renewalDays",
        "30",
        "must be less than validityDays",
        "",
    ),
    kafka("spec.clientsCa.validityDays", "365", "", ""),
    kafka(
        "spec.clientsCa.renewalDays",
        "30",
        "must be less than validityDays",
        "",
    ),
    pool(
        "",
        "",
        "Kafka nodes that are alike; the label strimzi.io/cluster names their Kafka",
        "",
    ),
    pool(
        "metadata.annotations",
        "",
        "reads these; `klamm validate` warns of others below klamm.dev/ and of Strimzi's that are not acted on",
        "",
    ),
    pool(
        "spec.replicas",
        "",
        "node ids are kept in status.nodeIds; new ones are the lowest free, or those of the annotation strimzi.io/next-node-ids",
        "each node is a process of this machine",
    ),
    pool(
        "spec.roles",
        "",
        "a cluster needs at least one controller and one broker",
        "",
    ),
    pool(
        "spec.storage",
        "",
        "claims are called data-<cluster>-<pool>-<id>, with `jbod` data-<volume>-<cluster>-<pool>-<id>, and outlive their Pods",
        "a directory below the home (class klamm-local)",
    ),
    pool(
        "spec.storage.size",
        "",
        "asked of the storage class",
        "not enforced: a directory has no size",
    ),
    pool("spec.storage.class", "the default class", "", "klamm-local"),
    pool(
        "spec.storage.deleteClaim",
        "false",
        "true: the claim is owned by the Kafka and goes with it",
        "",
    ),
    pool(
        "spec.storage.volumes.kraftMetadata",
        "the volume with the lowest id",
        "the cluster's metadata log lives on this volume",
        "",
    ),
    pool(
        "spec.storage.volumes.deleteClaim",
        "false",
        "true: the claim is owned by the Kafka and goes with it",
        "",
    ),
    pool(
        "spec.resources",
        "none",
        "go to the container; requests above limits are refused",
        "limits hold where the host lets cgroups be used",
    ),
    pool("spec.jvmOptions", "those of the Kafka", "", ""),
];
