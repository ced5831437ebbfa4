//! Record batches, format version 2: what topics hold.
//!
//! Does: writes uncompressed batches; reads batches, checking their CRC-32C. Invariants: headers keep their order and
//! may repeat; every length is compared with what is left; a batch cut off at the end of a fetch is left out, as Kafka
//! means it; a compressed batch or an old format is an error that says so. Not here: who sends and fetches them
//! (`producer`, `consumer`).

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod cursor;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use cursor::{Cursor, put_bytes, put_varint};

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its offset; ignored on writing.
    pub offset: i64,
    /// When, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers in their order; keys may repeat.
    pub headers: Vec<(String, Option<Bytes>)>,
}

/// A batch of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The offset of its first record.
    pub base_offset: i64,
    /// The offset after its last one.
    pub next_offset: i64,
    /// Who wrote it.
    pub producer: ProducerId,
    /// Whether it belongs to a transaction.
    pub is_transactional: bool,
    /// Whether it is Kafka's own marker and not data.
    pub is_control: bool,
    /// Its records.
    pub records: Vec<Record>,
}

/// Who writes, for brokers to recognise what was sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerId {
    /// The producer's id; -1 is none.
    pub id: i64,
    /// Its epoch; -1 is none.
    pub epoch: i16,
    /// The number of the batch's first record; -1 is none.
    pub sequence: i32,
}

impl ProducerId {
    /// A producer that does not number its records.
    pub const NONE: Self = Self {
        id: -1,
        epoch: -1,
        sequence: -1,
    };
}

/// Why bytes are no record batch that we can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A batch ends too early or a length is impossible.
    #[error("at byte {at}: the record batch is malformed: {what}")]
    Malformed {
        /// Offset in the bytes.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The CRC does not match.
    #[error("the batch at offset {offset} is damaged: its CRC-32C does not match")]
    Damaged {
        /// Its base offset.
        offset: i64,
    },
    /// A message format older than 2.
    #[error("message format {magic} is older than Kafka 0.11 and not supported")]
    Format {
        /// The format.
        magic: i8,
    },
    /// Compressed with something we do not read.
    #[error(
        "the batch at offset {offset} is compressed with {codec}, which this client does not read"
    )]
    Compressed {
        /// Its base offset.
        offset: i64,
        /// The codec.
        codec: &'static str,
    },
}

/// Base offset, length, leader epoch, magic and CRC: what precedes the bytes that the CRC covers.
const BEFORE_CRC_BYTES: usize = 8 + 4 + 4 + 1 + 4;

/// Writes one uncompressed batch. An empty one is no batch.
pub fn encode_batch(records: &[Record], producer: ProducerId) -> Vec<u8> {
    let Some(first) = records.first() else {
        return Vec::new();
    };
    let base = first.timestamp_ms;
    let max = records
        .iter()
        .map(|record| record.timestamp_ms)
        .max()
        .unwrap_or(base);
    let count = i32::try_from(records.len()).unwrap_or(i32::MAX);
    let mut covered = Vec::new();
    covered.extend_from_slice(&0i16.to_be_bytes());
    covered.extend_from_slice(&count.saturating_sub(1).to_be_bytes());
    covered.extend_from_slice(&base.to_be_bytes());
    covered.extend_from_slice(&max.to_be_bytes());
    covered.extend_from_slice(&producer.id.to_be_bytes());
    covered.extend_from_slice(&producer.epoch.to_be_bytes());
    covered.extend_from_slice(&producer.sequence.to_be_bytes());
    covered.extend_from_slice(&count.to_be_bytes());
    for (delta, record) in (0..count).zip(records) {
        let body = encode_record(record, base, delta);
        put_varint(&mut covered, i64::try_from(body.len()).unwrap_or(i64::MAX));
        covered.extend_from_slice(&body);
    }
    // The length counts everything after itself: leader epoch, magic, CRC and what it covers.
    let length = i32::try_from(covered.len().saturating_add(9)).unwrap_or(i32::MAX);
    let mut batch = Vec::with_capacity(covered.len().saturating_add(BEFORE_CRC_BYTES));
    batch.extend_from_slice(&0i64.to_be_bytes());
    batch.extend_from_slice(&length.to_be_bytes());
    batch.extend_from_slice(&(-1i32).to_be_bytes());
    batch.push(2);
    batch.extend_from_slice(&crc32c::crc32c(&covered).to_be_bytes());
    batch.extend_from_slice(&covered);
    batch
}

