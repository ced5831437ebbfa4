//! Certificates: the two authorities of a cluster and everything they sign.
//!
//! What it does: makes an authority's key and certificate, reads ones that exist (Strimzi's and a user's own, RSA
//! included), signs leaves, tells what a certificate says. What it reads: PEM text and a [`jiff::Timestamp`]; nothing
//! here asks a clock, the API server or the disk.
//!
//! Invariants: keys made here are ECDSA P-256 (ring cannot make RSA keys, it can sign with them); a leaf is never
//! signed unless key and certificate of its authority belong together; names are encoded `O` before `CN`, so that Kafka
//! prints the principal `CN=…,O=io.strimzi` that Strimzi's `super.users` hold.
//!
//! Not here: when to issue or renew (planner), and which Secret holds what (the `secrets` module of `cluster::execute`).

pub mod authority;
mod der;
pub mod error;
pub mod inspect;
pub mod leaf;
pub mod pkcs12;

pub use authority::Authority;
pub use error::Error;
pub use inspect::Facts;
pub use leaf::LeafRequest;

/// `O` of every subject; Strimzi's brokers list it in `super.users`, so it is part of the interface.
pub const ORGANIZATION: &str = "io.strimzi";

/// How far certificates are backdated, for nodes whose clock is behind ours: 5 min.
const BACKDATE_SECONDS: i64 = 5 * 60;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// From when until when a new certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    not_before: time::OffsetDateTime,
    not_after: time::OffsetDateTime,
}

impl Validity {
    /// `days` days from `now`, backdated a little.
    ///
    /// Days beyond year 9999 are cut there, where RFC 5280 ends.
    pub fn days_from(now: jiff::Timestamp, days: u32) -> Self {
        let start = now.as_second();
        let end = start.saturating_add(i64::from(days).saturating_mul(SECONDS_PER_DAY));
        Self {
            not_before: to_time(start.saturating_sub(BACKDATE_SECONDS)),
            not_after: to_time(end),
        }
    }
}

fn to_time(seconds: i64) -> time::OffsetDateTime {
    /// 9999-12-31T23:59:59Z, "no expiry" in RFC 5280 §4.1.2.5.
    const LAST: i64 = 253_402_300_799;
    time::OffsetDateTime::from_unix_timestamp(seconds.clamp(0, LAST))
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

/// A fresh positive serial number of 16 bytes; drawn, because a renewed authority keeps its key and a number derived
/// from the key would repeat under the same issuer name.
fn draw_serial() -> rcgen::SerialNumber {
    let mut bytes: [u8; 16] = rand::random();
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    rcgen::SerialNumber::from_slice(&bytes)
}

fn subject(common_name: &str) -> rcgen::DistinguishedName {
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::OrganizationName, ORGANIZATION);
    name.push(rcgen::DnType::CommonName, common_name);
    name
}
