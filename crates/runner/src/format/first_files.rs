//! The first files of a `KRaft` node, as Kafka's storage tool writes them, without the seconds of processor time that
//! its JVM takes.
//!
//! Only for metadata versions whose features are known here; for any other the tool itself is asked. Source:
//! `org.apache.kafka.metadata.storage.Formatter`, `org.apache.kafka.metadata.bootstrap.BootstrapDirectory`,
//! `org.apache.kafka.raft.VoterSet`, KIP-853, KIP-1022; compared with the tool of every release in `e2e`.

use model::desired::MetadataVersion;

/// The metadata versions whose features stand in [`FEATURES`], by level: 3.9-IV0, the first with dynamic quorums, to
/// 4.3-IV0. A later one may bring features of its own.
const KNOWN_LEVELS: std::ops::RangeInclusive<i16> = 21..=30;

/// What else a new cluster gets, in the order of the file: name, level, and the first metadata version that brings it.
const FEATURES: [(&str, i16, i16); 5] = [
    ("eligible.leader.replicas.version", 1, 26),
    ("group.version", 1, 22),
    ("share.version", 1, 28),
    ("streams.version", 1, 29),
    ("transaction.version", 2, 24),
];

/// `apiKey` of `FeatureLevelRecord`.
const FEATURE_LEVEL_RECORD: u8 = 12;

/// One of the controllers that form a quorum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voter {
    id: i32,
    host: String,
    port: u16,
    directory: [u8; 16],
}

impl Voter {
    /// Reads the form of `--initial-controllers`: `0@host:9090:<directory id>,1@…`; `None` where it is malformed.
    pub fn parse_all(text: &str) -> Option<Vec<Self>> {
        text.split(',').map(Self::parse).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let (id, rest) = text.split_once('@')?;
        let (rest, directory) = rest.rsplit_once(':')?;
        let (host, port) = rest.rsplit_once(':')?;
        let directory = base64::Engine::decode(&LENIENT, directory).ok()?;
        Some(Self {
            id: id.parse().ok()?,
            host: host.to_owned(),
            port: port.parse().ok()?,
            directory: directory.try_into().ok()?,
        })
    }
}

/// How Java reads the text of a `Uuid`: bits beyond the last whole byte do not count.
const LENIENT: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    base64::engine::general_purpose::NO_PAD.with_decode_allow_trailing_bits(true),
);

/// `bootstrap.checkpoint`: the features that a new cluster begins with. `None` where they are not known here.
pub fn bootstrap(metadata: MetadataVersion, now_ms: i64) -> Option<Vec<u8>> {
    let level = metadata.level();
    if !KNOWN_LEVELS.contains(&level) {
        return None;
    }
    let others = FEATURES
        .into_iter()
        .filter(|(_, _, since)| *since <= level)
        .map(|(name, level, _)| feature_level(name, level));
    let features: Vec<_> = std::iter::once(feature_level("metadata.version", level))
        .chain(others)
        .collect();
    let footer_offset = i64::try_from(features.len()).ok()?.checked_add(1)?;
    let header = ControlRecord::header(0);
    Some(
        [
            control_batch(0, now_ms, &[header]),
            batch(1, Attributes::Data, now_ms, &features),
            control_batch(footer_offset, now_ms, &[ControlRecord::footer()]),
        ]
        .concat(),
    )
}

/// The first snapshot of the metadata log: who votes. For a controller that forms a dynamic quorum.
pub fn first_snapshot(voters: &[Voter], listener: &str, now_ms: i64) -> Vec<u8> {
    let records = [
        ControlRecord::header(now_ms),
        ControlRecord::kraft_version_1(),
        ControlRecord::voters(voters, listener),
    ];
    [
        control_batch(0, now_ms, &records),
        control_batch(3, now_ms, &[ControlRecord::footer()]),
    ]
    .concat()
}

/// A record that is not the user's; the numbers are those of `org.apache.kafka.common.record.ControlRecordType`, the
/// forms those of `SnapshotHeaderRecord.json`, `KRaftVersionRecord.json`, `VotersRecord.json`, `SnapshotFooterRecord.json`.
struct ControlRecord {
    kind: i16,
    value: Vec<u8>,
}

impl ControlRecord {
    fn header(last_contained_log_timestamp: i64) -> Self {
        let timestamp = last_contained_log_timestamp.to_be_bytes();
        Self {
            kind: 3,
            value: [&[0, 0][..], &timestamp, &[NO_TAGS]].concat(),
        }
    }

    fn footer() -> Self {
        Self {
            kind: 4,
            value: vec![0, 0, NO_TAGS],
        }
    }

