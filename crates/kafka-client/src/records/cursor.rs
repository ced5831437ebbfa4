//! A cursor over record bytes: fixed-width numbers, zigzag numbers, bytes with a length.

use bytes::Bytes;

use super::RecordError;

pub(super) struct Cursor {
    bytes: Bytes,
    at: usize,
}

impl Cursor {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(super) fn rest(&self) -> Bytes {
        self.bytes.slice(self.at..)
    }

    pub(super) fn malformed(&self, what: &'static str) -> RecordError {
        RecordError::Malformed { at: self.at, what }
    }

    pub(super) fn take(&mut self, length: usize) -> Result<Bytes, RecordError> {
        match self.at.checked_add(length) {
            Some(end) if end <= self.bytes.len() => {
                let bytes = self.bytes.slice(self.at..end);
                self.at = end;
                Ok(bytes)
            }
            _ => Err(self.malformed("it ends too early")),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let bytes = self.take(N)?;
        bytes
            .first_chunk::<N>()
            .copied()
            .ok_or_else(|| self.malformed("it ends too early"))
    }

    pub(super) fn int8(&mut self) -> Result<i8, RecordError> {
        self.array().map(i8::from_be_bytes)
    }

    pub(super) fn int16(&mut self) -> Result<i16, RecordError> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn int32(&mut self) -> Result<i32, RecordError> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn int64(&mut self) -> Result<i64, RecordError> {
        self.array().map(i64::from_be_bytes)
    }

    /// A zigzag number of at most 64 bits.
    pub(super) fn varint(&mut self) -> Result<i64, RecordError> {
        let mut value: u64 = 0;
        for shift in [0u32, 7, 14, 21, 28, 35, 42, 49, 56, 63] {
            let [byte] = self.array::<1>()?;
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte & 0x80 == 0 {
                return Ok((value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg());
            }
        }
        Err(self.malformed("a number that does not end"))
    }

    /// A length or count that what is left can hold.
    pub(super) fn length(&mut self) -> Result<usize, RecordError> {
        let length = self.varint()?;
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.left())
            .ok_or_else(|| self.malformed("an impossible length"))
    }

    pub(super) fn nullable_bytes(&mut self) -> Result<Option<Bytes>, RecordError> {
        let at = self.at;
        if self.varint()? == -1 {
            return Ok(None);
        }
        self.at = at;
        let length = self.length()?;
        self.take(length).map(Some)
    }
}

/// A zigzag number.
pub(super) fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut value = (value.wrapping_shl(1) ^ (value >> 63)).cast_unsigned();
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Bytes with their length, -1 for none.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varint(out, i64::try_from(bytes.len()).unwrap_or(i64::MAX));
            out.extend_from_slice(bytes);
        }
    }
}
