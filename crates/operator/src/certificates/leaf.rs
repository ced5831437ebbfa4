//! A leaf: the certificate of a node, of the operator, of a component.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};

use super::{Authority, Error, Validity, draw_serial, inspect, subject};

/// What a leaf shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRequest {
    /// `CN`; Kafka's principal is made of it.
    pub common_name: String,
    /// DNS names, wildcards allowed.
    pub dns: BTreeSet<String>,
    /// Addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// From when until when.
    pub validity: Validity,
}

/// A leaf with its key, as PEM text.
#[derive(Clone)]
pub struct Leaf {
    /// The leaf, then its authority's certificates.
    pub chain: String,
    /// Its private key, PKCS#8.
    pub key: String,
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the key.
        formatter
            .debug_struct("Leaf")
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

/// Draws a key and signs a leaf for it.
///
/// Usable as server and as client: a broker is both towards its peers.
pub fn issue(authority: &Authority, request: &LeafRequest) -> Result<Leaf, Error> {
    let LeafRequest {
        common_name,
        dns,
        addresses,
        validity,
    } = request;
    let sign = |source| Error::Sign {
        name: common_name.clone(),
        source,
    };
    let key = KeyPair::generate().map_err(sign)?;
    let mut parameters = CertificateParams::default();
    parameters.not_before = validity.not_before;
    // A leaf that outlives its authority is refused by clients on the day nobody expects.
    let last = i64::min(
        validity.not_after.unix_timestamp(),
        authority.facts.not_after.as_second(),
    );
    parameters.not_after = super::to_time(last);
    parameters.serial_number = Some(draw_serial());
    parameters.distinguished_name = subject(common_name);
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    parameters.use_authority_key_identifier_extension = true;
    for name in dns {
        let value = name.as_str().try_into().map_err(|source| Error::Name {
            name: common_name.clone(),
            value: name.clone(),
            source,
        })?;
        parameters.subject_alt_names.push(SanType::DnsName(value));
    }
    parameters
        .subject_alt_names
        .extend(addresses.iter().copied().map(SanType::IpAddress));
    let certificate = parameters
        .signed_by(&key, &authority.issuer)
        .map_err(sign)?
        .pem();

    // Java and OpenSSL find the issuer by its encoded name; a subject that our encoder writes differently
    // (several values in one part, exotic string types) must not go unnoticed.
    let written = inspect::read_certificates(common_name, &certificate)?;
    if written
        .iter()
        .any(|facts| facts.issuer_der != authority.facts.subject_der)
    {
        return Err(Error::Issuer {
            name: common_name.clone(),
        });
    }
    let mut chain = certificate.trim_end().to_owned();
    chain.push('\n');
    chain.push_str(authority.certificates.trim_end());
    chain.push('\n');
    Ok(Leaf {
        chain,
        key: key.serialize_pem(),
    })
}
