//! Kubernetes quantities (`500m`, `1Gi`), as far as a node needs them.

/// The value in thousandths, rounded up; `None` if it is not a quantity.
fn millis(text: &str) -> Option<i128> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let negative = whole.starts_with('-');
    let whole: i128 = match whole {
        "" | "-" | "+" => 0,
        whole => whole.parse().ok()?,
    };
    // In billionths, so that a fraction of any suffix stays exact.
    let fraction: i128 = format!("{fraction:0<9}").parse().ok()?;
    let billionths = whole
        .abs()
        .checked_mul(1_000_000_000)?
        .checked_add(fraction)?;
    let binary = |power: u32| Some((1024_i128.pow(power) * 1000, 1));
    let (times, per) = match suffix {
        "n" => Some((1, 1_000_000)),
        "u" => Some((1, 1000)),
        "m" => Some((1, 1)),
        "" => Some((1000, 1)),
        "k" => Some((1_000_000, 1)),
        "M" => Some((1_000_000_000, 1)),
        "G" => Some((1_000_000_000_000, 1)),
        "T" => Some((1_000_000_000_000_000, 1)),
        "P" => Some((1_000_000_000_000_000_000, 1)),
        "E" => Some((1_000_000_000_000_000_000_000, 1)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        exponent => {
            let power: u32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            Some((10_i128.checked_pow(power)?.checked_mul(1000)?, 1))
        }
    }?;
    let divisor = 1_000_000_000_i128 * per;
    let value = billionths.checked_mul(times)?;
    let value = (value + divisor - 1) / divisor;
    Some(if negative { -value } else { value })
}

/// Thousandths of a CPU.
pub(crate) fn cpu_millis(text: &str) -> Option<u64> {
    u64::try_from(millis(text)?).ok()
}

/// Bytes.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let millis = u64::try_from(millis(text)?).ok()?;
    Some(millis.div_ceil(1000))
}

/// How often `divisor` goes into the value, rounded up, as the downward API says it.
pub(crate) fn divided(text: &str, divisor: &str) -> Option<i128> {
    let divisor = if divisor.trim().is_empty() {
        1000
    } else {
        millis(divisor)?
    };
    let divisor = if divisor == 0 { 1000 } else { divisor };
    let value = millis(text)?;
    Some((value + divisor - 1) / divisor)
}

#[cfg(test)]
mod tests;
