//! TLS for clients, and who a certificate says they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zookeeper_protocol::Id;

use crate::settings::Secure;

/// TLS cannot be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file does not hold what it should.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Certificate and key, or the authorities, are refused.
    #[error("TLS: {0}")]
    Refused(String),
}

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
            for certificate in certificates(path)? {
                roots
                    .add(certificate)
                    .map_err(|error| refuse(path, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| refuse(path, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key =
        PrivateKeyDer::from_pem_file(&secure.key).map_err(|error| refuse(&secure.key, &error))?;
    let config = builder
        .with_single_cert(certificates(&secure.certificate)?, key)
        .map_err(|error| TlsError::Refused(error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn refuse(path: &Path, error: &dyn std::fmt::Display) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| refuse(path, &error))?;
    if chain.is_empty() {
        return Err(refuse(path, &"holds no certificate"));
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
