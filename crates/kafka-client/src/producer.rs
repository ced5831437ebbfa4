//! A small producer: `acks=all`, one batch per call, each call answered.
//!
//! Does: finds the leader, sends, follows the leader when it moves, until `delivery_timeout`. Reads: the topic's
//! metadata. Invariants: with `idempotent`, a batch that is sent again is stored once and batches of one partition are
//! stored in the order of their calls; after a batch whose fate is unknown, numbering starts afresh under a new producer
//! id. Not here: batching over calls, compression, transactions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cluster::{Cluster, Leaders, To, no_leader};
use crate::error::{Cause, Error, Retry};
use crate::error_code::ErrorCode;
use crate::messages::produce_request::{PartitionProduceData, TopicProduceData};
use crate::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use crate::records::{ProducerId, Record, encode_batch};

const OPERATION: &str = "produce to";

/// How records are produced.
#[derive(Clone, Debug)]
pub struct ProducerSettings {
    /// Whether brokers recognise batches that are sent twice.
    pub idempotent: bool,
    /// How long one call keeps trying.
    pub delivery_timeout: Duration,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            idempotent: true,
            delivery_timeout: Duration::from_mins(2),
        }
    }
}

/// Sends records; shared by reference between tasks.
#[derive(Debug)]
pub struct Producer {
    cluster: Cluster,
    settings: ProducerSettings,
    identity: Mutex<Option<(i64, i16)>>,
    lanes: Mutex<Lanes>,
}

/// Topic and partition → lane.
type Lanes = BTreeMap<(String, i32), Arc<Mutex<Lane>>>;

/// What must be remembered of one partition between batches. Its lock keeps batches in order.
#[derive(Debug, Default)]
struct Lane {
    identity: Option<(i64, i16)>,
    sequence: i32,
    leaders: Option<Leaders>,
}

impl Producer {
    /// A producer to this cluster.
    pub fn new(cluster: Cluster, settings: ProducerSettings) -> Self {
        Self {
            cluster,
            settings,
            identity: Mutex::default(),
            lanes: Mutex::default(),
        }
    }

    /// Stores one batch of records on all in-sync replicas; says the offset of the first.
    ///
    /// An error means that the batch may or may not be stored, unless [`Error::retry`] is `OnChange`.
    pub async fn send(
        &self,
        topic: &str,
        partition: i32,
        records: &[Record],
    ) -> Result<i64, Error> {
        let object = format!("{topic}-{partition}");
        if records.is_empty() {
            return Err(
                Error::new(OPERATION, Cause::Input("there are no records".to_owned()))
                    .about(OPERATION, object),
            );
        }
        let lane = {
            let mut lanes = self.lanes.lock().await;
            Arc::clone(lanes.entry((topic.to_owned(), partition)).or_default())
        };
        let mut lane = lane.lock().await;
        let sent = self.deliver(&mut lane, topic, partition, records).await;
        if sent.is_err() {
            // Its fate is unknown, so its numbers cannot be used again.
            lane.identity = None;
            *self.identity.lock().await = None;
        }
        sent.map_err(|error| error.about(OPERATION, object))
    }

    async fn deliver(
        &self,
        lane: &mut Lane,
        topic: &str,
        partition: i32,
        records: &[Record],
    ) -> Result<i64, Error> {
        let until = Instant::now() + self.settings.delivery_timeout;
        let mut pause = Duration::from_millis(50);
        loop {
            let error = match Box::pin(self.attempt(lane, topic, partition, records)).await {
                Ok(offset) => {
                    let count = i32::try_from(records.len()).unwrap_or(i32::MAX);
                    lane.sequence = lane.sequence.wrapping_add(count) & i32::MAX;
                    return Ok(offset);
                }
                Err(error) => error,
            };
            lane.leaders = None;
            let is_over = Instant::now() + pause >= until;
            if is_over || error.retry() == Retry::OnChange {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(Duration::from_secs(1));
        }
    }

    async fn attempt(
        &self,
        lane: &mut Lane,
        topic: &str,
        partition: i32,
        records: &[Record],
    ) -> Result<i64, Error> {
        let producer = self.number(lane).await?;
        let leaders = match &lane.leaders {
            Some(leaders) => leaders,
            None => lane.leaders.insert(self.cluster.leaders(topic).await?),
        };
        let leader = leaders.leaders.get(&partition).copied();
        let leader = leader.ok_or_else(|| {
            let message = format!("topic {topic} has {} partitions", leaders.leaders.len());
            let code = ErrorCode::UnknownTopicOrPartition;
            Error::new(
                OPERATION,
                Cause::Kafka {
                    code,
                    message: Some(message),
                },
            )
        })?;
        let leader = leader.ok_or_else(|| Error::new(OPERATION, no_leader(topic, partition)))?;
        let batch = Bytes::from(encode_batch(records, producer));
        let request = ProduceRequest {
            transactional_id: None,
            acks: -1,
            timeout_ms: self.cluster.timeout_ms(),
            topic_data: vec![TopicProduceData {
                name: topic.to_owned(),
                topic_id: leaders.topic_id,
                partition_data: vec![PartitionProduceData {
                    index: partition,
                    records: Some(batch),
                }],
            }],
        };
        let response = self.cluster.ask(To::Node(leader), request).await?;
        parse(response).map_err(|cause| {
            if matches!(
                cause,
                Cause::Kafka {
                    code: ErrorCode::NotLeaderOrFollower,
                    ..
                }
            ) {
                self.cluster.forget_view();
            }
            Error::new(OPERATION, cause).at(format!("node {leader}"))
        })
    }

    async fn number(&self, lane: &mut Lane) -> Result<ProducerId, Error> {
        if !self.settings.idempotent {
            return Ok(ProducerId::NONE);
        }
        let (id, epoch) = if let Some(identity) = lane.identity {
            identity
        } else {
            lane.sequence = 0;
            *lane.identity.insert(self.identity().await?)
        };
        Ok(ProducerId {
            id,
            epoch,
            sequence: lane.sequence,
        })
    }

    async fn identity(&self) -> Result<(i64, i16), Error> {
        let mut identity = self.identity.lock().await;
        if let Some(identity) = *identity {
            return Ok(identity);
        }
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: self.cluster.timeout_ms(),
            ..InitProducerIdRequest::default()
        };
        let response = self.cluster.ask(To::Any, request).await?;
        Cause::check(response.error_code, None)
            .map_err(|cause| Error::new("get a producer id", cause))?;
        Ok(*identity.insert((response.producer_id, response.producer_epoch)))
    }
}

fn parse(response: ProduceResponse) -> Result<i64, Cause> {
    let partition = response
        .responses
        .into_iter()
        .flat_map(|topic| topic.partition_responses)
        .next();
    let partition = partition.ok_or_else(|| Cause::Nonsense("it names no partition".to_owned()))?;
    match ErrorCode::from_code(partition.error_code) {
        // It was stored when it was sent before, and the answer was lost.
        ErrorCode::None | ErrorCode::DuplicateSequenceNumber => Ok(partition.base_offset),
        _ => {
            let first = partition
                .record_errors
                .into_iter()
                .find_map(|error| error.batch_index_error_message);
            let message = partition
                .error_message
                .filter(|message| !message.is_empty())
                .or(first);
            Cause::check(partition.error_code, message.as_deref()).map(|()| partition.base_offset)
        }
    }
}
