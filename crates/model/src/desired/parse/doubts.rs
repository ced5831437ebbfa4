//! What is allowed but seldom meant.
//!
//! Reasons as in Strimzi's `KafkaSpecChecker`.

use super::count;
use super::report::Report;
use crate::desired::{Cluster, Roles, VolumeKind};
use crate::problem::WarningReason as Reason;

const CONFIG: &str = "spec.kafka.config";

/// Warnings about a cluster that has been understood.
pub(super) fn check(cluster: &Cluster, report: &mut Report) {
    replication(cluster, report);
    storage(cluster, report);
    controllers(cluster, report);
    versions(cluster, report);
}

fn replication(cluster: &Cluster, report: &mut Report) {
    if count(cluster, Roles::is_broker) < 2 {
        return;
    }
    let unset = [
        (
            "default.replication.factor",
            Reason::KafkaDefaultReplicationFactor,
            "lose their messages with one disk",
        ),
        (
            "min.insync.replicas",
            Reason::KafkaMinInsyncReplicas,
            "may lose acknowledged messages with one disk",
        ),
    ];
    in_sync(cluster, report);
    for (key, reason, effect) in unset {
        if !cluster.config.contains_key(key) {
            let message = format!(
                "is not set and therefore 1: topics made without a value of their own {effect}."
            );
            report.warn(reason, &format!("{CONFIG}[\"{key}\"]"), message);
        }
    }
}

/// More replicas in sync than there can be: whoever asks for acks=all is refused.
fn in_sync(cluster: &Cluster, report: &mut Report) {
    const KEY: &str = "min.insync.replicas";
    let number = |key: &str| cluster.config.get(key)?.parse::<u32>().ok();
    let Some(wanted) = number(KEY) else {
        return;
    };
    let brokers = count(cluster, Roles::is_broker);
    let copies = number("default.replication.factor").unwrap_or(1);
    let most = if wanted > brokers {
        format!("there are {brokers} brokers")
    } else if wanted > copies {
        format!("default.replication.factor is {copies}")
    } else {
        return;
    };
    let message = format!(
        "is {wanted}, but {most}: no message with acks=all is accepted in a topic made without values of its own."
    );
    report.warn(
        Reason::KafkaMinInsyncReplicas,
        &format!("{CONFIG}[\"{KEY}\"]"),
        message,
    );
}

fn storage(cluster: &Cluster, report: &mut Report) {
    for (role, word, loss) in [
        (
            Roles::is_broker as fn(Roles) -> bool,
            "broker",
            "its messages",
        ),
        (Roles::is_controller, "controller", "the cluster's metadata"),
    ] {
        let ephemeral = cluster.pools.values().any(|pool| {
            let volumes = pool.storage.volumes();
            let any = volumes
                .iter()
                .any(|volume| matches!(volume.kind, VolumeKind::Ephemeral { .. }));
            pool.replicas > 0 && role(pool.roles) && any
        });
        if count(cluster, role) == 1 && ephemeral {
            let message = format!(
                "the only {word} has ephemeral storage and loses {loss} whenever its Pod goes."
            );
            report.warn(Reason::KafkaStorage, "KafkaNodePool spec.storage", message);
        }
    }
}

fn controllers(cluster: &Cluster, report: &mut Report) {
    let count = count(cluster, Roles::is_controller);
    if count > 0 && count.is_multiple_of(2) {
        let message = if count == 2 {
            "with two controllers the cluster stops when either does; use one, or three.".to_owned()
        } else {
            format!(
                "with {count} controllers the cluster bears no more losses than with {}.",
                count - 1
            )
        };
        report.warn(
            Reason::KafkaKRaftControllerNodeCount,
            "KafkaNodePool spec.replicas",
            message,
        );
    }
}

fn versions(cluster: &Cluster, report: &mut Report) {
    let Cluster {
        version,
        metadata_version,
        ..
    } = cluster;
    if cluster.metadata_store.speaks_zookeeper() {
        // There is no metadata version, and the protocol between brokers has one.
        return;
    }
    if metadata_version.minor_release() != version.minor_release() {
        let message = format!(
            "is {metadata_version}, older than Kafka {version}: an upgrade is not finished."
        );
        report.warn(
            Reason::KafkaMetadataVersion,
            "spec.kafka.metadataVersion",
            message,
        );
    }
    let gone = [
        (
            "inter.broker.protocol.version",
            Reason::KafkaInterBrokerProtocolVersionInKRaft,
        ),
        (
            "log.message.format.version",
            Reason::KafkaLogMessageFormatVersionInKRaft,
        ),
    ];
    for (key, reason) in gone {
        if cluster.config.contains_key(key) {
            report.warn(
                reason,
                &format!("{CONFIG}[\"{key}\"]"),
                "means nothing to this Kafka and should be removed.",
            );
        }
    }
}
