//! An authority: the cluster CA, the clients CA, or a user's own in their place.
//!
//! Reads `ca.key` and `ca.crt` as Strimzi or a user wrote them. Invariant: an [`Authority`] only exists when key and
//! certificate are a pair. Not here: its Secrets, and whether it should be renewed.

#[cfg(test)]
mod tests;

use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};

use super::{Error, Facts, Validity, der, draw_serial, inspect, subject};

/// An authority that can sign.
pub struct Authority {
    /// What its first certificate says.
    pub facts: Facts,
    /// `ca.crt` as it stands in the Secret: the signing certificate, then the rest of a chain if there is one.
    pub certificates: String,
    pub(super) issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the key.
        formatter
            .debug_struct("Authority")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// Makes a private key, ECDSA P-256, as PKCS#8 PEM.
pub fn draw_key() -> Result<String, Error> {
    KeyPair::generate()
        .map(|key| key.serialize_pem())
        .map_err(|source| Error::Sign {
            name: "a new key".to_owned(),
            source,
        })
}

/// Signs the certificate of an authority with its own key: a first one, or the next with the same key.
///
/// `common_name` is Strimzi's, for instance `cluster-ca v0`.
/// Shape as Strimzi's: self-signed, path length 0, may sign certificates and revocation lists.
pub fn self_sign(common_name: &str, key_pem: &str, validity: Validity) -> Result<String, Error> {
    let key = read_key(common_name, key_pem)?;
    let mut parameters = CertificateParams::default();
    parameters.not_before = validity.not_before;
    parameters.not_after = validity.not_after;
    parameters.serial_number = Some(draw_serial());
    parameters.distinguished_name = subject(common_name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
        .self_signed(&key)
        .map(|certificate| certificate.pem())
        .map_err(|source| Error::Sign {
            name: common_name.to_owned(),
            source,
        })
}

impl Authority {
    /// Reads an authority from `ca.crt` and `ca.key`; `name` names it in errors.
    ///
    /// The first certificate of `ca.crt` is the one that signs, as Strimzi has it.
    pub fn read(name: &str, certificates: &str, key_pem: &str) -> Result<Self, Error> {
        let key = read_key(name, key_pem)?;
        let ders = inspect::read_ders(name, certificates)?;
        let mut facts = inspect::read_certificates(name, certificates)?;
        let first = facts.remove(0);
        if !first.is_authority {
            return Err(Error::NotAnAuthority {
                name: name.to_owned(),
            });
        }
        if key.subject_public_key_info() != first.public_key_der {
            return Err(Error::NotAPair {
                name: name.to_owned(),
            });
        }
        let issuer = Issuer::from_ca_cert_der(
            &rustls_pki_types::CertificateDer::from(ders[0].as_slice()),
            key,
        )
        .map_err(|source| Error::Sign {
            name: name.to_owned(),
            source,
        })?;
        Ok(Self {
            facts: first,
            certificates: certificates.to_owned(),
            issuer,
        })
    }
}

/// The public half of a private key, as it stands in certificates (`SubjectPublicKeyInfo`).
pub(crate) fn public_half(what: &str, key_pem: &str) -> Result<Vec<u8>, Error> {
    read_key(what, key_pem).map(|key| key.subject_public_key_info())
}

/// Reads a private key: PKCS#8 of any kind ring can sign with, and PKCS#1 for RSA, as users bring it.
fn read_key(what: &str, text: &str) -> Result<KeyPair, Error> {
    let block = pem::parse(text).map_err(|_| Error::NotPem {
        what: what.to_owned(),
        expected: "private key",
    })?;
    let unusable = |source| Error::ReadKey {
        what: what.to_owned(),
        source,
    };
    let pkcs8 = match block.tag() {
        "RSA PRIVATE KEY" => der::rsa_key_as_pkcs8(block.contents()),
        _ => block.into_contents(),
    };
    KeyPair::try_from(pkcs8).map_err(unusable)
}