    fn kraft_version_1() -> Self {
        Self {
            kind: 5,
            value: vec![0, 0, 0, 1, NO_TAGS],
        }
    }

    fn voters(voters: &[Voter], listener: &str) -> Self {
        let mut value = vec![0, 0];
        put_compact_length(&mut value, voters.len());
        for voter in voters {
            let Voter {
                id,
                host,
                port,
                directory,
            } = voter;
            value.extend_from_slice(&id.to_be_bytes());
            value.extend_from_slice(directory);
            put_compact_length(&mut value, 1);
            put_compact_string(&mut value, listener);
            put_compact_string(&mut value, host);
            value.extend_from_slice(&port.to_be_bytes());
            value.push(NO_TAGS);
            // The versions of `kraft.version` that it can run: 0 to 1.
            value.extend_from_slice(&[0, 0, 0, 1, NO_TAGS]);
            value.push(NO_TAGS);
        }
        value.push(NO_TAGS);
        Self { kind: 6, value }
    }
}

/// The end of each structure: it has no tagged fields.
const NO_TAGS: u8 = 0;

fn feature_level(name: &str, level: i16) -> Record {
    const FRAME_VERSION: u8 = 1;
    const RECORD_VERSION: u8 = 0;
    let mut value = vec![FRAME_VERSION, FEATURE_LEVEL_RECORD, RECORD_VERSION];
    put_compact_string(&mut value, name);
    value.extend_from_slice(&level.to_be_bytes());
    value.push(NO_TAGS);
    Record { key: None, value }
}

struct Record {
    key: Option<[u8; 4]>,
    value: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Attributes {
    Data,
    Control,
}

fn control_batch(base_offset: i64, now_ms: i64, records: &[ControlRecord]) -> Vec<u8> {
    let records: Vec<_> = records
        .iter()
        .map(|ControlRecord { kind, value }| {
            let [high, low] = kind.to_be_bytes();
            Record {
                key: Some([0, 0, high, low]),
                value: value.clone(),
            }
        })
        .collect();
    batch(base_offset, Attributes::Control, now_ms, &records)
}

/// A batch of message format 2 (KIP-98) by a producer without id; all its records are of the same time.
fn batch(base_offset: i64, attributes: Attributes, now_ms: i64, records: &[Record]) -> Vec<u8> {
    let attributes: i16 = match attributes {
        Attributes::Data => 0,
        Attributes::Control => 1 << 5,
    };
    let count = i32::try_from(records.len()).unwrap_or(i32::MAX);
    let mut covered = Vec::new();
    covered.extend_from_slice(&attributes.to_be_bytes());
    covered.extend_from_slice(&count.saturating_sub(1).to_be_bytes());
    covered.extend_from_slice(&now_ms.to_be_bytes());
    covered.extend_from_slice(&now_ms.to_be_bytes());
    // Producer id, its epoch, sequence number: none.
    covered.extend_from_slice(&[0xff; 8 + 2 + 4]);
    covered.extend_from_slice(&count.to_be_bytes());
    for (offset_delta, record) in (0..).zip(records) {
        let mut body = vec![0, 0];
        put_varint(&mut body, offset_delta);
        match &record.key {
            None => put_varint(&mut body, -1),
            Some(key) => put_bytes(&mut body, key),
        }
        put_bytes(&mut body, &record.value);
        // No headers.
        body.push(0);
        put_bytes(&mut covered, &body);
    }
    // Leader epoch, magic and checksum are part of the length; the checksum covers what follows it.
    let length = i32::try_from(covered.len().saturating_add(4 + 1 + 4)).unwrap_or(i32::MAX);
    let mut batch = Vec::new();
    batch.extend_from_slice(&base_offset.to_be_bytes());
    batch.extend_from_slice(&length.to_be_bytes());
    batch.extend_from_slice(&0i32.to_be_bytes());
    batch.push(2);
    batch.extend_from_slice(&crc32c::crc32c(&covered).to_be_bytes());
    batch.extend_from_slice(&covered);
    batch
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    out.extend_from_slice(bytes);
}

fn put_compact_string(out: &mut Vec<u8>, text: &str) {
    put_compact_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn put_compact_length(out: &mut Vec<u8>, length: usize) {
    put_unsigned(
        out,
        u64::try_from(length).unwrap_or(u64::MAX).saturating_add(1),
    );
}

/// A zigzag number.
fn put_varint(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, (value.wrapping_shl(1) ^ (value >> 63)).cast_unsigned());
}

fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests;
