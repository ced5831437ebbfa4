//! What can go wrong with certificates, by operation and object.

use crate::error::Retry;

/// A certificate that could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not PEM, or holds nothing of the expected kind.
    #[error("{what} holds no {expected} in PEM form")]
    NotPem {
        /// Which text, for instance `ca.crt`.
        what: String,
        /// `certificate` or `private key`.
        expected: &'static str,
    },
    /// The bytes inside the PEM block are not a certificate.
    #[error("{what}: certificate number {position} cannot be decoded: {reason}")]
    DecodeCertificate {
        /// Which text.
        what: String,
        /// Counted from 1.
        position: usize,
        /// What the decoder said.
        reason: String,
    },
    /// The private key is of a kind that cannot be used.
    #[error(
        "{what}: the private key cannot be used; allowed are RSA, ECDSA P-256 and P-384, Ed25519 in PKCS#8 form (openssl pkcs8 -topk8 -nocrypt)"
    )]
    ReadKey {
        /// Which text.
        what: String,
        /// What the decoder said.
        source: rcgen::Error,
    },
    /// Key and certificate of an authority are not a pair.
    #[error("the key of {name} does not belong to its certificate")]
    NotAPair {
        /// Which authority.
        name: String,
    },
    /// The certificate given for an authority must not sign others.
    #[error(
        "the certificate of {name} is not one of an authority (basicConstraints CA is missing)"
    )]
    NotAnAuthority {
        /// Which authority.
        name: String,
    },
    /// A name cannot stand in a certificate.
    #[error("{value:?} cannot stand in a certificate as a name of {name}")]
    Name {
        /// Whose certificate.
        name: String,
        /// The name refused.
        value: String,
        /// What the encoder said.
        source: rcgen::Error,
    },
    /// Making a key or a signature failed.
    #[error("signing the certificate of {name}")]
    Sign {
        /// Whose certificate.
        name: String,
        /// What the signer said.
        source: rcgen::Error,
    },
    /// The signed certificate names another issuer than the authority's certificate does.
    #[error(
        "the certificate of {name} would name another issuer than its authority; the subject of the authority cannot be represented"
    )]
    Issuer {
        /// Whose certificate.
        name: String,
    },
}

impl Error {
    /// Whether trying again can help: only after somebody changed what was read.
    pub fn retry(&self) -> Retry {
        match self {
            Self::NotPem { .. }
            | Self::DecodeCertificate { .. }
            | Self::ReadKey { .. }
            | Self::NotAPair { .. }
            | Self::NotAnAuthority { .. }
            | Self::Name { .. }
            | Self::Issuer { .. } => Retry::OnChange,
            Self::Sign { .. } => Retry::Later,
        }
    }
}
