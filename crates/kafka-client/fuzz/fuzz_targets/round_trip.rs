//! Messages made from the input, written and read back, in every version of one API.
#![no_main]

use bytes::Bytes;
use kafka_client::messages::{self, ApiKey};
use kafka_client::wire::{Message, arbitrary, decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (api, entropy) = input;
    let Some(api) = ApiKey::all().nth(usize::from(api) % ApiKey::all().count()) else { return };
    macro_rules! both {
        ($name:ident $request:ident $response:ident) => {
            if api == ApiKey::$name {
                there_and_back::<messages::$request>(&entropy);
                there_and_back::<messages::$response>(&entropy);
            }
        };
    }
    kafka_client::for_each_api!(both);
});

fn there_and_back<M: Message + PartialEq + std::fmt::Debug>(entropy: &[u8]) {
    for version in M::VERSIONS {
        let mut message: M = arbitrary(entropy, version).expect("the version exists");
        let bytes = encode(&mut message, version, Vec::new()).expect("it fits its version");
        assert_eq!(decode::<M>(Bytes::from(bytes), version).expect("our own bytes are read"), message);
    }
}
