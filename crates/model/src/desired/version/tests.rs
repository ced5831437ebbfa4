use super::{KafkaVersion, MetadataVersion, SUPPORTED};

fn kafka(text: &str) -> KafkaVersion {
    text.parse().unwrap()
}

#[test]
fn each_release_has_the_metadata_version_it_formats_with() {
    let table: Vec<_> = SUPPORTED
        .iter()
        .map(|v| format!("{v} {}", v.newest_metadata()))
        .collect();
    assert_eq!(
        table,
        [
            "3.9.1 3.9-IV0",
            "3.9.2 3.9-IV0",
            "4.1.0 4.1-IV1",
            "4.1.1 4.1-IV1",
            "4.1.2 4.1-IV1",
            "4.2.0 4.2-IV1",
            "4.2.1 4.2-IV1",
            "4.3.0 4.3-IV0",
            "4.3.1 4.3-IV0"
        ]
    );
}

#[test]
fn a_short_metadata_version_means_the_newest_of_that_release() {
    assert_eq!(
        "4.2".parse::<MetadataVersion>().unwrap().to_string(),
        "4.2-IV1"
    );
    assert_eq!("4.1-IV0".parse::<MetadataVersion>().unwrap().level(), 26);
    assert!("4.4".parse::<MetadataVersion>().is_err());
    assert!("4".parse::<MetadataVersion>().is_err());
}

#[test]
fn a_release_cannot_run_newer_metadata() {
    assert!(kafka("4.2.1").can_run("4.1".parse().unwrap()));
    assert!(!kafka("4.2.1").can_run("4.3".parse().unwrap()));
}

#[test]
fn an_unknown_release_is_refused_with_the_list() {
    let error = "4.4.0".parse::<KafkaVersion>().unwrap_err().to_string();
    assert_eq!(
        error,
        "\"4.4.0\" is not one of 3.9.1, 3.9.2, 4.1.0, 4.1.1, 4.1.2, 4.2.0, 4.2.1, 4.3.0, 4.3.1"
    );
}

#[test]
fn the_default_is_supported_and_levels_ascend() {
    assert!(SUPPORTED.contains(&KafkaVersion::DEFAULT));
    let levels: Vec<_> = MetadataVersion::all().map(MetadataVersion::level).collect();
    assert!(levels.is_sorted(), "{levels:?}");
}
