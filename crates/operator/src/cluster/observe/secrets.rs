//! Secrets: what stands in them, without keeping it.
//!
//! Values are read once per version of a Secret and reduced to hashes and to what certificates say; only that is kept.
//! A hash of something short could be guessed back, so passwords have none.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1 as core;
use kube::api::{Api, ObjectMeta};
use model::desired::Cluster;
use model::observed::secret::{Certificate, Secret};
use model::observed::{Known, seen};
use sha2::{Digest, Sha256};

use super::kubernetes::{Reader, meta_of};
use crate::certificates::{self, authority, inspect};
use crate::kinds;

/// How many values are read at once.
const READS_AT_ONCE: usize = 8;

/// What is kept of Secrets between looks, by name.
#[derive(Debug, Default)]
pub(crate) struct SecretFacts {
    known: BTreeMap<String, Facts>,
}

/// What is kept of one version of one Secret.
#[derive(Debug, Clone, Default)]
struct Facts {
    version: (String, String),
    keys: BTreeMap<String, String>,
    certificates: BTreeMap<String, (Vec<certificates::Facts>, String)>,
    /// Public halves of the private keys in it, for comparison with certificates.
    public_keys: BTreeMap<String, Vec<u8>>,
}

/// Reads the Secrets of the cluster and those it refers to.
pub(super) async fn read(
    reader: &Reader<'_>,
    facts: &mut SecretFacts,
    desired: Option<&Cluster>,
) -> Known<BTreeMap<String, Secret>> {
    let mut metadata: BTreeMap<String, ObjectMeta> = match reader
        .list_metadata(kinds::SECRET, &reader.object_selector())
        .await
    {
        Known::At(_, list) => list
            .into_iter()
            .map(|metadata| (metadata.name.clone().unwrap_or_default(), metadata))
            .collect(),
        Known::Unknown(why) => return Known::Unknown(why),
    };
    let api = kinds::SECRET.within(&reader.hands.client, reader.namespace);
    for name in referenced(reader.cluster, desired) {
        if metadata.contains_key(&name) {
            continue;
        }
        match reader
            .read(&format!("Secret {name}"), || api.get_metadata_opt(&name))
            .await
        {
            Known::At(_, found) => metadata.extend(found.map(|found| (name, found.metadata))),
            Known::Unknown(why) => return Known::Unknown(why),
        }
    }
    facts.known.retain(|name, _| metadata.contains_key(name));
    let changed: Vec<String> = metadata
        .iter()
        .filter(|(name, metadata)| {
            facts
                .known
                .get(*name)
                .is_none_or(|known| known.version != version_of(metadata))
        })
        .map(|(name, _)| name.clone())
        .collect();
    let values: Api<core::Secret> = Api::namespaced(reader.hands.client.clone(), reader.namespace);
    let reads: Vec<_> = changed
        .into_iter()
        .map(|name| read_value(reader, &values, name))
        .collect();
    let mut reads = futures::stream::iter(reads).buffer_unordered(READS_AT_ONCE);
    while let Some((name, read)) = reads.next().await {
        match read {
            Known::At(_, Some(secret)) => {
                metadata.insert(name.clone(), secret.metadata.clone());
                facts.known.insert(name, facts_of(secret));
            }
            Known::At(_, None) => {
                metadata.remove(&name);
                facts.known.remove(&name);
            }
            Known::Unknown(why) => return Known::Unknown(why),
        }
    }
    drop(reads);
    seen(
        reader.hands.clock.now(),
        conclude(reader.cluster, &metadata, &facts.known),
    )
}

async fn read_value(
    reader: &Reader<'_>,
    values: &Api<core::Secret>,
    name: String,
) -> (String, Known<Option<core::Secret>>) {
    let read = reader
        .read(&format!("Secret {name}"), || values.get_opt(&name))
        .await;
    (name, read)
}

