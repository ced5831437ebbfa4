//! The Secrets of a cluster without their data: names, labels, annotations, types, and which keys belong in them.

use k8s_openapi::api::core::v1::Secret;
use model::desired::{CaSettings, MetadataTemplate, Node};

use crate::facts::Input;
use crate::labels::{self, Component, Map};
use crate::names;

/// Annotation with the generation of an authority's certificate, on its own Secret.
pub const CA_CERTIFICATE_GENERATION: &str = "strimzi.io/ca-cert-generation";
/// Annotation with the generation of an authority's key, on its own Secret.
pub const CA_KEY_GENERATION: &str = "strimzi.io/ca-key-generation";
/// Annotation with the generation of the cluster CA's certificate, on what depends on it.
pub const CLUSTER_CA_CERTIFICATE_GENERATION: &str = "strimzi.io/cluster-ca-cert-generation";
/// Annotation with the generation of the cluster CA's key, on what depends on it.
pub const CLUSTER_CA_KEY_GENERATION: &str = "strimzi.io/cluster-ca-key-generation";
/// Annotation with the generation of the clients CA's certificate, on what depends on it.
pub const CLIENTS_CA_CERTIFICATE_GENERATION: &str = "strimzi.io/clients-ca-cert-generation";

/// Key of an authority's private key.
pub const CA_KEY: &str = "ca.key";
/// Key of an authority's certificate.
pub const CA_CERTIFICATE: &str = "ca.crt";
/// Key of an authority's certificate as a PKCS#12 trust store.
pub const CA_STORE: &str = "ca.p12";
/// Key of the password of [`CA_STORE`].
pub const CA_PASSWORD: &str = "ca.password";
/// Key of the cluster CA's certificates in the trust bundle.
pub const TRUST_CLUSTER: &str = "cluster-ca.crt";
/// Key of the clients CA's certificates in the trust bundle.
pub const TRUST_CLIENTS: &str = "clients-ca.crt";
/// Key of the JMX user's name.
pub const JMX_USERNAME: &str = "jmx-username";
/// Key of the JMX password.
pub const JMX_PASSWORD: &str = "jmx-password";
/// Name of the operator's certificate in its Secret, without `.crt` and `.key`.
pub const OPERATOR_ENTRY: &str = "cluster-operator";

/// Which certificate authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// Signs nodes and operators.
    Cluster,
    /// Signs clients.
    Clients,
}

impl Authority {
    /// Name of the Secret with its key: `<cluster>-cluster-ca`, `<cluster>-clients-ca`.
    pub fn key_secret_name(self, input: &Input<'_>) -> String {
        format!("{}-{}", input.cluster.name, self.word())
    }

    /// Name of the Secret with its certificate: `<cluster>-cluster-ca-cert`, `<cluster>-clients-ca-cert`.
    pub fn certificate_secret_name(self, input: &Input<'_>) -> String {
        format!("{}-{}-cert", input.cluster.name, self.word())
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Cluster => "cluster-ca",
            Self::Clients => "clients-ca",
        }
    }

    const fn settings<'a>(self, input: &Input<'a>) -> &'a CaSettings {
        match self {
            Self::Cluster => &input.cluster.cluster_ca,
            Self::Clients => &input.cluster.clients_ca,
        }
    }

    const fn generations(self, input: &Input<'_>) -> (u32, u32) {
        let generations = &input.facts.generations;
        match self {
            Self::Cluster => (generations.cluster_certificate, generations.cluster_key),
            Self::Clients => (generations.clients_certificate, generations.clients_key),
        }
    }
}

/// The Secret of an authority's key: [`CA_KEY`].
pub fn authority_key(input: &Input<'_>, authority: Authority) -> Secret {
    let (_, key) = authority.generations(input);
    let annotations = labels::map([(CA_KEY_GENERATION, key.to_string())]);
    authority_secret(
        input,
        authority,
        authority.key_secret_name(input),
        &annotations,
        &MetadataTemplate::default(),
    )
}

/// The Secret of an authority's certificate: [`CA_CERTIFICATE`], [`CA_STORE`], [`CA_PASSWORD`].
pub fn authority_certificate(input: &Input<'_>, authority: Authority) -> Secret {
    let (certificate, _) = authority.generations(input);
    let annotations = labels::map([(CA_CERTIFICATE_GENERATION, certificate.to_string())]);
    let none = MetadataTemplate::default();
    let template = match authority {
        Authority::Cluster => &input.cluster.template.cluster_ca_cert,
        Authority::Clients => &none,
    };
    authority_secret(
        input,
        authority,
        authority.certificate_secret_name(input),
        &annotations,
        template,
    )
}

fn authority_secret(
    input: &Input<'_>,
    authority: Authority,
    name: String,
    annotations: &Map,
    template: &MetadataTemplate,
) -> Secret {
    let labels = labels::cluster_labels(input.cluster, Component::CertificateAuthority);
    let annotations = labels::merged([&template.annotations, annotations]);
    let mut secret = opaque(
        input,
        name,
        labels::with_template(labels, template),
        annotations,
    );
    if !authority.settings(input).owner_reference {
        secret.metadata.owner_references = None;
    }
    secret
}

/// The Secret that all nodes trust: [`TRUST_CLUSTER`], [`TRUST_CLIENTS`].
pub fn trust_bundle(input: &Input<'_>) -> Secret {
    let generations = input.facts.generations;
    let annotations = labels::map([
        (
            CLUSTER_CA_CERTIFICATE_GENERATION,
            generations.cluster_certificate.to_string(),
        ),
        (
            CLIENTS_CA_CERTIFICATE_GENERATION,
            generations.clients_certificate.to_string(),
        ),
    ]);
    let labels = labels::cluster_labels(input.cluster, Component::TrustBundle);
    opaque(
        input,
        names::trust_bundle_secret(&input.cluster.name),
        labels,
        annotations,
    )
}

/// The Secret of the operator's own certificate: [`OPERATOR_ENTRY`] `.crt` and `.key`.
pub fn operator(input: &Input<'_>) -> Secret {
    let labels = labels::cluster_labels(input.cluster, Component::Operator);
    opaque(
        input,
        names::operator_secret(&input.cluster.name),
        labels,
        cluster_generation(input),
    )
}

/// The Secret of a node's certificate: `<pod>.crt`, `<pod>.key`.
pub fn node(input: &Input<'_>, node: &Node) -> Secret {
    let labels = labels::cluster_labels(input.cluster, Component::Kafka);
    opaque(
        input,
        node.pod_name(&input.cluster.name),
        labels,
        cluster_generation(input),
    )
}

/// The Secret of the JMX password: [`JMX_USERNAME`], [`JMX_PASSWORD`].
pub fn jmx(input: &Input<'_>) -> Secret {
    let template = &input.cluster.template.jmx_secret;
    let labels = labels::with_template(
        labels::cluster_labels(input.cluster, Component::Kafka),
        template,
    );
    opaque(
        input,
        names::jmx_secret(&input.cluster.name),
        labels,
        template.annotations.clone(),
    )
}

fn cluster_generation(input: &Input<'_>) -> Map {
    let generation = input.facts.generations.cluster_certificate;
    labels::map([(CLUSTER_CA_CERTIFICATE_GENERATION, generation.to_string())])
}

fn opaque(input: &Input<'_>, name: String, labels: Map, annotations: Map) -> Secret {
    Secret {
        metadata: labels::metadata(input, name, labels, annotations),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}
