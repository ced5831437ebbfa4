//! What fuzz targets reach of this crate's parsers; in the crate only when it is built for them.

use crate::state::State;
use crate::{format, meta_properties, render};

/// Reads text as each of the files that others wrote.
pub fn files(text: &str) {
    for version in [
        meta_properties::Version::KRaft,
        meta_properties::Version::ZooKeeper,
    ] {
        if let Ok(read) = meta_properties::parse(text, version) {
            let id = read.directory_id.as_deref();
            let written = meta_properties::of_new(version, &read.cluster_id, read.node_id, id);
            assert_eq!(meta_properties::parse(&written, version), Ok(read));
        }
    }
    let mut state = State::default();
    for line in text.lines() {
        state.observe(line);
    }
    if let Some(percent) = state.recovery_percent() {
        assert!(percent <= 100, "{percent} %");
    }
    let place = model::runner::placeholder::Place::default();
    if let Ok(filled) = model::runner::placeholder::fill(text, &place) {
        let _ = render::with_fast_start(filled);
    }
    let _ = format::first_files::Voter::parse_all(text);
}
