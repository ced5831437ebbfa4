use super::*;
use crate::certificates::authority::{draw_key, self_sign};

const RSA_KEY: &str = include_str!("../../../testdata/rsa-ca.key");
const RSA_KEY_PKCS1: &str = include_str!("../../../testdata/rsa-ca.pkcs1.key");
const RSA_CERTIFICATE: &str = include_str!("../../../testdata/rsa-ca.crt");

fn now() -> jiff::Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

fn ecdsa(days: u32) -> Authority {
    let key = draw_key().unwrap();
    let certificate = self_sign("cluster-ca v0", &key, Validity::days_from(now(), days)).unwrap();
    Authority::read("cluster-ca", &certificate, &key).unwrap()
}

fn request() -> LeafRequest {
    LeafRequest {
        common_name: "demo-kafka".to_owned(),
        dns: [
            "demo-dual-0.demo-kafka-brokers.default.svc",
            "*.demo-kafka-brokers.default.svc",
        ]
        .map(str::to_owned)
        .into(),
        addresses: ["127.10.0.1".parse().unwrap(), "::1".parse().unwrap()].into(),
        validity: Validity::days_from(now(), 365),
    }
}

#[test]
fn a_leaf_holds_the_names_asked_for_and_its_authority_behind_it() {
    let authority = ecdsa(365);
    let leaf = issue(&authority, &request()).unwrap();
    let chain = inspect::read_certificates("leaf", &leaf.chain).unwrap();
    assert_eq!(chain.len(), 2);
    assert_eq!(chain[0].dns, request().dns);
    assert_eq!(chain[0].addresses, request().addresses);
    assert_eq!(chain[0].subject, "O=io.strimzi, CN=demo-kafka");
    assert!(!chain[0].is_authority);
    assert!(chain[0].issued_by(&authority.facts));
    assert_eq!(chain[1], authority.facts);
    assert!(leaf.key.starts_with("-----BEGIN PRIVATE KEY-----"));
}

#[test]
fn a_leaf_of_another_authority_is_told_apart() {
    let leaf = issue(&ecdsa(365), &request()).unwrap();
    let chain = inspect::read_certificates("leaf", &leaf.chain).unwrap();
    // Same name, other key: only the key identifier tells.
    assert!(!chain[0].issued_by(&ecdsa(365).facts));
}

#[test]
fn a_leaf_never_outlives_its_authority() {
    let authority = ecdsa(10);
    let leaf = issue(&authority, &request()).unwrap();
    let chain = inspect::read_certificates("leaf", &leaf.chain).unwrap();
    assert_eq!(chain[0].not_after, authority.facts.not_after);
}

#[test]
fn an_rsa_authority_of_strimzi_signs_in_both_key_forms() {
    for key in [RSA_KEY, RSA_KEY_PKCS1] {
        let authority = Authority::read("cluster-ca", RSA_CERTIFICATE, key).unwrap();
        let leaf = issue(&authority, &request()).unwrap();
        let chain = inspect::read_certificates("leaf", &leaf.chain).unwrap();
        assert!(chain[0].issued_by(&authority.facts));
        verify_with_rustls(&leaf, RSA_CERTIFICATE);
    }
}

#[test]
fn rustls_accepts_the_chain_for_name_and_address() {
    let authority = ecdsa(365);
    let leaf = issue(&authority, &request()).unwrap();
    verify_with_rustls(&leaf, &authority.certificates);
}

fn verify_with_rustls(leaf: &Leaf, authority: &str) {
    use rustls::client::WebPkiServerVerifier;
    use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    for der in inspect::read_ders("ca", authority).unwrap() {
        roots.add(CertificateDer::from(der)).unwrap();
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider)
        .build()
        .unwrap();
    let chain: Vec<CertificateDer<'_>> = inspect::read_ders("leaf", &leaf.chain)
        .unwrap()
        .into_iter()
        .map(CertificateDer::from)
        .collect();
    let seconds = u64::try_from(now().as_second()).unwrap() + 60;
    let when = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    for name in ["demo-dual-0.demo-kafka-brokers.default.svc", "127.10.0.1"] {
        let name = ServerName::try_from(name).unwrap();
        rustls::client::danger::ServerCertVerifier::verify_server_cert(
            &*verifier,
            &chain[0],
            &chain[1..],
            &name,
            &[],
            when,
        )
        .unwrap();
    }
}
