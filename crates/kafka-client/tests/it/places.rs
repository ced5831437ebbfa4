//! Groups and their coordinators, partitions and their places.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_client::cluster::TopicPartition;
use kafka_client::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_client::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_client::messages::{DeleteGroupsRequest, OffsetCommitRequest, OffsetFetchRequest};
use kafka_client::producer::{Producer, ProducerSettings};
use kafka_client::{Cause, ErrorCode};

use crate::data::{create, record};
use crate::kafka::kafka;

#[tokio::test]
async fn a_group_is_found_at_its_coordinator() {
    let admin = kafka().admin();
    create(&admin, "grouped", 1).await;
    // The first question creates the offsets topic; until its partition is led there is no coordinator.
    let mut tries = 0;
    let coordinator = loop {
        match admin.coordinator_of_group("readers").await {
            Ok(coordinator) => break coordinator,
            Err(error) => assert!(
                error.code().is_some_and(ErrorCode::is_retriable),
                "{}",
                error.report()
            ),
        }
        tries += 1;
        assert!(tries < 300, "no coordinator");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let topic_id = admin.leaders("grouped").await.unwrap().topic_id;
    let commit = OffsetCommitRequest {
        group_id: "readers".to_owned(),
        topics: vec![OffsetCommitRequestTopic {
            name: "grouped".to_owned(),
            topic_id,
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: 0,
                committed_offset: 42,
                ..OffsetCommitRequestPartition::default()
            }],
        }],
        ..OffsetCommitRequest::default()
    };
    let committed = loop {
        let response = admin.ask(coordinator, commit.clone()).await.unwrap();
        let code = ErrorCode::from_code(response.topics[0].partitions[0].error_code);
        if !code.is_retriable() {
            break code;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(committed, ErrorCode::None);
    let all = OffsetFetchRequestGroup {
        group_id: "readers".to_owned(),
        topics: None,
        ..Default::default()
    };
    let fetch = OffsetFetchRequest {
        groups: vec![all],
        topics: Some(Vec::new()),
        ..OffsetFetchRequest::default()
    };
    let fetched = admin.ask(coordinator, fetch).await.unwrap();
    let fetched = &fetched.groups[0].topics[0];
    // Topics are named by id from version 10 on (Kafka 4.2), by name before.
    assert!(
        fetched.topic_id == topic_id || fetched.name == "grouped",
        "{fetched:?}"
    );
    assert_eq!(fetched.partitions[0].committed_offset, 42);
    let groups = admin.list_groups().await.unwrap();
    assert_eq!(groups["readers"].state, "Empty");
    let delete = DeleteGroupsRequest {
        groups_names: vec!["readers".to_owned()],
    };
    let deleted = admin.ask(coordinator, delete).await.unwrap();
    assert_eq!(deleted.results[0].error_code, 0);
}

#[tokio::test]
async fn partitions_have_places_and_leaders() {
    let admin = kafka().admin();
    create(&admin, "placed", 2).await;
    let producer = Producer::new(admin.clone(), ProducerSettings::default());
    producer.send("placed", 1, &[record(1)]).await.unwrap();
    let at = |partition| TopicPartition {
        topic: "placed".to_owned(),
        partition,
    };
    let directories = admin.describe_log_dirs(0).await.unwrap();
    let directory = directories.values().next().unwrap();
    assert_eq!(directory.error, None);
    assert!(directory.total_bytes > directory.usable_bytes && directory.usable_bytes.is_some());
    assert!(directory.replicas[&at(1)].bytes > 0 && directory.replicas[&at(0)].bytes == 0);

    assert!(
        admin
            .elect_preferred_leaders(Some(&[at(0)]))
            .await
            .unwrap()
            .is_empty()
    );
    let refused = admin.elect_preferred_leaders(Some(&[at(9)])).await.unwrap();
    assert!(
        matches!(
            refused[&at(9)],
            Cause::Kafka {
                code: ErrorCode::UnknownTopicOrPartition,
                ..
            }
        ),
        "{refused:?}"
    );

    let moves = BTreeMap::from([(at(0), None), (at(1), Some(vec![77]))]);
    let refused = admin.reassign(&moves).await.unwrap();
    assert_eq!(refused.keys().collect::<Vec<_>>(), [&at(1)], "{refused:?}");
    assert!(admin.list_reassignments().await.unwrap().is_empty());
}
