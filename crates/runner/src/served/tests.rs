use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::Digest as _;
use tokio_rustls::TlsAcceptor;

use super::files::{Store, stores_in};
use super::*;
use crate::pem_files;

fn pem() -> String {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    format!("{}{}", made.signing_key.serialize_pem(), made.cert.pem())
}

fn hash(pem: &str) -> Option<String> {
    pem_files::certificate_hash(pem.as_bytes())
}

fn store(dir: &std::path::Path) -> Store {
    Store {
        listener: "TLS-9093".to_owned(),
        port: 9093,
        keystore: dir.join("node.pem"),
        truststore: Some(dir.join("ca.pem")),
    }
}

#[test]
fn stores_are_found_in_the_properties_that_kafka_reads() {
    let mut config = crate::volume::testing::config();
    let listener = |name: &str, port, tls| model::runner::ListenerConfig {
        name: name.to_owned(),
        port,
        tls,
    };
    config.listeners = vec![
        listener("PLAIN-9092", 9092, false),
        listener("TLS-9093", 9093, true),
        listener("MTLS-9094", 9094, true),
    ];
    let properties = "listener.name.tls-9093.ssl.keystore.location=/run/node.pem\n\
                      listener.name.mtls-9094.ssl.keystore.location=/run/own.pem\n\
                      listener.name.mtls-9094.ssl.truststore.location=/run/clients.pem\n";
    let found: Vec<String> = stores_in(&config, properties)
        .iter()
        .map(|store| {
            format!(
                "{} {} {} {:?}",
                store.listener,
                store.port,
                store.keystore.display(),
                store.truststore
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "TLS-9093 9093 /run/node.pem None",
            "MTLS-9094 9094 /run/own.pem Some(\"/run/clients.pem\")"
        ]
    );
}

#[test]
fn a_changed_file_is_stale_until_kafka_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (pem(), pem());
    std::fs::write(dir.path().join("node.pem"), &first).unwrap();
    std::fs::write(dir.path().join("ca.pem"), "one").unwrap();
    let given = || Given::of_stores(&[store(dir.path())]);
    let mut served = Served::at_start(given());
    assert_eq!(served.stale_trust(), BTreeSet::new());
    assert_eq!(served.started_certificate_ends(), None);

    std::fs::write(dir.path().join("node.pem"), &second).unwrap();
    std::fs::write(dir.path().join("ca.pem"), "two").unwrap();
    served.given = given();
    let now = served.given.certificates.get("TLS-9093");
    assert_eq!(now.cloned(), hash(&second));
    assert_eq!(served.stale_trust(), ["TLS-9093".to_owned()].into());
    assert!(served.started_certificate_ends().is_some());

    // Read before the file was written: that was the old one.
    served.take_read(Some(0));
    assert_eq!(served.stale_trust(), ["TLS-9093".to_owned()].into());
    served.take_read(Some(i64::MAX));
    assert_eq!(served.stale_trust(), BTreeSet::new());
}

#[tokio::test]
async fn the_served_certificate_is_seen_whoever_signed_it() {
    let pem = pem();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let _ = acceptor.accept(stream).await;
    });
    let der = dial::served_certificate(address, b"").await.unwrap();
    assert_eq!(Some(hex::encode(sha2::Sha256::digest(der))), hash(&pem));
}

#[tokio::test]
async fn a_listener_that_does_not_answer_is_an_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(dial::served_certificate(address, b"").await.is_err());
}
