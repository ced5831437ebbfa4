//! A PKCS#12 truststore (`ca.p12`), for users' Java clients.
//!
//! Certificates are public, so they stand unencrypted; the password protects only against change (HMAC-SHA-256).
//! Java (8u301 and newer) and OpenSSL read it; Java takes a certificate as trusted by Oracle's `trustedKeyUsage`
//! attribute. Source: RFC 7292 §4 and appendix B.
//!
//! Not here: stores with private keys.

#[cfg(test)]
mod tests;

use hmac::Mac;
use sha2::{Digest, Sha256};

use super::der::{bmp_string, explicit, integer, null, octets, oid, sequence, set};
use super::{Error, inspect};

/// What OpenSSL and Java use by default today.
const MAC_ITERATIONS: u32 = 10_000;

/// Block of SHA-256 in bytes, `v` in RFC 7292.
const BLOCK: usize = 64;

const DATA: &[u32] = &[1, 2, 840, 113_549, 1, 7, 1];
const CERTIFICATE_BAG: &[u32] = &[1, 2, 840, 113_549, 1, 12, 10, 1, 3];
const X509_CERTIFICATE: &[u32] = &[1, 2, 840, 113_549, 1, 9, 22, 1];
const FRIENDLY_NAME: &[u32] = &[1, 2, 840, 113_549, 1, 9, 20];
const TRUSTED_KEY_USAGE: &[u32] = &[2, 16, 840, 1, 113_894, 746_875, 1, 1];
const ANY_KEY_USAGE: &[u32] = &[2, 5, 29, 37, 0];
const SHA256: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 2, 1];

/// A truststore of all certificates in the PEM texts; `entries` are (alias, PEM), an alias with several certificates
/// numbers them.
pub fn truststore(entries: &[(&str, &str)], password: &str) -> Result<Vec<u8>, Error> {
    let salt: [u8; 20] = rand::random();
    let mut bags = Vec::new();
    for (alias, text) in entries {
        for (index, der) in inspect::read_ders(alias, text)?.iter().enumerate() {
            let alias = if index == 0 {
                (*alias).to_owned()
            } else {
                format!("{alias}-{index}")
            };
            bags.push(certificate_bag(&alias, der));
        }
    }
    let safe = content(&sequence(&bags));
    let authenticated = sequence(&[safe]);
    let digest = authenticate(&authenticated, password, &salt);
    let mac = sequence(&[
        sequence(&[sequence(&[oid(SHA256), null()]), octets(&digest)]),
        octets(&salt),
        integer(MAC_ITERATIONS),
    ]);
    Ok(sequence(&[integer(3), content(&authenticated), mac]))
}

fn content(inner: &[u8]) -> Vec<u8> {
    sequence(&[oid(DATA), explicit(&octets(inner))])
}

fn certificate_bag(alias: &str, der: &[u8]) -> Vec<u8> {
    let certificate = sequence(&[oid(X509_CERTIFICATE), explicit(&octets(der))]);
    let attributes = set(vec![
        sequence(&[oid(FRIENDLY_NAME), set(vec![bmp_string(alias)])]),
        sequence(&[oid(TRUSTED_KEY_USAGE), set(vec![oid(ANY_KEY_USAGE)])]),
    ]);
    sequence(&[oid(CERTIFICATE_BAG), explicit(&certificate), attributes])
}

fn authenticate(message: &[u8], password: &str, salt: &[u8]) -> Vec<u8> {
    let key = derive_mac_key(password, salt);
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac =
        hmac::Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// RFC 7292 appendix B.2 for purpose 3 (integrity); one round, as 32 bytes are wanted and SHA-256 gives 32.
fn derive_mac_key(password: &str, salt: &[u8]) -> Vec<u8> {
    let password: Vec<u8> = password
        .encode_utf16()
        .chain(std::iter::once(0))
        .flat_map(u16::to_be_bytes)
        .collect();
    let mut input = vec![3u8; BLOCK];
    for part in [salt, &password] {
        let length = part.len().div_ceil(BLOCK) * BLOCK;
        input.extend(part.iter().copied().cycle().take(length));
    }
    let mut digest = Sha256::digest(&input);
    for _ in 1..MAC_ITERATIONS {
        digest = Sha256::digest(digest);
    }
    digest.to_vec()
}
