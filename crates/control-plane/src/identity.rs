//! Who the server is and whom it knows: its authority, its own certificate, the token of the kubeconfig.
//!
//! Reads and writes `pki/` in the data directory (0700, files 0600); in memory without one. Invariant: what is there
//! is used again, so a kubeconfig stays valid over restarts.

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rand::Rng;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

/// Made once for a home that may live for years.
const AUTHORITY_DAYS: i64 = 3_650;
/// Made anew at each start.
const LEAF_DAYS: i64 = 365;
/// Clocks of one machine still jump a little.
const BACKDATE_MINUTES: i64 = 10;
const TOKEN_BYTES: usize = 32;

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub struct KeyPairPem {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// Why the server's identity cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file of it cannot be read or written.
    #[error("cannot read or write {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The authority's file is not what was written there.
    #[error("pki/ca.pem does not hold a key and a certificate; remove it to get a new authority")]
    Authority,
    /// A certificate cannot be made.
    #[error("cannot make a certificate")]
    Certificate {
        /// Why.
        source: rcgen::Error,
    },
}

impl From<rcgen::Error> for IdentityError {
    fn from(source: rcgen::Error) -> Self {
        Self::Certificate { source }
    }
}

/// The server's secrets.
pub(crate) struct Identity {
    /// The authority's certificate.
    pub(crate) authority: String,
    /// What requests through the kubeconfig carry.
    pub(crate) token: String,
    /// Signs tokens of service accounts.
    pub(crate) signing_key: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Whom a certificate is for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// A server at these names and addresses.
    Server(Vec<SanType>),
    /// A client that is in these groups.
    Client(&'static [&'static str]),
}

impl Identity {
    /// What is in the directory, made where it is missing.
    pub(crate) fn open(data_dir: Option<&Path>) -> Result<Self, IdentityError> {
        let dir = data_dir.map(|dir| dir.join("pki"));
        if let Some(dir) = &dir {
            let made = fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir);
            made.map_err(|source| IdentityError::File {
                path: dir.clone(),
                source,
            })?;
        }
        let kept = |name: &str, make: &dyn Fn() -> Result<String, IdentityError>| match &dir {
            Some(dir) => keep(&dir.join(name), make),
            None => make(),
        };
        // One file, so that a key never meets the certificate of another.
        let pair = kept("ca.pem", &make_authority)?;
        let (key_pem, authority) = split_pair(&pair).ok_or(IdentityError::Authority)?;
        let key = KeyPair::from_pem(key_pem)?;
        let authority = authority.to_owned();
        let token = kept("token", &|| Ok(random_text()))?;
        let signing_key = kept("service-accounts.key", &|| Ok(random_text()))?;
        let issuer = Issuer::from_ca_cert_pem(&authority, key)?;
        Ok(Self {
            authority,
            token: token.trim().to_owned(),
            signing_key: signing_key.trim().to_owned(),
            issuer,
        })
    }

    /// A certificate signed by the authority.
    pub(crate) fn issue(&self, name: &str, purpose: Purpose) -> Result<KeyPairPem, IdentityError> {
        let key = KeyPair::generate()?;
        let mut params = params(name, LEAF_DAYS);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        match purpose {
            Purpose::Server(names) => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
                params.subject_alt_names = names;
            }
            Purpose::Client(groups) => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
                for group in groups {
                    params
                        .distinguished_name
                        .push(DnType::OrganizationName, *group);
                }
            }
        }
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(KeyPairPem {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// The certificate of the API server itself.
    pub(crate) fn server_certificate(&self) -> Result<KeyPairPem, IdentityError> {
        let mut names = vec![SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
        for name in [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
        ] {
            names.push(SanType::DnsName(name.try_into()?));
        }
        self.issue("klamm-control-plane", Purpose::Server(names))
    }
}

/// The file's text; made and written, readable only by its owner, if it is not there.
fn keep(
    path: &Path,
    make: &dyn Fn() -> Result<String, IdentityError>,
) -> Result<String, IdentityError> {
    let failed = |source| IdentityError::File {
        path: path.to_owned(),
        source,
    };
    match fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let text = make()?;
    // A kill in between leaves the half file behind, not a half secret.
    let half = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&half)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    fs::rename(&half, path).map_err(failed)?;
    // Nobody waits for the disk, which would be most of a first start. A loss of power within these milliseconds leaves
    // an empty file, which is made anew; later ones leave the file, and every kubeconfig that was copied goes on working.
    let dir = path.parent().map(Path::to_owned);
    std::thread::spawn(move || {
        let synced = file
            .sync_all()
            .and_then(|()| dir.map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all()));
        if let Err(error) = synced {
            tracing::warn!(%error, "what the control plane is known by may not outlive a loss of power");
        }
    });
    Ok(text)
}

fn make_authority() -> Result<String, IdentityError> {
    let key = KeyPair::generate()?;
    let mut params = params("klamm-control-plane-ca", AUTHORITY_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    Ok(format!(
        "{}{}",
        key.serialize_pem(),
        params.self_signed(&key)?.pem()
    ))
}

/// The key and the certificate.
fn split_pair(pair: &str) -> Option<(&str, &str)> {
    pair.find("-----BEGIN CERTIFICATE-----")
        .map(|at| pair.split_at(at))
        .filter(|(key, _)| key.contains("PRIVATE KEY"))
}

fn params(name: &str, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::minutes(BACKDATE_MINUTES);
    params.not_after = now + Duration::days(days);
    params
}

fn random_text() -> String {
    let mut bytes = [0_u8; TOKEN_BYTES];
    rand::rng().fill(&mut bytes);
    hex::encode(bytes)
}
