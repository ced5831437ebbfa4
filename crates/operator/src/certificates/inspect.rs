//! What a certificate says.
//!
//! Reads PEM text; an undecodable certificate is an error that names its position, never skipped.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sha2::{Digest, Sha256};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Error;

/// What we look at in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Subject as RFC 4514 text, for display.
    pub subject: String,
    /// Issuer as RFC 4514 text, for display.
    pub issuer: String,
    /// Valid from.
    pub not_before: jiff::Timestamp,
    /// Valid until.
    pub not_after: jiff::Timestamp,
    /// DNS names it is valid for.
    pub dns: BTreeSet<String>,
    /// Addresses it is valid for.
    pub addresses: BTreeSet<IpAddr>,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// SHA-256 over the whole certificate, lower-case hex.
    pub fingerprint: String,
    /// SHA-1 over the whole certificate, lower-case hex: what Strimzi writes as `server-cert-hash`.
    pub sha1: String,
    pub(crate) subject_der: Vec<u8>,
    pub(crate) issuer_der: Vec<u8>,
    pub(crate) public_key_der: Vec<u8>,
    pub(crate) key_identifier: Option<Vec<u8>>,
    pub(crate) authority_key_identifier: Option<Vec<u8>>,
}

impl Facts {
    /// Whether `self` was issued by `authority`, as far as names and key identifiers tell.
    pub fn issued_by(&self, authority: &Self) -> bool {
        let same_key = match (&self.authority_key_identifier, &authority.key_identifier) {
            (Some(named), Some(actual)) => named == actual,
            // A certificate without the extension leaves only the name to compare.
            (None, _) | (_, None) => true,
        };
        self.issuer_der == authority.subject_der && same_key
    }

    /// Every subject alternative name as text, addresses in their usual form.
    pub fn names(&self) -> BTreeSet<String> {
        self.dns
            .iter()
            .cloned()
            .chain(self.addresses.iter().map(IpAddr::to_string))
            .collect()
    }
}

/// All certificates of a PEM text in their order; `what` names the text in errors.
pub fn read_certificates(what: &str, text: &str) -> Result<Vec<Facts>, Error> {
    read_ders(what, text)?
        .iter()
        .enumerate()
        .map(|(index, der)| read_der(what, index + 1, der))
        .collect()
}

/// The DER of all certificates of a PEM text in their order.
pub(crate) fn read_ders(what: &str, text: &str) -> Result<Vec<Vec<u8>>, Error> {
    let not_pem = || Error::NotPem {
        what: what.to_owned(),
        expected: "certificate",
    };
    let ders: Vec<Vec<u8>> = pem::parse_many(text)
        .map_err(|_| not_pem())?
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE")
        .map(pem::Pem::into_contents)
        .collect();
    if ders.is_empty() {
        Err(not_pem())
    } else {
        Ok(ders)
    }
}

fn read_der(what: &str, position: usize, der: &[u8]) -> Result<Facts, Error> {
    let undecodable = |reason: String| Error::DecodeCertificate {
        what: what.to_owned(),
        position,
        reason,
    };
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|error| undecodable(error.to_string()))?;
    if !rest.is_empty() {
        return Err(undecodable(format!("{} bytes follow it", rest.len())));
    }
    let instant = |time: x509_parser::time::ASN1Time| {
        jiff::Timestamp::from_second(time.timestamp())
            .map_err(|error| undecodable(error.to_string()))
    };
    let mut facts = Facts {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        not_before: instant(certificate.validity().not_before)?,
        not_after: instant(certificate.validity().not_after)?,
        dns: BTreeSet::new(),
        addresses: BTreeSet::new(),
        is_authority: certificate.is_ca(),
        fingerprint: hex::encode(Sha256::digest(der)),
        sha1: hex::encode(<sha1::Sha1 as sha1::Digest>::digest(der)),
        subject_der: certificate.subject().as_raw().to_vec(),
        issuer_der: certificate.issuer().as_raw().to_vec(),
        public_key_der: certificate.public_key().raw.to_vec(),
        key_identifier: None,
        authority_key_identifier: None,
    };
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                for name in &names.general_names {
                    match name {
                        GeneralName::DNSName(dns) => {
                            facts.dns.insert((*dns).to_owned());
                        }
                        GeneralName::IPAddress(bytes) => {
                            facts.addresses.extend(read_address(bytes));
                        }
                        _ => {}
                    }
                }
            }
            ParsedExtension::SubjectKeyIdentifier(identifier) => {
                facts.key_identifier = Some(identifier.0.to_vec());
            }
            ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                facts.authority_key_identifier =
                    identifier.key_identifier.as_ref().map(|key| key.0.to_vec());
            }
            _ => {}
        }
    }
    Ok(facts)
}

fn read_address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(v4));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}
