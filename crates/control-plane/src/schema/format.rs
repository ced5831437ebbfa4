//! String formats that a kube-apiserver checks in custom resources.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use regex::Regex;

/// Whether the text has the format. Formats that Kubernetes does not know always hold.
pub(crate) fn holds(format: &str, text: &str) -> bool {
    match format {
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => cidr(text),
        "mac" => mac(text),
        "uuid" => matches(
            text,
            r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$",
            {
                static R: OnceLock<Option<Regex>> = OnceLock::new();
                &R
            },
        ),
        "hostname" => hostname(text),
        "email" => text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
        "uri" => text.contains(':') || text.starts_with('/'),
        "byte" => {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .is_ok()
        }
        "date" => text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10,
        "date-time" | "datetime" => text.parse::<jiff::Timestamp>().is_ok(),
        "duration" => duration(text),
        "hexcolor" => matches(text, r"^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$", {
            static R: OnceLock<Option<Regex>> = OnceLock::new();
            &R
        }),
        "k8s-short-name" => {
            text.len() <= 63
                && matches(text, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", {
                    static R: OnceLock<Option<Regex>> = OnceLock::new();
                    &R
                })
        }
        "k8s-long-name" => {
            text.len() <= 253
                && matches(
                    text,
                    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
                    {
                        static R: OnceLock<Option<Regex>> = OnceLock::new();
                        &R
                    },
                )
        }
        _ => true,
    }
}

fn matches(text: &str, pattern: &str, kept: &'static OnceLock<Option<Regex>>) -> bool {
    kept.get_or_init(|| Regex::new(pattern).ok())
        .as_ref()
        .is_some_and(|regex| regex.is_match(text))
}

fn cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    matches!(parts.len(), 6 | 8 | 20)
        && parts
            .iter()
            .all(|p| p.len() == 2 && u8::from_str_radix(p, 16).is_ok())
}

fn hostname(text: &str) -> bool {
    text.len() <= 255
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .chars()
                    .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Go's durations (`1h30m`, `-2.5s`), also with a blank before the unit.
fn duration(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut rest = rest;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let unit = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(unit);
        let known = ["ns", "us", "µs", "μs", "ms", "s", "m", "h", "d", "w"].contains(&unit.trim());
        if number.parse::<f64>().is_err() || !known {
            return false;
        }
        rest = next;
    }
    !text.is_empty()
}
