use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn record() -> impl Strategy<Value = Record> {
    let bytes =
        || prop::option::of(prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from));
    let headers = prop::collection::vec(("[a-c]{0,2}", bytes()), 0..4);
    (0i64..2_000_000_000_000, bytes(), bytes(), headers).prop_map(
        |(timestamp_ms, key, value, headers)| Record {
            offset: 0,
            timestamp_ms,
            key,
            value,
            headers,
        },
    )
}

proptest! {
    #[test]
    fn batches_survive(records in prop::collection::vec(record(), 1..20)) {
        let producer = ProducerId { id: 7, epoch: 1, sequence: 42 };
        let bytes = encode_batch(&records, producer);
        let batches = decode_batches(&Bytes::from(bytes)).unwrap();
        prop_assert_eq!(batches.len(), 1);
        prop_assert_eq!(batches[0].producer, producer);
        let numbered: Vec<Record> =
            (0..).zip(records).map(|(offset, record)| Record { offset, ..record }).collect();
        prop_assert_eq!(&batches[0].records, &numbered);
        prop_assert_eq!(usize::try_from(batches[0].next_offset), Ok(numbered.len()));
    }

    #[test]
    fn anything_else_is_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_batches(&Bytes::from(bytes));
    }

    #[test]
    fn one_flipped_bit_after_the_crc_is_noticed(records in prop::collection::vec(record(), 1..4), bit in 0usize..400) {
        let mut bytes = encode_batch(&records, ProducerId::NONE);
        let at = (BEFORE_CRC_BYTES * 8 + bit) % (bytes.len() * 8);
        prop_assume!(at >= BEFORE_CRC_BYTES * 8);
        bytes[at / 8] ^= 1 << (at % 8);
        prop_assert_eq!(decode_batches(&Bytes::from(bytes)), Err(RecordError::Damaged { offset: 0 }));
    }
}

#[test]
fn headers_keep_their_order_and_repeat() {
    let value = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    let headers = vec![
        ("b".to_owned(), value("1")),
        ("a".to_owned(), None),
        ("b".to_owned(), value("2")),
    ];
    let record = Record {
        headers: headers.clone(),
        ..Record::default()
    };
    let batches = decode_batches(&Bytes::from(encode_batch(&[record], ProducerId::NONE))).unwrap();
    assert_eq!(batches[0].records[0].headers, headers);
}

#[test]
fn a_batch_that_is_cut_off_is_left_out_and_the_ones_before_are_read() {
    let one = encode_batch(&[Record::default()], ProducerId::NONE);
    let mut bytes = one.clone();
    bytes.extend_from_slice(&one[..one.len() - 1]);
    assert_eq!(decode_batches(&Bytes::from(bytes)).unwrap().len(), 1);
}

#[test]
fn compressed_batches_and_old_formats_are_named() {
    let mut bytes = encode_batch(&[Record::default()], ProducerId::NONE);
    bytes[BEFORE_CRC_BYTES + 1] = 4;
    let crc = crc32c::crc32c(&bytes[BEFORE_CRC_BYTES..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    let refused = decode_batches(&Bytes::from(bytes.clone())).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the batch at offset 0 is compressed with zstd, which this client does not read"
    );
    bytes[16] = 1;
    assert_eq!(
        decode_batches(&Bytes::from(bytes)).unwrap_err(),
        RecordError::Format { magic: 1 }
    );
}
