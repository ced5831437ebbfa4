//! Any bytes as what a server sends.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zookeeper_protocol::{ConnectResponse, Op, Reply};

fuzz_target!(|bytes: &[u8]| {
    let content = Bytes::copy_from_slice(bytes);
    if let Ok(response) = ConnectResponse::decode(content.clone()) {
        assert_eq!(ConnectResponse::decode(response.encode()), Ok(response));
    }
    for op in Op::all() {
        if let Ok(reply) = Reply::decode(content.clone(), |_| op) {
            assert_eq!(Reply::decode(reply.encode(), |_| op), Ok(reply));
        }
    }
});
