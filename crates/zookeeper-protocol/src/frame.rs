//! Frames: every message has its length in four bytes before it.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// What ZooKeeper's `jute.maxbuffer` is unless it is set: a message may not be longer.
pub const DEFAULT_MAX_FRAME: usize = 0xf_ffff;

/// A peer announced a message that is too long, or of negative length. ZooKeeper closes the connection then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of {length} bytes was announced; the limit (jute.maxbuffer) is {limit}")]
pub struct FrameTooLong {
    /// The length announced.
    pub length: i32,
    /// The longest allowed.
    pub limit: usize,
}

/// The content of the first frame in `buffer`, taken out of it; `None` when it has not arrived whole.
///
/// Nothing is reserved for what was only announced.
pub fn take_frame(buffer: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, FrameTooLong> {
    let Some(head) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(*head);
    let refused = FrameTooLong { length, limit };
    let size = usize::try_from(length).map_err(|_| refused)?;
    if size > limit {
        return Err(refused);
    }
    if buffer.len() < size.saturating_add(4) {
        return Ok(None);
    }
    buffer.advance(4);
    Ok(Some(buffer.split_to(size).freeze()))
}

/// Appends a frame with this content.
pub fn put_frame(out: &mut BytesMut, content: &[u8]) {
    out.put_i32(i32::try_from(content.len()).unwrap_or(i32::MAX));
    out.put_slice(content);
}
