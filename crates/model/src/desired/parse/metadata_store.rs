//! The annotation `klamm.dev/metadata-store` of a Kafka and those beside it.

use std::collections::BTreeMap;

use resources::node_pool::NodeRole;
use resources::{Kafka, KafkaNodePool};

use super::report::{Report, Wrong};
use crate::desired::{ByteSize, Etcd, ExternalEtcd, KafkaVersion, MetadataStore, StoreVolume};
use crate::problem::ProblemReason;

/// Annotation of a Kafka: where its metadata are; in a `KRaft` quorum when absent.
pub const METADATA_STORE: &str = "klamm.dev/metadata-store";
/// Annotation of a Kafka: how many servers of ZooKeeper's protocol it has.
pub const METADATA_STORE_REPLICAS: &str = "klamm.dev/metadata-store-replicas";
/// Annotation of a Kafka: the size of each volume of a ZooKeeper ensemble or of an etcd of its own.
pub const METADATA_STORE_SIZE: &str = "klamm.dev/metadata-store-size";
/// Annotation of a Kafka: the storage class of these volumes.
pub const METADATA_STORE_CLASS: &str = "klamm.dev/metadata-store-class";
/// Annotation of a Kafka: the Secret with what an etcd that is there asks for.
pub const METADATA_STORE_SECRET: &str = "klamm.dev/metadata-store-secret";

/// Servers of ZooKeeper's protocol when nothing is said: one may be away.
const SERVERS: u32 = 3;
/// More servers of an ensemble make it slower, not safer.
const ENSEMBLES: [u32; 4] = [1, 3, 5, 7];
/// Servers on etcd hold nothing, so that any number goes; this many serve hundreds of brokers.
const MOST_ON_ETCD: u32 = 9;
/// Metadata are small; what takes room are snapshots and the log between them.
const SIZE_GIBIBYTES: u64 = 8;

const STORE_ALLOWED: &str = "`zookeeper` (an ensemble of the cluster's own), `etcd://host:port[,host:port…]` (an etcd \
    that is there; `etcds://` with TLS), or `etcd://` (an etcd of the cluster's own)";
const STORE_EXAMPLE: &str = "etcd://127.0.0.1:2379";

/// Where the metadata shall be; `KRaft` where the annotation is absent or cannot be understood.
pub(super) fn parse(kafka: &Kafka, report: &mut Report) -> MetadataStore {
    let none = BTreeMap::new();
    let annotations = kafka.metadata.annotations.as_ref().unwrap_or(&none);
    let get = |key: &str| annotations.get(key).map(String::as_str);
    let beside = [
        METADATA_STORE_REPLICAS,
        METADATA_STORE_SIZE,
        METADATA_STORE_CLASS,
        METADATA_STORE_SECRET,
    ];
    let Some(text) = get(METADATA_STORE) else {
        for key in beside.into_iter().filter(|key| get(key).is_some()) {
            let why = format!("there is no annotation {METADATA_STORE}");
            report.meaningless(&field(key), &why);
        }
        return MetadataStore::KRaft;
    };
    let volume = StoreVolume {
        size: size(get(METADATA_STORE_SIZE), report),
        class: class(get(METADATA_STORE_CLASS), report),
    };
    let replicas = get(METADATA_STORE_REPLICAS);
    let secret = secret(get(METADATA_STORE_SECRET), report);
    let plain = text.strip_prefix("etcd://").map(|hosts| (hosts, false));
    let located = plain.or_else(|| text.strip_prefix("etcds://").map(|hosts| (hosts, true)));
    let meaningless = |keys: &[&str], why: &str, report: &mut Report| {
        for key in keys.iter().filter(|key| get(key).is_some()) {
            report.meaningless(&field(key), why);
        }
    };
    match (text, located) {
        ("zookeeper", _) => {
            let why = "an ensemble of the cluster's own asks for nothing";
            meaningless(&[METADATA_STORE_SECRET], why, report);
            MetadataStore::ZooKeeper {
                servers: servers(replicas, &ENSEMBLES, "1, 3, 5 or 7", report),
                volume,
            }
        }
        (_, Some((hosts, tls))) => {
            let allowed: Vec<u32> = (1..=MOST_ON_ETCD).collect();
            let words = format!("a whole number from 1 to {MOST_ON_ETCD}");
            let servers = servers(replicas, &allowed, &words, report);
            let hosts = hosts.strip_suffix('/').unwrap_or(hosts);
            let etcd = if hosts.is_empty() && !tls {
                let why = "an etcd of the cluster's own asks for nothing";
                meaningless(&[METADATA_STORE_SECRET], why, report);
                Etcd::Managed(volume)
            } else {
                let why = "an etcd that is there has its own volumes";
                meaningless(&[METADATA_STORE_SIZE, METADATA_STORE_CLASS], why, report);
                if tls && secret.is_none() {
                    let allowed = "with `etcds://`, the name of a Secret whose `ca.crt` is the authority of etcd's certificates";
                    report.invalid(
                        &field(METADATA_STORE_SECRET),
                        "nothing",
                        allowed,
                        "etcd-client",
                    );
                }
                Etcd::External(ExternalEtcd {
                    endpoints: endpoints(hosts, text, report),
                    tls,
                    secret,
                })
            };
            MetadataStore::Etcd { servers, etcd }
        }
        _ => {
            report.invalid(&field(METADATA_STORE), text, STORE_ALLOWED, STORE_EXAMPLE);
            // What else is said of a store is judged as if it were one.
            MetadataStore::ZooKeeper {
                servers: SERVERS,
                volume,
            }
        }
    }
}

