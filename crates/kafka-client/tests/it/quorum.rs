//! The quorum: described, a voter added and removed, through brokers and through controllers.

use std::time::Duration;

use kafka_client::cluster::{Cluster, Quorum, VoterEndpoint};
use kafka_client::id::parse_kafka_id;
use kafka_client::{ErrorCode, Retry, Settings};

use crate::kafka::kafka;

/// Waits until the quorum is as it should be.
async fn until(cluster: &Cluster, what: &str, is_so: impl Fn(&Quorum) -> bool) -> Quorum {
    for _ in 0..300 {
        match cluster.describe_quorum().await {
            Ok(quorum) if is_so(&quorum) => return quorum,
            Ok(_) => {}
            Err(error) => assert_ne!(error.retry(), Retry::OnChange, "{}", error.report()),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never: {what}; now {:?}", cluster.describe_quorum().await);
}

#[tokio::test]
async fn a_controller_is_added_as_voter_and_removed_again() {
    let kafka = kafka();
    let brokers = kafka.admin();
    let controllers = kafka.client("CONTROLLER", Settings::default());
    let second = parse_kafka_id(&kafka.second.directory_id).unwrap();
    let quorum = until(&brokers, "the second controller follows", |quorum| {
        quorum
            .observer(1)
            .is_some_and(|observer| quorum.lag(observer).is_some_and(|lag| lag < 20))
    })
    .await;
    assert_eq!(quorum.leader_id, Some(0));
    assert_eq!(quorum.voters.len(), 1);
    assert!(quorum.voter(0).unwrap().directory_id.is_some());
    assert_eq!(quorum.observer(1).unwrap().directory_id, Some(second));
    assert_eq!(
        quorum
            .nodes
            .first()
            .unwrap()
            .listeners
            .first()
            .unwrap()
            .name,
        "CONTROLLER"
    );

    let view = controllers.describe_cluster().await.unwrap();
    assert_eq!(view.controller_id, Some(0));
    let cluster_id = view.cluster_id;
    let endpoint = VoterEndpoint {
        name: "CONTROLLER".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: kafka.second.port,
    };
    let wrong = controllers
        .add_voter(Some("other"), 1, second, std::slice::from_ref(&endpoint))
        .await
        .unwrap_err();
    assert_eq!(
        wrong.code(),
        Some(ErrorCode::InconsistentClusterId),
        "{}",
        wrong.report()
    );

    controllers
        .add_voter(Some(&cluster_id), 1, second, &[endpoint])
        .await
        .unwrap();
    until(&controllers, "two voters", |quorum| {
        quorum.voters.len() == 2
    })
    .await;

    let absent = brokers
        .remove_voter(Some(&cluster_id), 9, second)
        .await
        .unwrap_err();
    assert_eq!(
        absent.code(),
        Some(ErrorCode::VoterNotFound),
        "{}",
        absent.report()
    );
    brokers
        .remove_voter(Some(&cluster_id), 1, second)
        .await
        .unwrap();
    until(&brokers, "one voter", |quorum| {
        quorum.voters.len() == 1 && quorum.voter(0).is_some()
    })
    .await;

    let unknown = brokers.unregister_broker(77).await.unwrap_err();
    assert_eq!(
        unknown.code(),
        Some(ErrorCode::BrokerIdNotRegistered),
        "{}",
        unknown.report()
    );
}
