use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn certificate(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    rcgen::generate_simple_self_signed(names)
        .unwrap()
        .cert
        .pem()
}

#[test]
fn an_address_counts_only_when_the_first_certificate_names_it() {
    let here: IpAddr = "127.3.0.1".parse().unwrap();
    let (with, without) = (
        certificate(&["c-p-0.svc", "127.3.0.1"]),
        certificate(&["c-p-0.svc"]),
    );
    assert!(names_address(with.as_bytes(), here));
    assert!(!names_address(without.as_bytes(), here));
    assert!(!names_address(format!("{without}{with}").as_bytes(), here));
    assert!(!names_address(b"nonsense", here));
}

#[test]
fn private_files_are_private_and_replaced_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.pem");
    write_private(&path, b"one").unwrap();
    write_private(&path, b"two").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn an_expiry_is_read_from_the_first_certificate() {
    assert!(
        expiry_unix_seconds(certificate(&["a"]).as_bytes())
            .is_some_and(|seconds| seconds > 4_000_000_000)
    );
    assert_eq!(expiry_unix_seconds(b""), None);
}
