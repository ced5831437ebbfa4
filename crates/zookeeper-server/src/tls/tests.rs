//! Names in certificates.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use super::*;

#[test]
fn a_subject_is_written_as_java_writes_it() {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "DE");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Klamm, Inc");
    params.distinguished_name.push(DnType::CommonName, "client");
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let id = certificate_identity(certificate.der()).unwrap();
    assert_eq!(
        (id.scheme.as_str(), id.id.as_str()),
        ("x509", "CN=client,O=Klamm\\, Inc,C=DE")
    );
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.pem");
    std::fs::write(&path, "").unwrap();
    let error = certificates(CERTIFICATE, &path).unwrap_err().to_string();
    assert!(
        error.contains("none.pem: holds no certificate in PEM"),
        "{error}"
    );
}
