//! TLS, mTLS and SASL: who is let in, who is not, and what they are told.

use std::time::Duration;

use kafka_client::cluster::{
    Acl, AclOperation, AclPattern, AclPermission, AclResource, OffsetSpec,
};
use kafka_client::consumer::Consumer;
use kafka_client::producer::{Producer, ProducerSettings};
use kafka_client::{
    Cause, Connection, Endpoint, ErrorCode, Retry, Sasl, ScramMechanism, Settings, Tls,
};

use crate::data::{create, record};
use crate::kafka::{NAME, kafka};

fn scram(mechanism: ScramMechanism, username: &str, password: &str) -> Sasl {
    Sasl::Scram {
        mechanism,
        username: username.to_owned(),
        password: password.to_owned(),
    }
}

async fn allow(principal: &str, topic: &str) {
    let acl = |operation| Acl {
        resource: AclResource::Topic,
        name: topic.to_owned(),
        pattern: AclPattern::Literal,
        principal: principal.to_owned(),
        host: "*".to_owned(),
        operation,
        permission: AclPermission::Allow,
    };
    kafka()
        .admin()
        .create_acls(&[acl(AclOperation::Read), acl(AclOperation::Write)])
        .await
        .unwrap();
}

/// Sends one record as soon as the broker has seen the ACL or the new password.
async fn send_when_allowed(producer: &Producer, topic: &str) {
    for _ in 0..200 {
        match producer.send(topic, 0, &[record(1)]).await {
            Ok(_) => return,
            Err(error) => assert!(
                matches!(error.cause, Cause::Authentication(_))
                    || matches!(
                        error.code(),
                        Some(
                            ErrorCode::ClusterAuthorizationFailed
                                | ErrorCode::TopicAuthorizationFailed
                        )
                    ),
                "{}",
                error.report()
            ),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never allowed to write to {topic}");
}

#[tokio::test]
async fn the_address_is_dialled_and_the_name_verified() {
    let settings = Settings {
        tls: Some(kafka().tls(false)),
        ..Settings::default()
    };
    let address = kafka().address("TLS");
    Connection::dial(&Endpoint::new(address, NAME), &settings)
        .await
        .unwrap();
    for wrong in ["another.kafka.test.svc", "127.0.0.1"] {
        let error = Connection::dial(&Endpoint::new(address, wrong), &settings)
            .await
            .unwrap_err();
        assert!(matches!(error.cause, Cause::Tls(_)), "{}", error.report());
        assert!(
            error.report().contains("not valid for name"),
            "{}",
            error.report()
        );
    }
}

#[tokio::test]
async fn another_ca_is_not_trusted() {
    let other = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let tls = Some(Tls::new(other.cert.pem().as_bytes(), None).unwrap());
    let settings = Settings {
        tls,
        ..Settings::default()
    };
    let error = Connection::dial(&Endpoint::new(kafka().address("TLS"), NAME), &settings)
        .await
        .unwrap_err();
    assert!(
        error.report().contains("UnknownIssuer"),
        "{}",
        error.report()
    );
    assert_eq!(error.retry(), Retry::Later);
}

#[tokio::test]
async fn plain_text_to_a_tls_listener_and_tls_to_a_plain_one_are_explained() {
    let endpoint = Endpoint::new(kafka().address("TLS"), NAME);
    let error = Connection::dial(&endpoint, &Settings::default())
        .await
        .unwrap_err();
    assert!(error.report().contains("wants TLS"), "{}", error.report());
    let settings = Settings {
        tls: Some(kafka().tls(false)),
        dial_timeout: Duration::from_secs(2),
        ..Settings::default()
    };
    let endpoint = Endpoint::new(kafka().address("PLAIN"), NAME);
    let error = Connection::dial(&endpoint, &settings).await.unwrap_err();
    assert!(
        matches!(error.cause, Cause::Tls(_) | Cause::Deadline(_)),
        "{}",
        error.report()
    );
}

#[tokio::test]
async fn a_client_certificate_is_a_principal_that_acls_know() {
    let admin = kafka().admin();
    create(&admin, "alices", 1).await;
    let alice = kafka().client(
        "MTLS",
        Settings {
            tls: Some(kafka().tls(true)),
            ..Settings::default()
        },
    );
    // Not idempotent: a producer id is refused to someone who may write nowhere, which would hide the topic's refusal.
    let settings = ProducerSettings {
        idempotent: false,
        ..ProducerSettings::default()
    };
    let producer = Producer::new(alice.clone(), settings);
    let refused = producer.send("alices", 0, &[record(1)]).await.unwrap_err();
    assert_eq!(
        refused.code(),
        Some(ErrorCode::TopicAuthorizationFailed),
        "{}",
        refused.report()
    );
    allow("User:CN=alice", "alices").await;
    let producer = Producer::new(alice.clone(), ProducerSettings::default());
    send_when_allowed(&producer, "alices").await;
    let mut consumer = Consumer::new(alice, "alices", OffsetSpec::Earliest)
        .await
        .unwrap();
    assert_eq!(
        consumer
            .read_to_end(Duration::from_secs(10))
            .await
            .unwrap()
            .len(),
        1
    );

    let nobody = kafka().client(
        "MTLS",
        Settings {
            tls: Some(kafka().tls(false)),
            ..Settings::default()
        },
    );
    let error = nobody.describe_cluster().await.unwrap_err();
    assert!(matches!(error.cause, Cause::Tls(_)), "{}", error.report());
    assert!(
        error.report().contains("BadCertificate"),
        "{}",
        error.report()
    );
}

#[tokio::test]
async fn scram_users_get_in_with_their_password_only() {
    let admin = kafka().admin();
    create(&admin, "carols", 1).await;
    allow("User:carol", "carols").await;
    for (mechanism, listener) in [
        (ScramMechanism::Sha256, "SCRAM"),
        (ScramMechanism::Sha512, "SCRAMTLS"),
    ] {
        admin
            .set_scram_user("carol", mechanism, "pa=ss,word")
            .await
            .unwrap();
        let tls = (listener == "SCRAMTLS").then(|| kafka().tls(false));
        let settings = |password| Settings {
            tls: tls.clone(),
            sasl: Some(scram(mechanism, "carol", password)),
            ..Settings::default()
        };
        let carol = kafka().client(listener, settings("pa=ss,word"));
        let producer = Producer::new(carol, ProducerSettings::default());
        send_when_allowed(&producer, "carols").await;
        let thief = kafka().client(listener, settings("guess"));
        let error = thief.describe_cluster().await.unwrap_err();
        assert!(
            matches!(error.cause, Cause::Authentication(_)),
            "{}",
            error.report()
        );
        assert!(
            error.report().contains("invalid credentials"),
            "{}",
            error.report()
        );
    }
}

#[tokio::test]
async fn plain_passwords_work_and_unknown_mechanisms_are_named() {
    let sasl = Some(Sasl::Plain {
        username: "root".to_owned(),
        password: "toor".to_owned(),
    });
    let root = kafka().client(
        "SCRAM",
        Settings {
            sasl,
            ..Settings::default()
        },
    );
    root.scram_users(None).await.unwrap();
    let settings = Settings {
        sasl: Some(scram(ScramMechanism::Sha512, "root", "toor")),
        ..Settings::default()
    };
    let error = kafka()
        .client("PLAIN", settings)
        .describe_cluster()
        .await
        .unwrap_err();
    assert!(
        matches!(error.cause, Cause::Authentication(_)),
        "{}",
        error.report()
    );
}

#[tokio::test]
async fn a_session_that_ends_is_followed_by_a_new_one() {
    let sasl = Some(Sasl::Plain {
        username: "root".to_owned(),
        password: "toor".to_owned(),
    });
    let settings = Settings {
        tls: Some(kafka().tls(false)),
        sasl,
        ..Settings::default()
    };
    let root = kafka().client("SCRAMTLS", settings);
    let first = root.connection(kafka_client::To::Any).await.unwrap();
    assert!(first.is_usable());
    let mut asked = 0;
    while first.is_usable() {
        root.describe_cluster().await.unwrap();
        asked += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    root.describe_cluster().await.unwrap();
    assert!(asked > 0);
}