/// Secrets that are looked at whatever their labels: the authorities (users bring theirs as they like) and what
/// listeners refer to.
fn referenced(cluster: &str, desired: Option<&Cluster>) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = [
        "cluster-ca",
        "cluster-ca-cert",
        "clients-ca",
        "clients-ca-cert",
    ]
    .iter()
    .map(|suffix| format!("{cluster}-{suffix}"))
    .collect();
    let listeners = desired.iter().flat_map(|desired| &desired.listeners);
    names.extend(
        listeners
            .filter_map(|listener| listener.configuration.certificate.as_ref())
            .map(|own| own.secret.clone()),
    );
    names
}

fn version_of(metadata: &ObjectMeta) -> (String, String) {
    (
        metadata.uid.clone().unwrap_or_default(),
        metadata.resource_version.clone().unwrap_or_default(),
    )
}

fn facts_of(secret: core::Secret) -> Facts {
    let mut facts = Facts {
        version: version_of(&secret.metadata),
        ..Facts::default()
    };
    for (key, ByteString(value)) in secret.data.unwrap_or_default() {
        let text = std::str::from_utf8(&value).unwrap_or_default();
        if let Ok(read) = inspect::read_certificates(&key, text) {
            facts
                .certificates
                .insert(key.clone(), (read, text.to_owned()));
        } else if let Ok(public) = authority::public_half(&key, text) {
            facts.public_keys.insert(key.clone(), public);
        }
        facts.keys.insert(key.clone(), hash(&key, &value));
    }
    facts
}

fn hash(key: &str, value: &[u8]) -> String {
    /// A key or certificate is longer; whatever is shorter might be a password.
    const SHORTEST: usize = 64;
    if key.contains("password") || value.len() < SHORTEST {
        String::new()
    } else {
        hex::encode(Sha256::digest(value))
    }
}

fn conclude(
    cluster: &str,
    metadata: &BTreeMap<String, ObjectMeta>,
    facts: &BTreeMap<String, Facts>,
) -> BTreeMap<String, Secret> {
    let authorities: Vec<&certificates::Facts> = ["cluster-ca-cert", "clients-ca-cert"]
        .iter()
        .filter_map(|suffix| facts.get(&format!("{cluster}-{suffix}")))
        .flat_map(|facts| facts.certificates.values().flat_map(|(chain, _)| chain))
        .collect();
    let mut secrets = BTreeMap::new();
    for (name, metadata) in metadata {
        let Some(own) = facts.get(name) else { continue };
        // The key of an authority stands in a Secret of its own.
        let key_secret = name.strip_suffix("-cert").and_then(|stem| facts.get(stem));
        let certificates = own.certificates.iter().filter_map(|(key, (chain, text))| {
            let leaf = chain.first()?;
            let key_name = format!("{}.key", key.strip_suffix(".crt").unwrap_or(key));
            let public = own
                .public_keys
                .get(&key_name)
                .or_else(|| key_secret?.public_keys.get(&key_name));
            Some((
                key.clone(),
                certificate_of(leaf, text, public, &authorities),
            ))
        });
        let certificates = certificates.collect();
        secrets.insert(
            name.clone(),
            Secret {
                meta: meta_of(metadata),
                keys: own.keys.clone(),
                certificates,
            },
        );
    }
    secrets
}

fn certificate_of(
    leaf: &certificates::Facts,
    text: &str,
    public_key: Option<&Vec<u8>>,
    authorities: &[&certificates::Facts],
) -> Certificate {
    Certificate {
        subject: leaf.subject.clone(),
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        dns_names: leaf.dns.iter().cloned().collect(),
        addresses: leaf.addresses.iter().map(ToString::to_string).collect(),
        signed_by: authorities
            .iter()
            .find(|authority| leaf.issued_by(authority))
            .map(|authority| authority.fingerprint.clone()),
        fingerprint: leaf.fingerprint.clone(),
        thumbprint: leaf.sha1.clone(),
        key_matches: public_key.map(|public| *public == leaf.public_key_der),
        pem: text.to_owned(),
    }
}
