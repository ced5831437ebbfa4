//! SPDY's frames, as far as exec and port-forward need them.
//!
//! ```text
//! control: 1, version 3 (15 bits) · type (16) · flags (8) · length (24) · content
//! data:    0, stream (31)                     · flags (8) · length (24) · content
//! ```

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};

const VERSION: u16 = 0x8003;
const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GO_AWAY: u16 = 7;
const FIN: u8 = 1;
const REFUSED_STREAM: u32 = 3;
/// A client's pieces are 32 KiB; nothing sane is larger than this.
const MAX_BYTES: usize = 1024 * 1024;

/// What a client sends.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) enum Frame {
    OpenStream {
        stream: u32,
        headers: Vec<u8>,
    },
    Data {
        stream: u32,
        content: Bytes,
        last: bool,
    },
    Reset {
        stream: u32,
    },
    Ping(u32),
    GoAway,
    /// Settings, windows and whatever else needs no answer.
    Other,
}

/// Reads the next frame.
pub(in crate::server) async fn read<R: AsyncRead + Unpin>(reader: &mut R) -> io::Result<Frame> {
    let first = reader.read_u32().await?;
    let rest = reader.read_u32().await?;
    let [flags, ..] = rest.to_be_bytes();
    let length = usize::try_from(rest & 0x00ff_ffff).unwrap_or(usize::MAX);
    if length > MAX_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut content = vec![0; length];
    reader.read_exact(&mut content).await?;
    let last = flags & FIN != 0;
    if first & 0x8000_0000 == 0 {
        return Ok(Frame::Data {
            stream: first,
            content: content.into(),
            last,
        });
    }
    let [high, low, kind_high, kind_low] = first.to_be_bytes();
    if u16::from_be_bytes([high, low]) != VERSION {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let number = |at: usize| {
        let bytes = content.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?) & 0x7fff_ffff)
    };
    let short = || io::Error::from(io::ErrorKind::InvalidData);
    match u16::from_be_bytes([kind_high, kind_low]) {
        SYN_STREAM => {
            let stream = number(0).ok_or_else(short)?;
            // Stream, associated stream, priority and slot: ten bytes before the headers.
            let headers = content.get(10..).ok_or_else(short)?.to_vec();
            Ok(Frame::OpenStream { stream, headers })
        }
        RST_STREAM => Ok(Frame::Reset {
            stream: number(0).ok_or_else(short)?,
        }),
        PING => {
            let bytes = content
                .get(..4)
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(short)?;
            Ok(Frame::Ping(u32::from_be_bytes(bytes)))
        }
        GO_AWAY => Ok(Frame::GoAway),
        _ => Ok(Frame::Other),
    }
}

/// A piece of a stream.
pub(in crate::server) fn data(stream: u32, content: &[u8], last: bool) -> Vec<u8> {
    let mut frame = stream.to_be_bytes().to_vec();
    finish(&mut frame, u8::from(last) * FIN, content);
    frame
}

/// The answer to a new stream.
pub(in crate::server) fn reply(stream: u32, headers: Vec<u8>) -> Vec<u8> {
    let mut content = stream.to_be_bytes().to_vec();
    content.extend(headers);
    control(SYN_REPLY, &content)
}

/// The answer to a stream that is for nothing we know.
pub(in crate::server) fn reset(stream: u32) -> Vec<u8> {
    control(
        RST_STREAM,
        &[stream.to_be_bytes(), REFUSED_STREAM.to_be_bytes()].concat(),
    )
}

/// The answer to a ping.
pub(in crate::server) fn ping(id: u32) -> Vec<u8> {
    control(PING, &id.to_be_bytes())
}

fn control(kind: u16, content: &[u8]) -> Vec<u8> {
    let mut frame = [VERSION.to_be_bytes(), kind.to_be_bytes()].concat();
    finish(&mut frame, 0, content);
    frame
}

fn finish(frame: &mut Vec<u8>, flags: u8, content: &[u8]) {
    let [_, a, b, c] = u32::try_from(content.len()).unwrap_or(0).to_be_bytes();
    frame.extend_from_slice(&[flags, a, b, c]);
    frame.extend_from_slice(content);
}
