//! Any text as a file of manifests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::desired::parse::Settings;
use model::validate::{Source, validate};

fuzz_target!(|text: &str| {
    let source = [Source { file: "-", text: Ok(text) }];
    let settings = Settings::default();
    let found = validate(&source, &settings);
    assert_eq!(found, validate(&source, &settings), "the same text has the same problems");
});
