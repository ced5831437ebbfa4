//! The certificate of the kubelet endpoint, and whom it trusts.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::ServeError;
use crate::settings::{Serving, Settings};

/// What the endpoint shows and asks for.
pub(super) fn server_config(
    settings: &Settings,
    node: Ipv4Addr,
) -> Result<Arc<ServerConfig>, ServeError> {
    let failed = |error: &dyn std::fmt::Display| ServeError::Certificate(error.to_string());
    let (chain_pem, key_pem) = match &settings.serving {
        Serving::Certificate { chain_pem, key_pem } => (chain_pem.clone(), key_pem.clone()),
        Serving::Authority { ca_pem, ca_key_pem } => {
            let ca_key = KeyPair::from_pem(ca_key_pem).map_err(|error| failed(&error))?;
            let issuer =
                Issuer::from_ca_cert_pem(ca_pem, ca_key).map_err(|error| failed(&error))?;
            let key = KeyPair::generate().map_err(|error| failed(&error))?;
            let certificate = leaf(&settings.node_name, node)
                .signed_by(&key, &issuer)
                .map_err(|error| failed(&error))?;
            (certificate.pem() + ca_pem, key.serialize_pem())
        }
        Serving::SelfSigned => {
            let key = KeyPair::generate().map_err(|error| failed(&error))?;
            let certificate = leaf(&settings.node_name, node)
                .self_signed(&key)
                .map_err(|error| failed(&error))?;
            (certificate.pem(), key.serialize_pem())
        }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| failed(&error))?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|error| failed(&error))?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?;
    let builder = match &settings.callers.client_ca_pem {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|error| failed(&error))?;
                roots.add(certificate).map_err(|error| failed(&error))?;
            }
            // Without a certificate only /healthz answers; that is decided per request.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(|error| failed(&error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder
        .with_single_cert(chain, key)
        .map_err(|error| failed(&error))?;
    Ok(Arc::new(config))
}

fn leaf(node_name: &str, node: Ipv4Addr) -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, format!("system:node:{node_name}"));
    params
        .distinguished_name
        .push(DnType::OrganizationName, "system:nodes");
    params.subject_alt_names = vec![SanType::IpAddress(IpAddr::V4(node))];
    params
        .subject_alt_names
        .extend(node_name.try_into().ok().map(SanType::DnsName));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}
