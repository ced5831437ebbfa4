//! Any bytes as a response frame of any API in any version.
#![no_main]

use bytes::Bytes;
use kafka_client::messages::{self, ApiKey};
use kafka_client::wire::{Message, decode_response, encode_response};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, Vec<u8>)| {
    let (api, version, frame) = input;
    let Some(api) = ApiKey::all().nth(usize::from(api) % ApiKey::all().count()) else { return };
    let versions = api.versions();
    let span = versions.end() - versions.start() + 1;
    let version = versions.start() + i16::from(version) % span;
    let frame = Bytes::from(frame);
    macro_rules! read {
        ($name:ident $request:ident $response:ident) => {
            if api == ApiKey::$name {
                again::<messages::$response>(&frame, version);
            }
        };
    }
    kafka_client::for_each_api!(read);
});

/// What can be read can be written, and reads the same again.
fn again<M: Message + std::fmt::Debug>(frame: &Bytes, version: i16) {
    let Ok((id, mut message)) = decode_response::<M>(frame, version) else { return };
    let Ok(bytes) = encode_response(&mut message, version, id) else { return };
    let (_, second) = decode_response::<M>(&Bytes::from(bytes).slice(4..), version).expect("our own bytes are read");
    // By text: NaN does not equal itself.
    assert_eq!(format!("{message:?}"), format!("{second:?}"));
}
