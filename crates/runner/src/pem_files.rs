//! PEM files: joined from the mounted Secrets before Kafka starts, and again whenever these change.
//!
//! Kafka wants key and chain of a keystore in one file; Secrets hold them apart. Files are replaced, never rewritten
//! in place, so that Kafka reads the old or the new one whole.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::runner::{PemFile, RunnerConfig};
use rustls::InconsistentKeys;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;

use crate::RunnerError;
use crate::environment::Environment;

/// How long a certificate may take to name this Pod's address. The operator needs one look; a busy machine a few.
const ADDRESS_LIMIT: Duration = Duration::from_mins(2);
/// How often mounted files are looked at until they are as they must be.
const PERIOD: Duration = Duration::from_millis(250);

/// Joins every PEM file whose sources changed. Returns the files that were written: none, if one of them cannot be used.
pub(crate) fn assemble(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<Vec<PathBuf>, RunnerError> {
    let mut changed = Vec::new();
    for file in &config.pem_files {
        let joined = join(environment, file)?;
        let path = environment.path(&file.path);
        if std::fs::read(&path).is_ok_and(|present| present == joined) {
            continue;
        }
        if let Some(wrong) = wrong(&joined) {
            return Err(RunnerError::Configuration {
                path: PathBuf::from(file.from.join(" and ")),
                reason: wrong.to_owned(),
            });
        }
        changed.push((path, joined));
    }
    let mut written = Vec::new();
    for (path, joined) in changed {
        write_private(&path, &joined)?;
        written.push(path);
    }
    Ok(written)
}

/// What is wrong with a file, of what Kafka would not look at before it begins to serve it, or not say where it came
/// from. Keys that we cannot read are Kafka's to judge.
fn wrong(pem: &[u8]) -> Option<&'static str> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let Some(chain) = chain else {
        return Some(
            "there is no certificate in PEM form (-----BEGIN CERTIFICATE-----); put one into the Secret",
        );
    };
    let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key).ok()?;
    let torn = Err(rustls::Error::InconsistentKeys(
        InconsistentKeys::KeyMismatch,
    ));
    (CertifiedKey::new(chain, key).keys_match() == torn).then_some(
        "the private key does not belong to the certificate, so no handshake would succeed; put the two that belong \
         together into the Secret",
    )
}

fn join(environment: &Environment, file: &PemFile) -> Result<Vec<u8>, RunnerError> {
    let sources: Vec<PathBuf> = file
        .from
        .iter()
        .map(|source| environment.path(source))
        .collect();
    let mut attempts = 0;
    loop {
        match read_together(&sources) {
            Ok(joined) => return Ok(joined),
            // What was being read was swapped and removed meanwhile: the new one is there.
            Err((_, error)) if error.kind() == ErrorKind::NotFound && attempts < SWAPS => {
                attempts += 1;
            }
            Err((path, error)) => return Err(RunnerError::file("read", &path)(error)),
        }
    }
}

/// How often in a row a volume may be swapped while it is read; each swap follows a change of the Secret.
const SWAPS: u32 = 10;
/// In a mounted Secret each file is a link through this one, which is swapped when the Secret changes.
/// Source: Kubernetes' `AtomicWriter`.
const GENERATION: &str = "..data";

/// Joins the files, those of one Secret as they were at one moment: a key and its certificate belong together.
fn read_together(sources: &[PathBuf]) -> Result<Vec<u8>, (PathBuf, std::io::Error)> {
    let mut generations: BTreeMap<&Path, PathBuf> = BTreeMap::new();
    let mut joined = Vec::new();
    for source in sources {
        let path = match (source.parent(), source.file_name()) {
            (Some(dir), Some(name)) => generations
                .entry(dir)
                .or_insert_with(|| {
                    std::fs::read_link(dir.join(GENERATION))
                        .map_or_else(|_| dir.to_owned(), |now| dir.join(now))
                })
                .join(name),
            _ => source.clone(),
        };
        joined.extend(std::fs::read(&path).map_err(|error| (source.clone(), error))?);
        if joined.last().is_some_and(|byte| *byte != b'\n') {
            joined.push(b'\n');
        }
    }
    Ok(joined)
}

/// Replaces a file that only its owner may read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), RunnerError> {
    let fresh = path.with_extension("fresh");
    let write = || {
        // A leftover of a killed runner may have any content; its mode is ours all the same.
        let mut file = std::fs::File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(content)?;
        std::fs::rename(&fresh, path)
    };
    write().map_err(RunnerError::file("write", path))
}

/// Assembles the files and waits until the certificates that must name the Pod's address do.
pub(crate) async fn assemble_and_wait(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<(), RunnerError> {
    let mut waited = Duration::ZERO;
    loop {
        assemble(environment, config)?;
        let Some(missing) = without_address(environment, config)? else {
            return Ok(());
        };
        if waited.is_zero() {
            tracing::info!(address = %environment.pod_ip, "waiting for a certificate that names this Pod's address");
        }
        if waited >= ADDRESS_LIMIT {
            return Err(RunnerError::CertificateAddress {
                path: missing,
                address: environment.pod_ip.to_string(),
                seconds: ADDRESS_LIMIT.as_secs(),
            });
        }
        tokio::time::sleep(PERIOD).await;
        waited += PERIOD;
    }
}

fn without_address(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<Option<PathBuf>, RunnerError> {
    if !environment.uses_pod_ip {
        return Ok(None);
    }
    for file in config
        .pem_files
        .iter()
        .filter(|file| file.names_pod_address)
    {
        let path = environment.path(&file.path);
        let pem = std::fs::read(&path).map_err(RunnerError::file("read", &path))?;
        if !names_address(&pem, environment.pod_ip) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Whether the first certificate of the bundle has the address among its subject alternative names.
fn names_address(pem: &[u8], address: IpAddr) -> bool {
    let Some(der) = first_certificate(pem) else {
        return false;
    };
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(&der) else {
        return false;
    };
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return false;
    };
    let octets = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    names
        .value
        .general_names
        .iter()
        .any(|name| matches!(name, GeneralName::IPAddress(bytes) if *bytes == octets))
}

fn first_certificate(bundle: &[u8]) -> Option<Vec<u8>> {
    pem::parse_many(bundle)
        .ok()?
        .into_iter()
        .find(|block| block.tag() == "CERTIFICATE")
        .map(pem::Pem::into_contents)
}

/// SHA-256 of the first certificate of the bundle, hex; `None` if there is none.
pub(crate) fn certificate_hash(pem: &[u8]) -> Option<String> {
    first_certificate(pem).map(|der| hex::encode(Sha256::digest(der)))
}

/// When the first certificate of the bundle expires, in Unix seconds; `None` if there is none.
pub(crate) fn expiry_unix_seconds(pem: &[u8]) -> Option<i64> {
    let der = first_certificate(pem)?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests;
