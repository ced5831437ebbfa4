//! The reading half: a cursor over one frame, with a budget.

use bytes::Bytes;

use super::{BUDGET_FACTOR, BUDGET_FLOOR, WireError};

/// A cursor over one message; slices of it share the frame's memory.
#[derive(Debug)]
pub(super) struct Reader {
    frame: Bytes,
    at: usize,
    end: usize,
    budget: usize,
    spent: usize,
}

impl Reader {
    pub(super) fn new(frame: Bytes) -> Self {
        let end = frame.len();
        let budget = end.saturating_mul(BUDGET_FACTOR).max(BUDGET_FLOOR);
        Self {
            frame,
            at: 0,
            end,
            budget,
            spent: 0,
        }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    /// Charges memory that is about to be allocated.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), WireError> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > self.budget {
            return Err(WireError::Budget {
                at: self.at,
                budget: self.budget,
            });
        }
        Ok(())
    }

    /// The next `need` bytes, sharing the frame's memory.
    pub(super) fn take(&mut self, need: usize) -> Result<Bytes, WireError> {
        let end = self.end_of(need)?;
        let bytes = self.frame.slice(self.at..end);
        self.at = end;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let end = self.end_of(N)?;
        let bytes = self
            .frame
            .get(self.at..end)
            .and_then(|bytes| <[u8; N]>::try_from(bytes).ok());
        let bytes = bytes.ok_or(WireError::Truncated {
            at: self.at,
            need: N,
            left: self.left(),
        })?;
        self.at = end;
        Ok(bytes)
    }

    fn end_of(&self, need: usize) -> Result<usize, WireError> {
        match self.at.checked_add(need) {
            Some(end) if end <= self.end => Ok(end),
            _ => Err(WireError::Truncated {
                at: self.at,
                need,
                left: self.left(),
            }),
        }
    }

    pub(super) fn text(&mut self, length: usize) -> Result<String, WireError> {
        let at = self.at;
        let bytes = self.take(length)?;
        self.charge(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| WireError::Text { at })
    }

    /// An unsigned variable-length number of at most 32 bits.
    pub(super) fn uvarint(&mut self) -> Result<u32, WireError> {
        let at = self.at;
        let mut value: u64 = 0;
        for shift in [0u32, 7, 14, 21, 28] {
            let [byte] = self.array::<1>()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| WireError::Varint { at });
            }
        }
        Err(WireError::Varint { at })
    }

    /// A length as sent (-1 is null), checked against what is left; each unit takes at least one byte.
    pub(super) fn length(
        &mut self,
        flexible: bool,
        short: bool,
    ) -> Result<Option<usize>, WireError> {
        let at = self.at;
        let length = if flexible {
            i64::from(self.uvarint()?).saturating_sub(1)
        } else if short {
            i64::from(i16::from_be_bytes(self.array()?))
        } else {
            i64::from(i32::from_be_bytes(self.array()?))
        };
        let left = self.left();
        match usize::try_from(length) {
            Ok(length) if length <= left => Ok(Some(length)),
            Err(_) if length == -1 => Ok(None),
            _ => Err(WireError::Length { at, length, left }),
        }
    }

    /// Narrows the cursor to the next `length` bytes; returns the end to restore.
    pub(super) fn narrow(&mut self, length: usize) -> Result<usize, WireError> {
        let inner = self.end_of(length)?;
        Ok(std::mem::replace(&mut self.end, inner))
    }

    /// Undoes [`Self::narrow`], skipping what was not read.
    pub(super) fn widen(&mut self, outer: usize) -> usize {
        let unread = self.left();
        self.at = self.end;
        self.end = outer;
        unread
    }
}
