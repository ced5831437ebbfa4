use super::*;
use crate::certificates::{Validity, authority};

fn certificate() -> String {
    let key = authority::draw_key().unwrap();
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    authority::self_sign("cluster-ca v0", &key, Validity::days_from(now, 365)).unwrap()
}

#[test]
fn the_key_of_the_mac_is_what_openssl_derives() {
    // openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexpass:0073006500730061006d00650000
    //   -kdfopt hexsalt:000102…13 -kdfopt iter:10000 -kdfopt id:3 PKCS12KDF
    let salt: Vec<u8> = (0..20).collect();
    assert_eq!(
        hex::encode(derive_mac_key("sesame", &salt)),
        "0b79a500b932103602cd88f0a2cc863a3ec6b65c048eeb487799cd82e6e282eb"
    );
}

#[test]
fn the_store_holds_the_certificate_and_says_that_it_is_trusted() {
    let certificate = certificate();
    let store = truststore(&[("ca.crt", &certificate)], "sesame").unwrap();
    let der = &inspect::read_ders("ca.crt", &certificate).unwrap()[0];
    let holds = |needle: &[u8]| store.windows(needle.len()).any(|window| window == needle);
    assert!(holds(der));
    assert!(holds(&oid(TRUSTED_KEY_USAGE)));
    assert!(holds(&bmp_string("ca.crt")));
}

#[test]
fn openssl_reads_the_store_where_it_is_installed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.p12");
    std::fs::write(
        &path,
        truststore(&[("ca.crt", &certificate())], "sesame").unwrap(),
    )
    .unwrap();
    let run = |password: &str| {
        std::process::Command::new("openssl")
            .args([
                "pkcs12",
                "-nokeys",
                "-passin",
                &format!("pass:{password}"),
                "-in",
            ])
            .arg(&path)
            .output()
    };
    let Ok(read) = run("sesame") else {
        println!("skipped: openssl is not installed");
        return;
    };
    assert!(
        read.status.success(),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
    assert!(String::from_utf8_lossy(&read.stdout).contains("BEGIN CERTIFICATE"));
    assert!(!run("other").unwrap().status.success());
}

#[test]
fn java_takes_the_certificate_as_trusted_where_it_is_installed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.p12");
    std::fs::write(
        &path,
        truststore(&[("ca.crt", &certificate())], "sesame").unwrap(),
    )
    .unwrap();
    let listed = std::process::Command::new("keytool")
        .args(["-list", "-storetype", "PKCS12", "-storepass", "sesame"])
        .arg("-keystore")
        .arg(&path)
        .output();
    let Ok(listed) = listed else {
        println!("skipped: keytool is not installed");
        return;
    };
    let text = String::from_utf8_lossy(&listed.stdout);
    assert!(listed.status.success(), "{text}");
    assert!(text.contains("trustedCertEntry"), "{text}");
}
