//! Request and response headers, and whole frames without their length prefix.

use bytes::Bytes;

use super::read::Reader;
use super::{Message, Request, WireError, decode, encode};
use crate::messages::ApiKey;

/// What precedes every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which API; `None` from [`decode_request_header`] if we do not speak it.
    pub api: Option<ApiKey>,
    /// Its number on the wire.
    pub api_key: i16,
    /// Its version.
    pub version: i16,
    /// Repeated by the response.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<String>,
}

/// A whole request: length prefix, header, body.
pub fn encode_request<R: Request>(
    request: &mut R,
    version: i16,
    correlation_id: i32,
    client_id: &str,
) -> Result<Vec<u8>, WireError> {
    let mut out = vec![0; 4];
    out.extend_from_slice(&(R::API as i16).to_be_bytes());
    out.extend_from_slice(&version.to_be_bytes());
    out.extend_from_slice(&correlation_id.to_be_bytes());
    // The client id keeps its two-byte length even in the flexible header (KIP-511).
    super::write::length(&mut out, Some(client_id.len()), false, true)?;
    out.extend_from_slice(client_id.as_bytes());
    if version >= R::FLEXIBLE_FROM {
        out.push(0);
    }
    with_length(encode(request, version, out)?)
}

/// A whole response: length prefix, header, body.
pub fn encode_response<M: Message>(
    response: &mut M,
    version: i16,
    correlation_id: i32,
) -> Result<Vec<u8>, WireError> {
    let mut out = vec![0; 4];
    out.extend_from_slice(&correlation_id.to_be_bytes());
    if has_flexible_response_header::<M>(version) {
        out.push(0);
    }
    with_length(encode(response, version, out)?)
}

fn with_length(mut frame: Vec<u8>) -> Result<Vec<u8>, WireError> {
    let length = frame.len().saturating_sub(4);
    let prefix = i32::try_from(length).map_err(|_| WireError::TooLong { length })?;
    if let Some(place) = frame.first_chunk_mut::<4>() {
        *place = prefix.to_be_bytes();
    }
    Ok(frame)
}

/// ApiVersions keeps the old response header for ever, so that any client can read it (KIP-511).
fn has_flexible_response_header<M: Message>(version: i16) -> bool {
    version >= M::FLEXIBLE_FROM && M::API != ApiKey::ApiVersions
}

/// Splits a response frame (without length prefix) and reads its body; the correlation id comes back as well.
pub fn decode_response<M: Message>(frame: &Bytes, version: i16) -> Result<(i32, M), WireError> {
    let mut reader = Reader::new(frame.clone());
    let correlation_id = i32::from_be_bytes(reader.array()?);
    if has_flexible_response_header::<M>(version) {
        skip_tags(&mut reader)?;
    }
    let body = frame.slice(reader.at()..);
    Ok((correlation_id, decode(body, version)?))
}

/// Splits a request frame (without length prefix) into header and body.
pub fn decode_request_header(frame: &Bytes) -> Result<(RequestHeader, Bytes), WireError> {
    let mut reader = Reader::new(frame.clone());
    let api_key = i16::from_be_bytes(reader.array()?);
    let version = i16::from_be_bytes(reader.array()?);
    let correlation_id = i32::from_be_bytes(reader.array()?);
    let client_id = reader
        .length(false, true)?
        .map(|length| reader.text(length))
        .transpose()?;
    let api = ApiKey::from_number(api_key);
    if api.is_some_and(|api| version >= api.flexible_from()) {
        skip_tags(&mut reader)?;
    }
    let body = frame.slice(reader.at()..);
    Ok((
        RequestHeader {
            api,
            api_key,
            version,
            correlation_id,
            client_id,
        },
        body,
    ))
}

fn skip_tags(reader: &mut Reader) -> Result<(), WireError> {
    let count = reader.uvarint()?;
    for _ in 0..count {
        reader.uvarint()?;
        let length = reader.uvarint()? as usize;
        reader.take(length)?;
    }
    Ok(())
}
