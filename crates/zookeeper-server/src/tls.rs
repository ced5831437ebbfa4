//! TLS for clients, and who a certificate says they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zookeeper_protocol::Id;

use crate::settings::Secure;

/// TLS cannot be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file does not hold what it should.
    #[error("{option} {}: {why}", path.display())]
    File {
        /// The option that names it.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Certificate and key, or the authorities, are refused.
    #[error("--tls-cert and --tls-key: {0}")]
    Refused(String),
}

/// The options, as they are called.
const CERTIFICATE: &str = "--tls-cert";
const CLIENT_CA: &str = "--tls-client-ca";

/// What accepts TLS connections.
pub(crate) fn acceptor(secure: &Secure) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Refused(error.to_string()))?;
    let builder = match &secure.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(CLIENT_CA, path)? {
                roots
                    .add(certificate)
                    .map_err(|error| refuse(CLIENT_CA, path, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| refuse(CLIENT_CA, path, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&secure.key)
        .map_err(|error| refuse("--tls-key", &secure.key, &error))?;
    let config = builder
        .with_single_cert(certificates(CERTIFICATE, &secure.certificate)?, key)
        .map_err(|error| TlsError::Refused(error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// How often it is looked whether the files changed; a kubelet takes about a minute to bring a new Secret.
const LOOK: Duration = Duration::from_secs(2);

/// Reads certificates again when their files change, until the server stops. Those that cannot be used leave the present ones.
///
/// `before` is what the present certificate was made of.
pub(crate) async fn keep_current(
    secure: Secure,
    mut before: Contents,
    current: watch::Sender<TlsAcceptor>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
        let now = contents(&secure);
        if now == before {
            continue;
        }
        match acceptor(&secure) {
            Ok(acceptor) => {
                tracing::info!(certificate = %secure.certificate.display(), "clients are met with the new certificate");
                current.send_replace(acceptor);
            }
            Err(error) => {
                tracing::warn!(%error, "the new certificate cannot be used; clients are met with the old one");
            }
        }
        before = now;
    }
}

/// What the files hold; `None` for one that cannot be read.
pub(crate) type Contents = [Option<Vec<u8>>; 3];

pub(crate) fn contents(secure: &Secure) -> Contents {
    let read = |path: &Path| std::fs::read(path).ok();
    [
        read(&secure.certificate),
        read(&secure.key),
        secure.client_ca.as_deref().and_then(read),
    ]
}

fn refuse(option: &'static str, path: &Path, error: &dyn std::fmt::Display) -> TlsError {
    TlsError::File {
        option,
        path: path.to_owned(),
        why: error.to_string(),
    }
}

fn certificates(
    option: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| refuse(option, path, &error))?;
    if chain.is_empty() {
        return Err(refuse(option, path, &"holds no certificate in PEM"));
    }
    Ok(chain)
}

/// The identity in the scheme `x509`: the subject, written as Java writes it (RFC 2253).
pub(crate) fn certificate_identity(certificate: &[u8]) -> Option<Id> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let mut parts: Vec<String> = certificate
        .subject()
        .iter()
        .map(|part| {
            part.iter()
                .map(|attribute| {
                    let oid = attribute.attr_type().to_id_string();
                    let value = attribute.attr_value();
                    if let (Some(name), Ok(text)) = (short_name(&oid), attribute.as_str()) {
                        return format!("{name}={}", escape(text));
                    }
                    let mut der = vec![u8::try_from(value.tag().0).unwrap_or(0)];
                    der.push(u8::try_from(value.data.len()).unwrap_or(0));
                    der.extend_from_slice(value.data);
                    format!("{oid}=#{}", hex::encode(der))
                })
                .collect::<Vec<_>>()
                .join("+")
        })
        .collect();
    parts.reverse();
    Some(Id {
        scheme: "x509".to_owned(),
        id: parts.join(","),
    })
}

/// The names that RFC 2253 has for attributes.
fn short_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.25" => "DC",
        "0.9.2342.19200300.100.1.1" => "UID",
        _ => return None,
    })
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    let last = text.chars().count().saturating_sub(1);
    for (index, c) in text.chars().enumerate() {
        let edge = (c == ' ' && (index == 0 || index == last)) || (c == '#' && index == 0);
        if edge || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests;
