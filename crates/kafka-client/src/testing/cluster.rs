//! Answers about the cluster: versions, nodes, features.

use crate::cluster::NodeKind;
use crate::error_code::ErrorCode;
use crate::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use crate::messages::describe_cluster_response::DescribeClusterBroker;
use crate::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::messages::update_features_response::UpdatableFeatureResult;
use crate::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, DescribeClusterRequest,
    DescribeClusterResponse, MetadataRequest, MetadataResponse, UnregisterBrokerRequest,
    UnregisterBrokerResponse, UpdateFeaturesRequest, UpdateFeaturesResponse,
};
use crate::wire::{WireError, encode_response};

use super::State;
use super::serve::{Call, OFFERED};

type Frame = Result<Option<Vec<u8>>, WireError>;

pub(super) fn api_versions(state: &mut State, call: Call<'_>) -> Frame {
    let mut response = ApiVersionsResponse {
        api_keys: offered(state),
        ..ApiVersionsResponse::default()
    };
    let spoken = response
        .api_keys
        .iter()
        .find(|api| api.api_key == ApiKey::ApiVersions as i16);
    let version = call.header.version;
    if !spoken.is_some_and(|api| (api.min_version..=api.max_version).contains(&version)) {
        // Whoever asks in a version we do not know is answered in version 0 (KIP-511).
        response.error_code = ErrorCode::UnsupportedVersion.code();
        return encode_response(&mut response, 0, call.header.correlation_id).map(Some);
    }
    call.with(state, |state, _: ApiVersionsRequest, refusal| {
        if version >= 3 {
            response.finalized_features_epoch = 1;
            response.supported_features = state
                .supported_features
                .iter()
                .filter(|(_, (first, _))| version >= 4 || *first > 0)
                .map(|(name, (first, last))| SupportedFeatureKey {
                    name: name.clone(),
                    min_version: *first,
                    max_version: *last,
                })
                .collect();
            response.finalized_features = state
                .finalized_features
                .iter()
                .map(|(name, level)| FinalizedFeatureKey {
                    name: name.clone(),
                    max_version_level: *level,
                    min_version_level: *level,
                })
                .collect();
        }
        response.error_code = code(refusal);
        response
    })
}

fn offered(state: &State) -> Vec<ApiVersion> {
    OFFERED
        .iter()
        .filter_map(|api| {
            let versions = api.versions();
            let (min_version, max_version) = state
                .versions
                .get(api)
                .copied()
                .unwrap_or(Some((*versions.start(), *versions.end())))?;
            Some(ApiVersion {
                api_key: *api as i16,
                min_version,
                max_version,
            })
        })
        .collect()
}

pub(super) fn describe_cluster(state: &mut State, call: Call<'_>) -> Frame {
    let (kind, version) = (call.kind, call.header.version);
    call.with(state, |state, request: DescribeClusterRequest, refusal| {
        let wants = if request.endpoint_type == 2 {
            NodeKind::Controllers
        } else {
            NodeKind::Brokers
        };
        let mut response = DescribeClusterResponse {
            error_code: code(refusal),
            error_message: None,
            cluster_id: state.cluster_id.clone(),
            ..DescribeClusterResponse::default()
        };
        if wants != kind {
            response.error_code = ErrorCode::MismatchedEndpointType.code();
        }
        if response.error_code != 0 {
            return response;
        }
        response.endpoint_type = if version >= 1 {
            request.endpoint_type
        } else {
            1
        };
        response.controller_id = match kind {
            NodeKind::Controllers => state.leader.unwrap_or(-1),
            NodeKind::Brokers => brokers(state, false)
                .first()
                .map_or(-1, |broker| broker.broker_id),
        };
        response.brokers = match kind {
            NodeKind::Brokers => brokers(state, request.include_fenced_brokers),
            NodeKind::Controllers => state
                .nodes
                .iter()
                .filter_map(|(id, node)| {
                    let (host, port) = node.advertised(NodeKind::Controllers)?;
                    let port = i32::from(port);
                    Some(DescribeClusterBroker {
                        broker_id: *id,
                        host,
                        port,
                        rack: None,
                        is_fenced: false,
                    })
                })
                .collect(),
        };
        response
    })
}

fn brokers(state: &State, with_fenced: bool) -> Vec<DescribeClusterBroker> {
    state
        .nodes
        .iter()
        .filter(|(_, node)| node.is_registered && (with_fenced || !node.is_fenced))
        .filter_map(|(id, node)| {
            let (host, port) = node.advertised(NodeKind::Brokers)?;
            let (port, rack) = (i32::from(port), node.rack.clone());
            Some(DescribeClusterBroker {
                broker_id: *id,
                host,
                port,
                rack,
                is_fenced: node.is_fenced,
            })
        })
        .collect()
}

