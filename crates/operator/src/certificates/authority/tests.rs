use super::*;

fn now() -> jiff::Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn authority(days: u32) -> (String, String) {
    let key = draw_key().unwrap();
    let certificate = self_sign("cluster-ca v0", &key, Validity::days_from(now(), days)).unwrap();
    (certificate, key)
}

#[test]
fn a_new_authority_says_what_strimzis_says() {
    let (certificate, key) = authority(365);
    let read = Authority::read("cluster-ca", &certificate, &key).unwrap();
    assert_eq!(read.facts.subject, "O=io.strimzi, CN=cluster-ca v0");
    assert!(read.facts.is_authority);
    assert_eq!(read.facts.not_after.to_string(), "2027-11-20T12:00:00Z");
    assert_eq!(read.facts.not_before.to_string(), "2026-11-20T11:55:00Z");
}

#[test]
fn a_renewed_certificate_keeps_the_key_and_changes_the_serial() {
    let (first, key) = authority(30);
    let second = self_sign("cluster-ca v0", &key, Validity::days_from(now(), 365)).unwrap();
    let (first, second) = (
        Authority::read("cluster-ca", &first, &key).unwrap(),
        Authority::read("cluster-ca", &second, &key).unwrap(),
    );
    assert_eq!(first.facts.public_key_der, second.facts.public_key_der);
    assert_ne!(first.facts.fingerprint, second.facts.fingerprint);
}

#[test]
fn a_key_of_another_authority_is_refused() {
    let (certificate, _) = authority(365);
    let (_, key) = authority(365);
    let error = Authority::read("cluster-ca", &certificate, &key).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key of cluster-ca does not belong to its certificate"
    );
}

#[test]
fn text_that_is_no_certificate_is_named() {
    let (_, key) = authority(365);
    let error = Authority::read("cluster-ca", "not a certificate", &key).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cluster-ca holds no certificate in PEM form"
    );
}

#[test]
fn a_debug_print_never_shows_the_key() {
    let (certificate, key) = authority(365);
    let printed = format!(
        "{:?}",
        Authority::read("cluster-ca", &certificate, &key).unwrap()
    );
    assert!(!printed.contains("PRIVATE"), "{printed}");
}
