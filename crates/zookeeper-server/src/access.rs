//! Who may do what: ACLs checked and completed, by ZooKeeper's rules.

use std::net::IpAddr;

use base64::Engine as _;
use sha1::{Digest as _, Sha1};
use zookeeper_protocol::{Acl, ErrorCode, Id, Perms};

use crate::record::SharedAcl;

/// Whether somebody with these identities may do what `wanted` says.
pub(crate) fn check(acl: &SharedAcl, wanted: Perms, identities: &[Id]) -> Result<(), ErrorCode> {
    let Some(acl) = acl else {
        return Ok(());
    };
    if identities.iter().any(is_super) {
        return Ok(());
    }
    let allowed = acl.iter().any(|entry| {
        entry.perms.any_of(wanted)
            && (is_anyone(&entry.id) || identities.iter().any(|id| matches(id, &entry.id)))
    });
    if allowed {
        Ok(())
    } else {
        Err(ErrorCode::NO_AUTH)
    }
}

/// The identity that may do everything.
pub(crate) fn super_identity() -> Id {
    Id {
        scheme: "super".to_owned(),
        id: String::new(),
    }
}

fn is_super(id: &Id) -> bool {
    id.scheme == "super"
}

fn is_anyone(id: &Id) -> bool {
    id.scheme == "world" && id.id == "anyone"
}

fn matches(who: &Id, entry: &Id) -> bool {
    if who.scheme != entry.scheme {
        return false;
    }
    match entry.scheme.as_str() {
        "ip" => matches_ip(&who.id, &entry.id),
        _ => who.id == entry.id,
    }
}

/// An address and the number of leading bits that count.
fn parse_ip(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => most,
        Some(bits) => bits.parse().ok().filter(|bits| *bits <= most)?,
    };
    Some((address, bits))
}

fn matches_ip(who: &str, entry: &str) -> bool {
    let (Some((who, _)), Some((entry, bits))) = (parse_ip(who), parse_ip(entry)) else {
        return false;
    };
    let same = |a: u128, b: u128, width: u8| {
        let unimportant = u32::from(width - bits);
        a.checked_shr(unimportant).unwrap_or(0) == b.checked_shr(unimportant).unwrap_or(0)
    };
    match (who, entry) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            same(u128::from(a.to_bits()), u128::from(b.to_bits()), 32)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

/// Whether somebody with this identity counts as authenticated: an address alone does not.
fn is_authenticated(id: &Id) -> bool {
    !matches!(id.scheme.as_str(), "ip" | "world" | "super")
}

fn is_valid(id: &Id) -> bool {
    match id.scheme.as_str() {
        "digest" => id.id.trim_end_matches(':').split(':').count() == 2,
        "ip" => parse_ip(&id.id).is_some(),
        "x509" => !id.id.is_empty() && id.id.contains('='),
        "sasl" => !id.id.is_empty(),
        _ => false,
    }
}

/// The ACL that is kept: without doubles, `auth` replaced by who asks.
pub(crate) fn complete(acl: &[Acl], identities: &[Id]) -> Result<Vec<Acl>, ErrorCode> {
    let mut unique: Vec<&Acl> = Vec::new();
    for entry in acl {
        if !unique.contains(&entry) {
            unique.push(entry);
        }
    }
    if unique.is_empty() {
        return Err(ErrorCode::INVALID_ACL);
    }
    let mut complete = Vec::new();
    for entry in unique {
        if is_anyone(&entry.id) {
            complete.push(entry.clone());
        } else if entry.id.scheme == "auth" {
            let before = complete.len();
            complete.extend(
                identities
                    .iter()
                    .filter(|id| is_authenticated(id))
                    .map(|id| Acl {
                        perms: entry.perms,
                        id: id.clone(),
                    }),
            );
            if complete.len() == before {
                return Err(ErrorCode::INVALID_ACL);
            }
        } else if is_valid(&entry.id) {
            complete.push(entry.clone());
        } else {
            return Err(ErrorCode::INVALID_ACL);
        }
    }
    Ok(complete)
}

/// The identity behind `user:password`: the user and a hash of both.
pub(crate) fn digest_identity(user_and_password: &str) -> Id {
    let user = user_and_password.split(':').next().unwrap_or_default();
    let hash = base64::engine::general_purpose::STANDARD
        .encode(Sha1::digest(user_and_password.as_bytes()));
    Id {
        scheme: "digest".to_owned(),
        id: format!("{user}:{hash}"),
    }
}

/// Whether this is what `digest_identity` makes: a name, a colon, a hash.
pub fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(name, hash)| {
        !name.is_empty()
            && base64::engine::general_purpose::STANDARD
                .decode(hash)
                .is_ok_and(|hash| hash.len() == Sha1::output_size())
    })
}

/// The ACL as somebody sees it who may not change it: hashes of passwords are hidden.
pub(crate) fn hide_digests(acl: &mut [Acl]) {
    for entry in acl {
        if entry.id.scheme == "digest"
            && let Some((user, _)) = entry.id.id.split_once(':')
        {
            entry.id.id = format!("{user}:x");
        }
    }
}

/// The name that whoAmI tells: without the hash.
pub(crate) fn shown_name(id: &Id) -> String {
    match id.scheme.as_str() {
        "digest" => id.id.split(':').next().unwrap_or_default().to_owned(),
        _ => id.id.clone(),
    }
}

#[cfg(test)]
mod tests;
