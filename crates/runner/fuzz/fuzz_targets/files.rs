//! Any text as the files that the runner reads and did not write: meta.properties of a disk, Kafka's state log, a rendered
//! configuration.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| runner::fuzzing::files(text));
