//! The third half: values made from a string of bytes, so that tests cover every field of every message.

/// A supply of arbitrary values; all zero once the bytes are used up.
#[derive(Debug)]
pub(super) struct Entropy {
    bytes: Vec<u8>,
    at: usize,
}

impl Entropy {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or_default();
        self.at = self.at.saturating_add(1);
        byte
    }

    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// A short length; `None` (null) one time in eight if allowed.
    pub(super) fn length(&mut self, nullable: bool) -> Option<usize> {
        let byte = self.byte();
        if nullable && byte & 0x70 == 0x10 {
            return None;
        }
        Some(usize::from(byte & 0x03))
    }
}
