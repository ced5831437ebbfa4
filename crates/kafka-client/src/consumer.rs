//! A small consumer without a group: all partitions of one topic, from a place that the caller says.
//!
//! Does: fetches from each partition's leader, follows leaders when they move. Invariants: records of a partition come
//! in order, none twice, none left out that the log still holds; control batches are not records. Not here: groups,
//! commits, reading only what transactions committed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::{Cluster, Leaders, OffsetSpec, To};
use crate::error::{Cause, Error, Retry};
use crate::error_code::ErrorCode;
use crate::messages::fetch_request::{FetchPartition, FetchTopic};
use crate::messages::fetch_response::PartitionData;
use crate::messages::{FetchRequest, FetchResponse};
use crate::records::{Record, decode_batches};

const OPERATION: &str = "consume topic";

/// The most that one fetch may bring, far below the limit of a frame.
const MAX_FETCH_BYTES: i32 = 8 * 1024 * 1024;

/// The most that one fetch may bring of one partition; a larger batch still comes whole.
const MAX_PARTITION_BYTES: i32 = 1024 * 1024;

/// Reads one topic.
#[derive(Debug)]
pub struct Consumer {
    cluster: Cluster,
    topic: String,
    positions: BTreeMap<i32, i64>,
    leaders: Option<Leaders>,
}

/// A record and its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// The partition it was in.
    pub partition: i32,
    /// The record.
    pub record: Record,
}

impl Consumer {
    /// A consumer of every partition that `topic` has now, from `start` on.
    pub async fn new(cluster: Cluster, topic: &str, start: OffsetSpec) -> Result<Self, Error> {
        let positions = cluster.list_offsets(topic, start).await?;
        Ok(Self {
            cluster,
            topic: topic.to_owned(),
            positions,
            leaders: None,
        })
    }

    /// The offset of the next record of each partition.
    pub fn positions(&self) -> &BTreeMap<i32, i64> {
        &self.positions
    }

    /// Some records, or none if nothing came for `wait`. An error loses nothing: call again.
    pub async fn poll(&mut self, wait: Duration) -> Result<Vec<Consumed>, Error> {
        let polled = Box::pin(self.fetch_all(wait)).await;
        if polled.is_err() {
            self.leaders = None;
            self.cluster.forget_view();
        }
        polled.map_err(|error| error.about(OPERATION, self.topic.clone()))
    }

    /// Everything up to the ends that the partitions have now.
    ///
    /// Errors that pass soon are waited out, up to `patience` in all.
    pub async fn read_to_end(&mut self, patience: Duration) -> Result<Vec<Consumed>, Error> {
        let ends = self
            .cluster
            .list_offsets(&self.topic, OffsetSpec::Latest)
            .await?;
        let deadline = tokio::time::Instant::now() + patience;
        let mut read = Vec::new();
        while ends
            .iter()
            .any(|(partition, end)| self.positions.get(partition).is_none_or(|at| at < end))
        {
            match self.poll(Duration::from_millis(200)).await {
                Ok(records) => read.extend(records),
                Err(error) if error.retry() == Retry::OnChange => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(Error::new(OPERATION, Cause::Deadline(patience))
                    .about(OPERATION, self.topic.clone()));
            }
        }
        Ok(read)
    }

    async fn fetch_all(&mut self, wait: Duration) -> Result<Vec<Consumed>, Error> {
        let leaders = match &self.leaders {
            Some(leaders) => leaders.clone(),
            None => self
                .leaders
                .insert(self.cluster.leaders(&self.topic).await?)
                .clone(),
        };
        for partition in leaders.leaders.keys() {
            self.positions.entry(*partition).or_insert(0);
        }
        let by_leader = leaders
            .by_leader(&self.topic)
            .map_err(|cause| Error::new(OPERATION, cause))?;
        let share = wait / u32::try_from(by_leader.len().max(1)).unwrap_or(u32::MAX);
        let mut records = Vec::new();
        for (leader, partitions) in by_leader {
            // Whoever has something is not kept waiting for whoever has not.
            let wait = if records.is_empty() {
                share
            } else {
                Duration::ZERO
            };
            let request = self.request(&leaders, &partitions, wait);
            let deadline = self.cluster.settings().connection.request_timeout + wait;
            let response = self
                .cluster
                .ask_within(To::Node(leader), request, deadline)
                .await?;
            self.take(response, &mut records)
                .map_err(|cause| Error::new(OPERATION, cause).at(format!("node {leader}")))?;
        }
        Ok(records)
    }

    fn request(&self, leaders: &Leaders, partitions: &[i32], wait: Duration) -> FetchRequest {
        let partitions = partitions.iter().map(|partition| FetchPartition {
            partition: *partition,
            fetch_offset: self.positions.get(partition).copied().unwrap_or_default(),
            partition_max_bytes: MAX_PARTITION_BYTES,
            ..FetchPartition::default()
        });
        FetchRequest {
            max_wait_ms: i32::try_from(wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: 1,
            max_bytes: MAX_FETCH_BYTES,
            session_epoch: -1,
            topics: vec![FetchTopic {
                topic: self.topic.clone(),
                topic_id: leaders.topic_id,
                partitions: partitions.collect(),
            }],
            ..FetchRequest::default()
        }
    }

    fn take(&mut self, response: FetchResponse, records: &mut Vec<Consumed>) -> Result<(), Cause> {
        Cause::check(response.error_code, None)?;
        for partition in response
            .responses
            .into_iter()
            .flat_map(|topic| topic.partitions)
        {
            self.take_partition(partition, records)?;
        }
        Ok(())
    }

    fn take_partition(
        &mut self,
        fetched: PartitionData,
        records: &mut Vec<Consumed>,
    ) -> Result<(), Cause> {
        let PartitionData {
            partition_index,
            error_code,
            records: bytes,
            ..
        } = fetched;
        let name = format!("partition {partition_index}");
        let code = ErrorCode::from_code(error_code);
        if code != ErrorCode::None {
            return Err(Cause::Kafka {
                code,
                message: Some(format!("{name}: {}", code.sentence())),
            });
        }
        let batches = decode_batches(&bytes.unwrap_or_default())
            .map_err(|error| Cause::Nonsense(format!("{name}: {error}")))?;
        let position = self.positions.entry(partition_index).or_default();
        for batch in batches {
            // A batch may begin before the offset that was asked for.
            let fresh = batch
                .records
                .into_iter()
                .filter(|record| !batch.is_control && record.offset >= *position);
            records.extend(fresh.map(|record| Consumed {
                partition: partition_index,
                record,
            }));
            *position = batch.next_offset.max(*position);
        }
        Ok(())
    }
}
