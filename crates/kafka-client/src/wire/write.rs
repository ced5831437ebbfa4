//! The writing half: lengths and variable-length numbers.

use super::WireError;

pub(super) fn uvarint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// A length, `None` for null.
pub(super) fn length(
    out: &mut Vec<u8>,
    length: Option<usize>,
    flexible: bool,
    short: bool,
) -> Result<(), WireError> {
    let limit = if short {
        i16::MAX as usize
    } else {
        i32::MAX as usize
    };
    if let Some(length) = length.filter(|length| *length >= limit) {
        return Err(WireError::TooLong { length });
    }
    let length = length
        .and_then(|length| i32::try_from(length).ok())
        .unwrap_or(-1);
    if flexible {
        uvarint(out, length.saturating_add(1).unsigned_abs());
    } else if short {
        out.extend_from_slice(&i16::try_from(length).unwrap_or(-1).to_be_bytes());
    } else {
        out.extend_from_slice(&length.to_be_bytes());
    }
    Ok(())
}