pub(super) fn metadata(state: &mut State, call: Call<'_>) -> Frame {
    let version = call.header.version;
    call.with(state, |state, request: MetadataRequest, refusal| {
        let nodes = brokers(state, false);
        let brokers = nodes.iter().map(|node| MetadataResponseBroker {
            node_id: node.broker_id,
            host: node.host.clone(),
            port: node.port,
            rack: node.rack.clone(),
        });
        let all = || state.topics.keys().cloned().collect::<Vec<_>>();
        let names = match request.topics {
            None => all(),
            Some(topics) if topics.is_empty() && version == 0 => all(),
            Some(topics) => topics
                .into_iter()
                .filter_map(|topic| {
                    topic.name.filter(|name| !name.is_empty()).or_else(|| {
                        let mut known = state.topics.iter();
                        known
                            .find(|(_, known)| known.id == topic.topic_id)
                            .map(|(name, _)| name.clone())
                    })
                })
                .collect(),
        };
        MetadataResponse {
            brokers: brokers.collect(),
            cluster_id: Some(state.cluster_id.clone()),
            controller_id: nodes.first().map_or(-1, |node| node.broker_id),
            topics: names
                .into_iter()
                .map(|name| metadata_topic(state, name, version))
                .collect(),
            error_code: if version >= 13 { code(refusal) } else { 0 },
            ..MetadataResponse::default()
        }
    })
}

fn metadata_topic(state: &State, name: String, version: i16) -> MetadataResponseTopic {
    let Some(topic) = state.topics.get(&name) else {
        return MetadataResponseTopic {
            error_code: ErrorCode::UnknownTopicOrPartition.code(),
            name: Some(name),
            ..MetadataResponseTopic::default()
        };
    };
    let partitions = (0..)
        .zip(&topic.partitions)
        .map(|(partition_index, partition)| MetadataResponsePartition {
            error_code: if partition.leader.is_none() {
                ErrorCode::LeaderNotAvailable.code()
            } else {
                0
            },
            partition_index,
            leader_id: partition.leader.unwrap_or(-1),
            leader_epoch: if version >= 7 { 1 } else { -1 },
            replica_nodes: partition.replicas.clone(),
            isr_nodes: partition.isr.clone(),
            offline_replicas: Vec::new(),
        });
    MetadataResponseTopic {
        topic_id: topic.id,
        name: Some(name),
        partitions: partitions.collect(),
        ..MetadataResponseTopic::default()
    }
}

pub(super) fn update_features(state: &mut State, call: Call<'_>) -> Frame {
    let version = call.header.version;
    call.with(state, |state, request: UpdateFeaturesRequest, refusal| {
        let error = refusal.or_else(|| {
            let is_possible = |name: &String, level: i16| {
                let range = state.supported_features.get(name);
                level == 0 || range.is_some_and(|(first, last)| (*first..=*last).contains(&level))
            };
            let possible = request.feature_updates.iter().all(|update| {
                let now = state
                    .finalized_features
                    .get(&update.feature)
                    .copied()
                    .unwrap_or_default();
                let goes_down = update.max_version_level < now;
                is_possible(&update.feature, update.max_version_level)
                    && (!goes_down || update.upgrade_type != 1)
            });
            (!possible).then_some(ErrorCode::InvalidUpdateVersion)
        });
        if error.is_none() && !request.validate_only {
            for update in &request.feature_updates {
                if update.max_version_level == 0 {
                    state.finalized_features.remove(&update.feature);
                } else {
                    state
                        .finalized_features
                        .insert(update.feature.clone(), update.max_version_level);
                }
            }
        }
        let results = request
            .feature_updates
            .into_iter()
            .filter(|_| version < 2)
            .map(|update| UpdatableFeatureResult {
                feature: update.feature,
                error_code: code(error),
                error_message: None,
            });
        UpdateFeaturesResponse {
            error_code: code(error),
            error_message: None,
            results: results.collect(),
            ..UpdateFeaturesResponse::default()
        }
    })
}

pub(super) fn unregister_broker(state: &mut State, call: Call<'_>) -> Frame {
    call.with(state, |state, request: UnregisterBrokerRequest, refusal| {
        let node = state
            .nodes
            .get_mut(&request.broker_id)
            .filter(|node| node.is_registered);
        let error_code = match (refusal, node) {
            (Some(refusal), _) => refusal.code(),
            (None, None) => ErrorCode::BrokerIdNotRegistered.code(),
            (None, Some(node)) => {
                node.is_registered = false;
                0
            }
        };
        UnregisterBrokerResponse {
            error_code,
            error_message: None,
            ..UnregisterBrokerResponse::default()
        }
    })
}

pub(super) fn code(refusal: Option<ErrorCode>) -> i16 {
    refusal.map_or(0, ErrorCode::code)
}
