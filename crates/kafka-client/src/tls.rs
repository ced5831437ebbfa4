//! TLS from PEM in memory: whom we trust and who we are.
//!
//! Invariants: only the given CAs are trusted, never the system's; the name verified is the endpoint's, whatever
//! address is dialled; keys never appear in debug output. Not here: dialling (`connection`).

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Trust and identity for TLS connections; cheap to clone.
#[derive(Clone)]
pub struct Tls {
    pub(crate) client: Arc<ClientConfig>,
}

/// PEM that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The CA bundle holds no certificate or a broken one.
    #[error("the CA bundle cannot be used: {0}")]
    Trust(String),
    /// The client certificate or its key is missing or broken.
    #[error("the client certificate or key cannot be used: {0}")]
    Identity(String),
}

/// A client certificate (chain) and its private key, as PEM.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The certificate, then intermediates.
    pub certificate_pem: &'a [u8],
    /// The key: PKCS#8, PKCS#1 or SEC1.
    pub key_pem: &'a [u8],
}

impl Tls {
    /// Trusts the certificates in `ca_pem`; presents `identity` to brokers that ask for one.
    pub fn new(ca_pem: &[u8], identity: Option<Identity<'_>>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem) {
            let certificate = certificate.map_err(|error| TlsError::Trust(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| TlsError::Trust(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(TlsError::Trust("it holds no certificate".to_owned()));
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Trust(error.to_string()))?
            .with_root_certificates(roots);
        let client = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = parse_identity(identity)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| TlsError::Identity(error.to_string()))?
            }
        };
        Ok(Self {
            client: Arc::new(client),
        })
    }
}

fn parse_identity(
    identity: Identity<'_>,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let broken = |error: rustls_pki_types::pem::Error| TlsError::Identity(error.to_string());
    let chain = CertificateDer::pem_slice_iter(identity.certificate_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(broken)?;
    if chain.is_empty() {
        return Err(TlsError::Identity("there is no certificate".to_owned()));
    }
    Ok((
        chain,
        PrivateKeyDer::from_pem_slice(identity.key_pem).map_err(broken)?,
    ))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
