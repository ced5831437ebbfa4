//! Any bytes as fetched record batches; half of the inputs with their CRC put right, so that what is behind it is read.
#![no_main]

use bytes::Bytes;
use kafka_client::records::{decode_batches, encode_batch};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, Vec<u8>)| {
    let (mend, mut bytes) = input;
    if mend && bytes.len() > 21 {
        let length = u32::try_from(bytes.len() - 12).unwrap_or(u32::MAX);
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[16] = 2;
        let crc = crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    let Ok(batches) = decode_batches(&Bytes::from(bytes)) else { return };
    for batch in batches {
        let again = encode_batch(&batch.records, batch.producer);
        if !batch.records.is_empty() {
            assert_eq!(decode_batches(&Bytes::from(again)).expect("our own batch is read").len(), 1);
        }
    }
});

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & 0u32.wrapping_sub(crc & 1)))
    })
}