fn encode_record(record: &Record, base_timestamp: i64, offset_delta: i32) -> Vec<u8> {
    let Record {
        offset: _,
        timestamp_ms,
        key,
        value,
        headers,
    } = record;
    let mut body = vec![0];
    put_varint(&mut body, timestamp_ms.saturating_sub(base_timestamp));
    put_varint(&mut body, i64::from(offset_delta));
    put_bytes(&mut body, key.as_deref());
    put_bytes(&mut body, value.as_deref());
    put_varint(&mut body, i64::try_from(headers.len()).unwrap_or(i64::MAX));
    for (name, value) in headers {
        put_bytes(&mut body, Some(name.as_bytes()));
        put_bytes(&mut body, value.as_deref());
    }
    body
}

/// Reads every whole batch; one that is cut off at the end is left out.
pub fn decode_batches(bytes: &Bytes) -> Result<Vec<Batch>, RecordError> {
    let mut batches = Vec::new();
    let mut input = Cursor::new(bytes.clone());
    while input.left() >= BEFORE_CRC_BYTES {
        let base_offset = input.int64()?;
        let length =
            usize::try_from(input.int32()?).map_err(|_| input.malformed("a negative length"))?;
        if length > input.left() {
            break;
        }
        let mut batch = Cursor::new(input.take(length)?);
        batches.push(decode_batch(base_offset, &mut batch)?);
    }
    Ok(batches)
}

fn decode_batch(base_offset: i64, input: &mut Cursor) -> Result<Batch, RecordError> {
    let _leader_epoch = input.int32()?;
    let magic = input.int8()?;
    if magic != 2 {
        return Err(RecordError::Format { magic });
    }
    let crc = input.int32()?.cast_unsigned();
    if crc32c::crc32c(&input.rest()) != crc {
        return Err(RecordError::Damaged {
            offset: base_offset,
        });
    }
    let attributes = input.int16()?;
    let last_delta = input.int32()?;
    let base_timestamp = input.int64()?;
    let max_timestamp = input.int64()?;
    let producer = ProducerId {
        id: input.int64()?,
        epoch: input.int16()?,
        sequence: input.int32()?,
    };
    let count = input.int32()?;
    if let Some(codec) = codec_of(attributes) {
        return Err(RecordError::Compressed {
            offset: base_offset,
            codec,
        });
    }
    // The least that a record takes: length, attributes, two deltas, two lengths, a header count.
    let fits = usize::try_from(count).is_ok_and(|count| count <= input.left() / 7);
    if !fits {
        return Err(input.malformed("a count of records that do not fit"));
    }
    let is_log_append_time = attributes & 0x08 != 0;
    let mut records = Vec::new();
    for _ in 0..count {
        let length = input.length()?;
        let mut record = decode_record(
            &mut Cursor::new(input.take(length)?),
            base_offset,
            base_timestamp,
        )?;
        if is_log_append_time {
            record.timestamp_ms = max_timestamp;
        }
        records.push(record);
    }
    Ok(Batch {
        base_offset,
        next_offset: base_offset
            .saturating_add(i64::from(last_delta))
            .saturating_add(1),
        producer,
        is_transactional: attributes & 0x10 != 0,
        is_control: attributes & 0x20 != 0,
        records,
    })
}

fn decode_record(
    input: &mut Cursor,
    base_offset: i64,
    base_timestamp: i64,
) -> Result<Record, RecordError> {
    let _attributes = input.int8()?;
    let timestamp_ms = base_timestamp.saturating_add(input.varint()?);
    let offset = base_offset.saturating_add(input.varint()?);
    let key = input.nullable_bytes()?;
    let value = input.nullable_bytes()?;
    // A header takes two bytes at least, so the count cannot exceed what is left.
    let count = input.length()?;
    let mut headers = Vec::new();
    for _ in 0..count {
        let name = input
            .nullable_bytes()?
            .ok_or_else(|| input.malformed("a header without a key"))?;
        let name = String::from_utf8(name.to_vec())
            .map_err(|_| input.malformed("a header key that is not UTF-8"))?;
        headers.push((name, input.nullable_bytes()?));
    }
    Ok(Record {
        offset,
        timestamp_ms,
        key,
        value,
        headers,
    })
}

fn codec_of(attributes: i16) -> Option<&'static str> {
    match attributes & 0x07 {
        0 => None,
        1 => Some("gzip"),
        2 => Some("snappy"),
        3 => Some("lz4"),
        4 => Some("zstd"),
        _ => Some("an unknown codec"),
    }
}
