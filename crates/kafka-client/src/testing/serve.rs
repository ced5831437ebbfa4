//! One connection of the scripted Kafka: frames in, frames out.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Asked, State, TestCluster, cluster, configs, quorum, topics, users};
use crate::cluster::NodeKind;
use crate::connection::take_frame;
use crate::error_code::ErrorCode;
use crate::messages::ApiKey;
use crate::wire::{
    Request, RequestHeader, WireError, decode, decode_request_header, encode_response,
};

/// The longest request that is read.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    cluster: TestCluster,
    node: i32,
    kind: NodeKind,
    mut stream: S,
) {
    let mut input = BytesMut::new();
    loop {
        while let Ok(Some(frame)) = take_frame(&mut input, MAX_REQUEST_BYTES) {
            let Some(answer) = answer(&cluster, node, kind, &frame) else {
                return;
            };
            match answer {
                Answer::Frame(bytes) if stream.write_all(&bytes).await.is_ok() => {}
                Answer::Frame(_) => return,
                Answer::Silence => return silence(stream).await,
            }
        }
        if !matches!(stream.read_buf(&mut input).await, Ok(1..)) {
            return;
        }
    }
}

/// Reads on without answering, until the asker gives up.
async fn silence<S: AsyncRead + Unpin>(mut stream: S) {
    let mut ignored = BytesMut::new();
    while matches!(stream.read_buf(&mut ignored).await, Ok(1..)) {
        ignored.clear();
    }
}

enum Answer {
    Frame(Vec<u8>),
    Silence,
}

/// `None` closes the connection.
fn answer(cluster: &TestCluster, node: i32, kind: NodeKind, frame: &Bytes) -> Option<Answer> {
    let (header, body) = decode_request_header(frame).ok()?;
    let api = header.api?;
    let mut state = cluster.state();
    if !state.nodes.get(&node)?.is_up {
        return None;
    }
    cluster.record(Asked { node, api });
    if state.hang.contains(&api) {
        return Some(Answer::Silence);
    }
    let call = Call {
        header: &header,
        body,
        node,
        kind,
    };
    let bytes = dispatch(&mut state, call, api);
    bytes.ok().flatten().map(Answer::Frame)
}

/// One request to answer.
pub(super) struct Call<'a> {
    pub(super) header: &'a RequestHeader,
    pub(super) body: Bytes,
    pub(super) node: i32,
    pub(super) kind: NodeKind,
}

impl Call<'_> {
    /// Decodes the request, lets `answer` change the state, encodes what it says.
    pub(super) fn with<R: Request>(
        self,
        state: &mut State,
        answer: impl FnOnce(&mut State, R, Option<ErrorCode>) -> R::Response,
    ) -> Result<Option<Vec<u8>>, WireError> {
        let Self { header, body, .. } = self;
        let refusal = state.refuse.get(&R::API).copied();
        let request: R = decode(body, header.version)?;
        let mut response = answer(state, request, refusal);
        encode_response(&mut response, header.version, header.correlation_id).map(Some)
    }
}

fn dispatch(state: &mut State, call: Call<'_>, api: ApiKey) -> Result<Option<Vec<u8>>, WireError> {
    match api {
        ApiKey::ApiVersions => cluster::api_versions(state, call),
        ApiKey::DescribeCluster => cluster::describe_cluster(state, call),
        ApiKey::Metadata => cluster::metadata(state, call),
        ApiKey::UpdateFeatures => cluster::update_features(state, call),
        ApiKey::UnregisterBroker => cluster::unregister_broker(state, call),
        ApiKey::DescribeQuorum => quorum::describe_quorum(state, call),
        ApiKey::AddRaftVoter => quorum::add_voter(state, call),
        ApiKey::RemoveRaftVoter => quorum::remove_voter(state, call),
        ApiKey::DescribeTopicPartitions => topics::describe_topic_partitions(state, call),
        ApiKey::CreateTopics => topics::create_topics(state, call),
        ApiKey::CreatePartitions => topics::create_partitions(state, call),
        ApiKey::DeleteTopics => topics::delete_topics(state, call),
        ApiKey::DescribeConfigs => configs::describe_configs(state, call),
        ApiKey::IncrementalAlterConfigs => configs::alter_configs(state, call),
        ApiKey::DescribeUserScramCredentials => users::describe_scram(state, call),
        ApiKey::AlterUserScramCredentials => users::alter_scram(state, call),
        ApiKey::DescribeAcls => users::describe_acls(state, call),
        ApiKey::CreateAcls => users::create_acls(state, call),
        ApiKey::DeleteAcls => users::delete_acls(state, call),
        // Not offered by ApiVersions, so whoever asks is closed upon, as Kafka does.
        _ => Ok(None),
    }
}

/// What the scripted Kafka can answer.
pub(super) const OFFERED: [ApiKey; 19] = [
    ApiKey::ApiVersions,
    ApiKey::DescribeCluster,
    ApiKey::Metadata,
    ApiKey::UpdateFeatures,
    ApiKey::UnregisterBroker,
    ApiKey::DescribeQuorum,
    ApiKey::AddRaftVoter,
    ApiKey::RemoveRaftVoter,
    ApiKey::DescribeTopicPartitions,
    ApiKey::CreateTopics,
    ApiKey::CreatePartitions,
    ApiKey::DeleteTopics,
    ApiKey::DescribeConfigs,
    ApiKey::IncrementalAlterConfigs,
    ApiKey::DescribeUserScramCredentials,
    ApiKey::AlterUserScramCredentials,
    ApiKey::DescribeAcls,
    ApiKey::CreateAcls,
    ApiKey::DeleteAcls,
];
