//! Produce and consume.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use kafka_client::cluster::{Cluster, NewTopic, OffsetSpec};
use kafka_client::consumer::Consumer;
use kafka_client::messages::ApiKey;
use kafka_client::producer::{Producer, ProducerSettings};
use kafka_client::records::Record;
use kafka_client::{ErrorCode, Fault, FaultPoint, Faults, Settings};

use crate::kafka::kafka;

pub(crate) async fn create(admin: &Cluster, name: &str, partitions: i32) {
    let topic = NewTopic {
        name: name.to_owned(),
        partitions: Some(partitions),
        replication: Some(1),
        ..NewTopic::default()
    };
    admin.create_topic(&topic, false).await.unwrap();
}

pub(crate) fn record(number: u32) -> Record {
    let value = Some(Bytes::from(number.to_string()));
    let headers = vec![("n".to_owned(), value.clone()), ("n".to_owned(), None)];
    Record {
        offset: 0,
        timestamp_ms: 1_700_000_000_000,
        key: Some(Bytes::from_static(b"k")),
        value,
        headers,
    }
}

#[tokio::test]
async fn every_record_is_read_back_once_and_in_order() {
    let admin = kafka().admin();
    create(&admin, "in-order", 3).await;
    let producer = Arc::new(Producer::new(admin.clone(), ProducerSettings::default()));
    let mut sends = tokio::task::JoinSet::new();
    for partition in 0..3 {
        let producer = Arc::clone(&producer);
        sends.spawn(async move {
            for batch in 0..20u32 {
                let records: Vec<Record> = (0..10).map(|n| record(batch * 10 + n)).collect();
                let offset = producer
                    .send("in-order", partition, &records)
                    .await
                    .unwrap();
                assert_eq!(offset, i64::from(batch) * 10);
            }
        });
    }
    assert_eq!(sends.join_all().await.len(), 3);
    let mut consumer = Consumer::new(admin.clone(), "in-order", OffsetSpec::Earliest)
        .await
        .unwrap();
    let read = consumer.read_to_end(Duration::from_secs(20)).await.unwrap();
    let mut by_partition: BTreeMap<i32, Vec<Record>> = BTreeMap::new();
    for consumed in read {
        by_partition
            .entry(consumed.partition)
            .or_default()
            .push(consumed.record);
    }
    for records in by_partition.values() {
        let expected: Vec<Record> = (0..200)
            .map(|n| Record {
                offset: i64::from(n),
                ..record(n)
            })
            .collect();
        assert_eq!(*records, expected);
    }
    assert_eq!(by_partition.len(), 3);
    assert_eq!(
        admin
            .list_offsets("in-order", OffsetSpec::Latest)
            .await
            .unwrap()[&1],
        200
    );
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_is_sent_again_and_stored_once() {
    let admin = kafka().admin();
    create(&admin, "lost-answers", 1).await;
    let produces = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&produces);
    let faults = Faults::new(move |point| match point {
        FaultPoint::Request {
            api: ApiKey::Produce,
            ..
        } => (counter.fetch_add(1, Ordering::Relaxed) % 3 == 1).then_some(Fault::LoseReply),
        FaultPoint::Request { .. } | FaultPoint::Dial { .. } => None,
    });
    let flaky = kafka().client(
        "PLAIN",
        Settings {
            faults,
            ..Settings::default()
        },
    );
    let producer = Producer::new(flaky, ProducerSettings::default());
    for number in 0..30 {
        producer
            .send("lost-answers", 0, &[record(number)])
            .await
            .unwrap();
    }
    assert!(produces.load(Ordering::Relaxed) > 40);
    let mut consumer = Consumer::new(admin, "lost-answers", OffsetSpec::Earliest)
        .await
        .unwrap();
    let read = consumer.read_to_end(Duration::from_secs(20)).await.unwrap();
    let values: Vec<Option<Bytes>> = read
        .into_iter()
        .map(|consumed| consumed.record.value)
        .collect();
    assert_eq!(
        values,
        (0..30)
            .map(|number| record(number).value)
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_named() {
    let admin = kafka().admin();
    let settings = ProducerSettings {
        idempotent: true,
        delivery_timeout: Duration::from_millis(300),
    };
    let producer = Producer::new(admin.clone(), settings);
    let error = producer
        .send("not-there", 0, &[record(1)])
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition));
    assert!(error.report().contains("not-there"), "{}", error.report());
    assert!(
        Consumer::new(admin, "not-there", OffsetSpec::Earliest)
            .await
            .is_err()
    );
}
