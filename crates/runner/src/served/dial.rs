//! A TLS handshake that only wants to see the other side's certificate.
//!
//! Nobody is trusted by it: no data is sent, and whose certificate it is, is the answer, not a condition.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::runner::RunnerConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsConnector;

use super::files;
use crate::RunnerError;
use crate::environment::Environment;

/// How long a handshake with a listener on the same machine may take.
const BOUND: Duration = Duration::from_secs(5);

/// Hashes of the certificates that listeners serve; of one that does not answer nothing is said.
pub(crate) async fn all(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<BTreeMap<String, String>, RunnerError> {
    let stores = files::stores(environment, config)?;
    let mut found = BTreeMap::new();
    // Nodes believe each other's certificates; listeners for clients are content with none.
    let own = stores
        .first()
        .and_then(|store| std::fs::read(&store.keystore).ok())
        .unwrap_or_default();
    for store in &stores {
        let address = SocketAddr::new(environment.pod_ip, store.port);
        match served_certificate(address, &own).await {
            Ok(der) => {
                found.insert(store.listener.clone(), hex::encode(Sha256::digest(der)));
            }
            Err(error) => {
                tracing::debug!(listener = store.listener, %address, error, "what it serves cannot be seen");
            }
        }
    }
    Ok(found)
}

/// The certificate (DER) that is served at `address`; `own_pem` is shown where a certificate is asked for.
pub(super) async fn served_certificate(
    address: SocketAddr,
    own_pem: &[u8],
) -> Result<Vec<u8>, String> {
    let provider = Arc::new(ring::default_provider());
    let seen = Arc::new(Seen {
        provider: Arc::clone(&provider),
        certificate: Mutex::default(),
    });
    let verifier: Arc<dyn ServerCertVerifier> = Arc::<Seen>::clone(&seen);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match identity(own_pem) {
        Some((chain, key)) => config
            .with_client_auth_cert(chain, key)
            .map_err(|error| error.to_string())?,
        None => config.with_no_client_auth(),
    };
    let handshake = async {
        let stream = tokio::net::TcpStream::connect(address).await?;
        let name = ServerName::IpAddress(address.ip().into());
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .map(drop)
    };
    let outcome = match tokio::time::timeout(BOUND, handshake).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no handshake within {} s", BOUND.as_secs())),
    };
    // The other side shows its certificate first; whether it then likes ours does not matter here.
    match seen.take() {
        Some(der) => Ok(der),
        None => Err(outcome
            .err()
            .unwrap_or_else(|| "it showed no certificate".to_owned())),
    }
}

fn identity(pem: &[u8]) -> Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty())?;
    Some((chain, PrivateKeyDer::from_pem_slice(pem).ok()?))
}

/// Keeps what it is shown.
#[derive(Debug)]
struct Seen {
    provider: Arc<CryptoProvider>,
    certificate: Mutex<Option<Vec<u8>>>,
}

impl Seen {
    fn take(&self) -> Option<Vec<u8>> {
        self.certificate
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self
            .certificate
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(end_entity.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
