//! Any bytes as what a client sends.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zookeeper_protocol::{ConnectRequest, RequestFrame, take_frame, validate};

fuzz_target!(|bytes: &[u8]| {
    let mut stream = BytesMut::from(bytes);
    while let Ok(Some(frame)) = take_frame(&mut stream, 0xf_ffff) {
        read(frame);
    }
    read(Bytes::copy_from_slice(bytes));
    let _ = validate(&String::from_utf8_lossy(bytes));
});

fn read(content: Bytes) {
    if let Ok(request) = ConnectRequest::decode(content.clone()) {
        assert_eq!(ConnectRequest::decode(request.encode()), Ok(request));
    }
    if let Ok(frame) = RequestFrame::decode(content) {
        assert_eq!(RequestFrame::decode(frame.encode()), Ok(frame));
    }
}
