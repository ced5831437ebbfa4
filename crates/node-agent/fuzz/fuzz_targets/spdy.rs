//! Any bytes as what a client of exec or port-forward sends: frames with compressed headers, and the query before them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, String)| {
    let (bytes, query) = input;
    node_agent::fuzzing::spdy(&bytes);
    node_agent::fuzzing::query(&query);
});