fn field(annotation: &str) -> String {
    format!("metadata.annotations[\"{annotation}\"]")
}

fn endpoints(hosts: &str, given: &str, report: &mut Report) -> Vec<String> {
    let mut endpoints: Vec<String> = Vec::new();
    for host in hosts.split(',') {
        let parts = host.rsplit_once(':');
        let good = parts.is_some_and(|(name, port)| {
            is_host(name) && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !good || endpoints.iter().any(|known| known == host) {
            let allowed = format!(
                "`etcd://` or `etcds://` and addresses of the form host:port, each once, with commas between; {host:?} is none"
            );
            report.invalid(&field(METADATA_STORE), given, &allowed, STORE_EXAMPLE);
            break;
        }
        endpoints.push(host.to_owned());
    }
    endpoints
}

/// A DNS name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    if let Some(inner) = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    !text.is_empty()
        && text
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '-' || char == '.')
}

fn servers(given: Option<&str>, allowed: &[u32], words: &str, report: &mut Report) -> u32 {
    let Some(text) = given else { return SERVERS };
    let number = text.parse().ok().filter(|number| allowed.contains(number));
    number.unwrap_or_else(|| {
        report.invalid(&field(METADATA_STORE_REPLICAS), text, words, "3");
        SERVERS
    })
}

fn size(given: Option<&str>, report: &mut Report) -> ByteSize {
    let default = ByteSize::from_bytes(SIZE_GIBIBYTES << 30);
    let Some(text) = given else { return default };
    match text.parse::<ByteSize>() {
        Ok(size) if size.bytes() > 0 => size,
        Ok(_) | Err(_) => {
            let allowed = "a size such as 8Gi, 500Mi or 10G";
            report.invalid(&field(METADATA_STORE_SIZE), text, allowed, "8Gi");
            default
        }
    }
}

fn secret(given: Option<&str>, report: &mut Report) -> Option<String> {
    let text = given?;
    if !resources::words::is_name(text) {
        let allowed = "the name of a Secret of this namespace, with the keys ca.crt, user.crt and user.key, username and \
            password, as far as etcd asks for them";
        report.invalid(&field(METADATA_STORE_SECRET), text, allowed, "etcd-client");
    }
    Some(text.to_owned())
}

fn class(given: Option<&str>, report: &mut Report) -> Option<String> {
    let text = given?;
    if !resources::words::is_name(text) {
        let allowed = "the name of a StorageClass";
        report.invalid(&field(METADATA_STORE_CLASS), text, allowed, "standard");
    }
    Some(text.to_owned())
}

/// The release, where the store and it must go together.
pub(super) fn check_version(store: &MetadataStore, version: KafkaVersion, report: &mut Report) {
    let zookeeper = store.speaks_zookeeper();
    if version.needs_zookeeper() == zookeeper {
        return;
    }
    let given = version.to_string();
    let (allowed, example) = if zookeeper {
        (
            format!(
                "one of {}, because of the annotation {METADATA_STORE}: Kafka 4 knows no ZooKeeper",
                KafkaVersion::with_zookeeper()
            ),
            KafkaVersion::DEFAULT_WITH_ZOOKEEPER,
        )
    } else {
        (
            format!(
                "one of {}; Kafka {given} only with the annotation {METADATA_STORE}: its own KRaft is not run here",
                KafkaVersion::with_kraft()
            ),
            KafkaVersion::DEFAULT,
        )
    };
    report.wrong(
        "spec.kafka.version",
        &Wrong {
            reason: ProblemReason::UnsupportedVersion,
            given: &given,
            allowed: &allowed,
            example: &example.to_string(),
        },
    );
}

/// Brokers are all there is where the controller is elected in ZooKeeper.
pub(super) fn check_pool(store: &MetadataStore, pool: &KafkaNodePool, report: &mut Report) {
    if store.speaks_zookeeper() && pool.spec.roles.contains(&NodeRole::Controller) {
        let given = if pool.spec.roles.contains(&NodeRole::Broker) {
            "[controller, broker]"
        } else {
            "[controller]"
        };
        let allowed = format!(
            "the role `broker` only, because the Kafka has the annotation {METADATA_STORE}: its controller is one of the brokers, elected there"
        );
        report.conflict("spec.roles", given, &allowed, "[broker]");
    }
}
