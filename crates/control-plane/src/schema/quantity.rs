//! Quantities (`500m`, `1Gi`) in the canonical form in which Kubernetes writes them.
//!
//! The largest suffix that leaves a whole number, of the family the text was in; nothing below a nano; no sign but minus.

/// What a malformed quantity is told.
pub(crate) const RULE: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const NANO: i128 = 1_000_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Binary,
    Decimal,
    Exponent,
}

/// The canonical form; none if it is no quantity.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (digits, suffix) = rest.split_at(end);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if digits.is_empty() || fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let (family, base, exponent) = parse_suffix(suffix)?;
    let nanos = in_nanos(whole, fraction, base, exponent)?;
    let shown = show(nanos, family);
    Some(if negative && shown != "0" {
        format!("-{shown}")
    } else {
        shown
    })
}

/// The family, and base and exponent of the factor.
fn parse_suffix(suffix: &str) -> Option<(Family, i128, i32)> {
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if let Some(at) = binary.iter().position(|known| *known == suffix) {
        return Some((Family::Binary, 1024, i32::try_from(at).ok()? + 1));
    }
    let decimal = [
        ("n", -9),
        ("u", -6),
        ("m", -3),
        ("", 0),
        ("k", 3),
        ("M", 6),
        ("G", 9),
        ("T", 12),
        ("P", 15),
        ("E", 18),
    ];
    if let Some((_, exponent)) = decimal.iter().find(|(known, _)| *known == suffix) {
        return Some((Family::Decimal, 10, *exponent));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((Family::Exponent, 10, exponent.parse().ok()?))
}

/// Rounded up to whole nanos, and capped at what Kubernetes holds.
fn in_nanos(whole: &str, fraction: &str, base: i128, exponent: i32) -> Option<i128> {
    const MOST: i128 = i64::MAX as i128 * NANO;
    let digits: String = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.len() > 30 || !(-30..=30).contains(&exponent) {
        return if digits.is_empty() {
            Some(0)
        } else {
            (exponent > 0).then_some(MOST)
        };
    }
    let mantissa: i128 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let mut value = mantissa;
    let mut divisor: i128 = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let factor = base.checked_pow(exponent.unsigned_abs())?;
    if exponent >= 0 {
        value = value.saturating_mul(factor);
    } else {
        divisor = divisor.checked_mul(factor)?;
    }
    // Shrink both before the last factor, so that ordinary amounts never overflow.
    let whole_part = value / divisor;
    let rest = value % divisor;
    let nanos = whole_part.saturating_mul(NANO).saturating_add(
        rest.checked_mul(NANO).map_or(0, |scaled| {
            scaled.div_euclid(divisor) + i128::from(scaled % divisor != 0)
        }),
    );
    Some(nanos.min(MOST))
}

fn show(nanos: i128, family: Family) -> String {
    if nanos == 0 {
        return "0".to_owned();
    }
    if family == Family::Binary && nanos >= 1024 * NANO {
        let mut value = nanos / NANO + i128::from(nanos % NANO != 0);
        let mut at = 0;
        let suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        while value % 1024 == 0 && at + 1 < suffixes.len() {
            value /= 1024;
            at += 1;
        }
        return format!("{value}{}", suffixes.get(at).copied().unwrap_or(""));
    }
    let mut value = nanos;
    let mut exponent = -9;
    while value % 1000 == 0 && exponent < 18 {
        value /= 1000;
        exponent += 3;
    }
    if family == Family::Exponent {
        return if exponent == 0 {
            value.to_string()
        } else {
            format!("{value}e{exponent}")
        };
    }
    let suffix = match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        _ => "",
    };
    format!("{value}{suffix}")
}
