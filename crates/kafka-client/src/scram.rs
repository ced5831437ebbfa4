//! SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677): the client's side, and what a credential is made of.
//!
//! Invariants: the server's signature is verified, so a server that does not know the password is noticed; the
//! server's iteration count is bounded, so it cannot keep us busy; passwords must be printable ASCII, for which
//! `SASLprep` changes nothing. Not here: the Kafka requests that carry the messages (`connection::sasl`).

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};

/// Which hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScramMechanism {
    /// `SCRAM-SHA-256`.
    Sha256,
    /// `SCRAM-SHA-512`.
    Sha512,
}

/// Kafka's own bounds for iterations: 4,096 to 16,384. A server may ask for up to this many.
pub const MAX_ITERATIONS: u32 = 100_000;

/// The fewest iterations that RFC 7677 and Kafka allow.
pub const MIN_ITERATIONS: u32 = 4096;

/// Why a SCRAM exchange ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScramError {
    /// The user name or password has characters that `SASLprep` would change.
    #[error("the {0} must be printable ASCII, at least one character")]
    Characters(&'static str),
    /// The server said something that is not SCRAM.
    #[error("the server's message is not SCRAM: {0}")]
    Message(&'static str),
    /// The server refused.
    #[error("the server says {0:?}")]
    Refused(String),
    /// The server does not know the password either.
    #[error("the server's signature is wrong: it does not know this user's password")]
    Signature,
}

impl ScramMechanism {
    /// Kafka's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    /// Its number in Kafka's SCRAM requests.
    pub fn number(self) -> i8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    /// `Hi()` of RFC 5802: the salted password, which Kafka stores a derivative of.
    pub fn salted_password(self, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        match self {
            Self::Sha256 => {
                pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations)
                    .to_vec()
            }
            Self::Sha512 => {
                pbkdf2::pbkdf2_hmac_array::<Sha512, 64>(password.as_bytes(), salt, iterations)
                    .to_vec()
            }
        }
    }

    pub(crate) fn hmac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => {
                let mut mac =
                    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
                mac.update(text);
                mac.finalize().into_bytes().to_vec()
            }
            Self::Sha512 => {
                let mut mac =
                    Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes keys of any length");
                mac.update(text);
                mac.finalize().into_bytes().to_vec()
            }
        }
    }

    pub(crate) fn hash(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(text).to_vec(),
            Self::Sha512 => Sha512::digest(text).to_vec(),
        }
    }
}

/// Refuses text that `SASLprep` (RFC 4013) might change: only printable ASCII passes.
pub fn check_ascii(what: &'static str, text: &str) -> Result<(), ScramError> {
    if !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(());
    }
    Err(ScramError::Characters(what))
}

/// One exchange, after the first message was made.
pub(crate) struct ScramClient {
    mechanism: ScramMechanism,
    password: String,
    nonce: String,
    first_bare: String,
}

/// One exchange, while the server's verdict is awaited.
pub(crate) struct ScramVerdict {
    signature: Vec<u8>,
}

impl ScramClient {
    /// The first message; `nonce` must be fresh and printable.
    pub(crate) fn first(
        mechanism: ScramMechanism,
        username: &str,
        password: &str,
        nonce: String,
    ) -> Result<(Self, Vec<u8>), ScramError> {
        check_ascii("user name", username)?;
        check_ascii("password", password)?;
        let username = username.replace('=', "=3D").replace(',', "=2C");
        let first_bare = format!("n={username},r={nonce}");
        let message = format!("n,,{first_bare}").into_bytes();
        Ok((
            Self {
                mechanism,
                password: password.to_owned(),
                nonce,
                first_bare,
            },
            message,
        ))
    }

    /// The final message, from the server's first.
    pub(crate) fn last(self, server_first: &[u8]) -> Result<(ScramVerdict, Vec<u8>), ScramError> {
        let Self {
            mechanism,
            password,
            nonce,
            first_bare,
        } = self;
        let server_first =
            std::str::from_utf8(server_first).map_err(|_| ScramError::Message("not UTF-8"))?;
        let server_nonce = attribute(server_first, 'r')?;
        if !server_nonce.starts_with(&nonce) || server_nonce.len() == nonce.len() {
            return Err(ScramError::Message("its nonce does not continue ours"));
        }
        let salt = BASE64
            .decode(attribute(server_first, 's')?)
            .map_err(|_| ScramError::Message("the salt is not base64"))?;
        let iterations: u32 = attribute(server_first, 'i')?
            .parse()
            .map_err(|_| ScramError::Message("iterations are no number"))?;
        if !(MIN_ITERATIONS..=MAX_ITERATIONS).contains(&iterations) {
            return Err(ScramError::Message(
                "the iteration count is not between 4096 and 100000",
            ));
        }
        let salted = mechanism.salted_password(&password, &salt, iterations);
        let client_key = mechanism.hmac(&salted, b"Client Key");
        let stored_key = mechanism.hash(&client_key);
        let without_proof = format!("c=biws,r={server_nonce}");
        let auth_message = format!("{first_bare},{server_first},{without_proof}");
        let client_signature = mechanism.hmac(&stored_key, auth_message.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(&client_signature)
            .map(|(key, mask)| key ^ mask)
            .collect();
        let server_key = mechanism.hmac(&salted, b"Server Key");
        let signature = mechanism.hmac(&server_key, auth_message.as_bytes());
        let message = format!("{without_proof},p={}", BASE64.encode(proof)).into_bytes();
        Ok((ScramVerdict { signature }, message))
    }
}

impl ScramVerdict {
    /// Whether the server proved that it knows the password.
    pub(crate) fn verify(&self, server_final: &[u8]) -> Result<(), ScramError> {
        let server_final =
            std::str::from_utf8(server_final).map_err(|_| ScramError::Message("not UTF-8"))?;
        if let Ok(refusal) = attribute(server_final, 'e') {
            return Err(ScramError::Refused(refusal.to_owned()));
        }
        let signature = BASE64
            .decode(attribute(server_final, 'v')?)
            .map_err(|_| ScramError::Message("the signature is not base64"))?;
        if is_same(&signature, &self.signature) {
            Ok(())
        } else {
            Err(ScramError::Signature)
        }
    }
}

/// Compares without telling by its duration where the difference is.
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
}

/// The value of one attribute of a SCRAM message.
pub(crate) fn attribute(message: &str, name: char) -> Result<&str, ScramError> {
    message
        .split(',')
        .find_map(|part| {
            part.strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('='))
        })
        .ok_or(ScramError::Message("an attribute is missing"))
}
