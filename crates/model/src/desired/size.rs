//! Sizes in bytes, in Kubernetes' quantity notation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number of bytes.
///
/// Reads `100Gi`, `1.5Gi`, `10G`, `1e9`, `4096`; a fraction of a byte is rounded up, as Kubernetes does.
/// Shows the largest unit that leaves a whole number, binary units first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(u64);

/// A size that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a size such as 100Gi, 1.5Gi, 10G or 4096")]
pub struct SizeError {
    /// The text as given.
    pub given: String,
}

/// Units with the number of bytes in each, largest first; binary ones are tried first when showing.
const BINARY: [(&str, u64); 6] = [
    ("Ei", 1 << 60),
    ("Pi", 1 << 50),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
];
const DECIMAL: [(&str, u64); 6] = [
    ("E", 1_000_000_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
];

impl ByteSize {
    /// A size of so many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A size of so many MiB.
    pub const fn from_mebibytes(mebibytes: u32) -> Self {
        Self((mebibytes as u64) << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        parse(text).map(Self).ok_or_else(|| SizeError {
            given: text.to_owned(),
        })
    }
}

/// Exact in integers: digits, up to 18 decimals, then a unit, an exponent or nothing.
fn parse(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && decimals.is_empty() || decimals.contains('.') {
        return None;
    }
    let (multiplier, divisor) = unit_factor(unit)?;
    let scale = 10_u128.checked_pow(
        u32::try_from(decimals.len())
            .ok()
            .filter(|digits| *digits <= 18)?,
    )?;
    let digits: u128 = format!("{whole}{decimals}").parse().ok()?;
    let bytes = digits
        .checked_mul(multiplier)?
        .div_ceil(scale.checked_mul(divisor)?);
    u64::try_from(bytes).ok()
}

/// What the number is multiplied with and divided by.
fn unit_factor(unit: &str) -> Option<(u128, u128)> {
    if let Some((_, bytes)) = BINARY
        .iter()
        .chain(&DECIMAL)
        .find(|(name, _)| *name == unit)
    {
        return Some((u128::from(*bytes), 1));
    }
    match unit {
        "" => Some((1, 1)),
        "m" => Some((1, 1_000)),
        "u" => Some((1, 1_000_000)),
        "n" => Some((1, 1_000_000_000)),
        _ => {
            let exponent: i32 = unit.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = 10_u128.checked_pow(exponent.unsigned_abs())?;
            Some(if exponent < 0 { (1, power) } else { (power, 1) })
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = BINARY
            .iter()
            .chain(&DECIMAL)
            .find(|(_, bytes)| self.0 != 0 && self.0.is_multiple_of(*bytes));
        match unit {
            Some((name, bytes)) => write!(f, "{}{name}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

impl TryFrom<String> for ByteSize {
    type Error = SizeError;

    fn try_from(text: String) -> Result<Self, SizeError> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.to_string()
    }
}

#[cfg(test)]
mod tests;
