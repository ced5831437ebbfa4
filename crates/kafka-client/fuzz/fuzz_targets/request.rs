//! Any bytes as a request frame: header, then the body of the API and version it names.
#![no_main]

use bytes::Bytes;
use kafka_client::messages::{self, ApiKey};
use kafka_client::wire::{decode, decode_request_header, encode_request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    let Ok((header, body)) = decode_request_header(&Bytes::copy_from_slice(frame)) else { return };
    macro_rules! read {
        ($name:ident $request:ident $response:ident) => {
            if header.api == Some(ApiKey::$name) {
                let Ok(mut request) = decode::<messages::$request>(body.clone(), header.version) else { return };
                let Ok(bytes) = encode_request(&mut request, header.version, header.correlation_id, "fuzz") else {
                    return;
                };
                let (again, body) = decode_request_header(&Bytes::from(bytes).slice(4..)).expect("our own header");
                assert_eq!(again.api_key, header.api_key);
                let second = decode::<messages::$request>(body, header.version).expect("our own bytes are read");
                assert_eq!(format!("{request:?}"), format!("{second:?}"));
            }
        };
    }
    kafka_client::for_each_api!(read);
});
