//! Jute's primitives: big-endian numbers, and strings, buffers and vectors with a signed length of four bytes before them.
//!
//! A length of -1 is null. Null and empty are different buffers and stay so.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// Bytes that are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The frame ended inside a value.
    #[error("the message ends inside {what}: {needed} bytes needed, {left} left")]
    Short {
        /// What was being read.
        what: &'static str,
        /// Bytes it takes.
        needed: usize,
        /// Bytes there are.
        left: usize,
    },
    /// A length that no value can have.
    #[error("{what} has length {length}, with {left} bytes left in the message")]
    Length {
        /// What was being read.
        what: &'static str,
        /// The length given.
        length: i32,
        /// Bytes there are.
        left: usize,
    },
    /// An operation that cannot stand in a multi.
    #[error("operation {0} cannot be part of a multi")]
    NotInMulti(i32),
    /// Reads and writes in one multi.
    #[error("reads and writes are mixed in one multi")]
    MixedMulti,
    /// A create mode there is not.
    #[error("create mode {0} does not exist")]
    CreateMode(i32),
}

/// Reads primitives from one frame.
#[derive(Debug, Clone)]
pub struct Reader {
    left: Bytes,
}

impl Reader {
    /// A reader at the start of a frame's content.
    pub fn new(content: Bytes) -> Self {
        Self { left: content }
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.left.len()
    }

    /// Everything not yet read.
    pub fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.left)
    }

    fn need(&self, what: &'static str, needed: usize) -> Result<(), Malformed> {
        let left = self.left.len();
        if left < needed {
            return Err(Malformed::Short { what, needed, left });
        }
        Ok(())
    }

    /// One byte; anything but zero is true.
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        self.need("a boolean", 1)?;
        Ok(self.left.get_u8() != 0)
    }

    /// Four bytes.
    pub fn int(&mut self) -> Result<i32, Malformed> {
        self.need("an int", 4)?;
        Ok(self.left.get_i32())
    }

    /// Eight bytes.
    pub fn long(&mut self) -> Result<i64, Malformed> {
        self.need("a long", 8)?;
        Ok(self.left.get_i64())
    }

    /// A buffer; `None` is null.
    pub fn buffer(&mut self) -> Result<Option<Bytes>, Malformed> {
        let what = "a buffer";
        let length = self.int()?;
        if length == -1 {
            return Ok(None);
        }
        let left = self.left.len();
        let length_here =
            usize::try_from(length).map_err(|_| Malformed::Length { what, length, left })?;
        if length_here > left {
            return Err(Malformed::Length { what, length, left });
        }
        Ok(Some(self.left.split_to(length_here)))
    }

    /// A string; null reads as the empty one. Bytes that are no UTF-8 become U+FFFD, as they do in Java.
    pub fn string(&mut self) -> Result<String, Malformed> {
        Ok(self.optional_string()?.unwrap_or_default())
    }

    /// A string; `None` is null.
    pub fn optional_string(&mut self) -> Result<Option<String>, Malformed> {
        Ok(self
            .buffer()?
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// How many elements follow, each of which takes at least `least` bytes; `None` is null.
    pub fn vector_length(&mut self, least: usize) -> Result<Option<usize>, Malformed> {
        let what = "a vector";
        let length = self.int()?;
        if length == -1 {
            return Ok(None);
        }
        let left = self.left.len();
        let refused = Malformed::Length { what, length, left };
        let Ok(count) = usize::try_from(length) else {
            return Err(refused);
        };
        if count > left.checked_div(least.max(1)).unwrap_or(0) {
            return Err(refused);
        }
        Ok(Some(count))
    }

    /// A vector of strings; null reads as the empty one.
    pub fn strings(&mut self) -> Result<Vec<String>, Malformed> {
        let count = self.vector_length(4)?.unwrap_or(0);
        (0..count).map(|_| self.string()).collect()
    }
}

/// Writes primitives.
#[derive(Debug, Default)]
pub struct Writer {
    out: BytesMut,
}

impl Writer {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was written.
    pub fn finish(self) -> Bytes {
        self.out.freeze()
    }

    /// Bytes written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// One byte.
    pub fn bool(&mut self, value: bool) {
        self.out.put_u8(u8::from(value));
    }

    /// Four bytes.
    pub fn int(&mut self, value: i32) {
        self.out.put_i32(value);
    }

    /// Eight bytes.
    pub fn long(&mut self, value: i64) {
        self.out.put_i64(value);
    }

    /// Bytes as they are, without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.put_slice(bytes);
    }

    /// The length of something in memory; a message is far below the two gigabytes at which this would saturate.
    pub fn length(&mut self, length: usize) {
        self.int(i32::try_from(length).unwrap_or(i32::MAX));
    }

    /// A buffer; `None` is null.
    pub fn buffer(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.int(-1),
            Some(bytes) => {
                self.length(bytes.len());
                self.raw(bytes);
            }
        }
    }

    /// A string.
    pub fn string(&mut self, value: &str) {
        self.buffer(Some(value.as_bytes()));
    }

    /// A string; `None` is null.
    pub fn optional_string(&mut self, value: Option<&str>) {
        self.buffer(value.map(str::as_bytes));
    }

    /// A vector of strings.
    pub fn strings(&mut self, values: &[String]) {
        self.length(values.len());
        for value in values {
            self.string(value);
        }
    }
}
