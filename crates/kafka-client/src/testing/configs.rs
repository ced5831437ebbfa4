//! Answers about configuration. Only what was set exists, and `min.insync.replicas`, which defaults to 1.

use std::collections::BTreeMap;

use crate::error_code::ErrorCode;
use crate::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use crate::messages::incremental_alter_configs_request::AlterableConfig;
use crate::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use crate::messages::{
    DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};
use crate::wire::WireError;

use super::State;
use super::cluster::code;
use super::serve::Call;

type Frame = Result<Option<Vec<u8>>, WireError>;

/// Kafka's numbers for what has a configuration, and for where a value is from.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const FROM_TOPIC: i8 = 1;
const FROM_BROKER: i8 = 2;
const FROM_ALL_BROKERS: i8 = 3;
const FROM_FILE: i8 = 4;
const FROM_DEFAULT: i8 = 5;

pub(super) fn describe_configs(state: &mut State, call: Call<'_>) -> Frame {
    call.with(state, |state, request: DescribeConfigsRequest, refusal| {
        let with_synonyms = request.include_synonyms;
        let results = request.resources.into_iter().map(|resource| {
            let found = values(state, resource.resource_type, &resource.resource_name);
            let error = refusal.or(found.as_ref().err().copied());
            let keys = resource.configuration_keys;
            let configs = found.unwrap_or_default().into_iter().filter(|(name, _)| {
                error.is_none() && keys.as_ref().is_none_or(|keys| keys.contains(name))
            });
            let configs = configs.map(|(name, layers)| {
                let effective = layers.first().cloned().unwrap_or_default();
                let synonyms = layers.into_iter().filter(|_| with_synonyms);
                DescribeConfigsResourceResult {
                    value: Some(effective.0),
                    config_source: effective.1,
                    synonyms: synonyms
                        .map(|(value, source)| DescribeConfigsSynonym {
                            name: name.clone(),
                            value: Some(value),
                            source,
                        })
                        .collect(),
                    name,
                    ..Default::default()
                }
            });
            DescribeConfigsResult {
                error_code: code(error),
                error_message: None,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name,
                configs: configs.collect(),
            }
        });
        DescribeConfigsResponse {
            results: results.collect(),
            ..Default::default()
        }
    })
}

/// Value and source of each layer, the effective one first.
type Values = BTreeMap<String, Vec<(String, i8)>>;

fn values(state: &State, kind: i8, name: &str) -> Result<Values, ErrorCode> {
    let mut found = Values::new();
    // From the lowest layer to the highest.
    let mut add = |configs: Option<&BTreeMap<String, String>>, source: i8| {
        for (key, value) in configs.into_iter().flatten() {
            let layers = found.entry(key.clone()).or_default();
            layers.insert(0, (value.clone(), source));
        }
    };
    let broker = name.parse::<i32>().ok();
    match kind {
        TOPIC => {
            let topic = state
                .topics
                .get(name)
                .ok_or(ErrorCode::UnknownTopicOrPartition)?;
            let default = BTreeMap::from([("min.insync.replicas".to_owned(), "1".to_owned())]);
            add(Some(&default), FROM_DEFAULT);
            add(Some(&topic.configs), FROM_TOPIC);
        }
        BROKER if name.is_empty() => add(state.broker_configs.get(&None), FROM_ALL_BROKERS),
        BROKER => {
            let id = broker.ok_or(ErrorCode::InvalidRequest)?;
            let node = state.nodes.get(&id).ok_or(ErrorCode::InvalidRequest)?;
            add(Some(&node.file_configs), FROM_FILE);
            add(state.broker_configs.get(&None), FROM_ALL_BROKERS);
            add(state.broker_configs.get(&broker), FROM_BROKER);
        }
        _ => return Err(ErrorCode::InvalidRequest),
    }
    Ok(found)
}

pub(super) fn alter_configs(state: &mut State, call: Call<'_>) -> Frame {
    call.with(
        state,
        |state, request: IncrementalAlterConfigsRequest, refusal| {
            let mut responses = Vec::new();
            for resource in request.resources {
                let error = refusal.or_else(|| {
                    let configs = place(state, resource.resource_type, &resource.resource_name);
                    configs
                        .and_then(|configs| {
                            change(configs, resource.configs, request.validate_only)
                        })
                        .err()
                });
                let node = resource.resource_name.parse::<i32>().ok();
                let node = node.filter(|_| resource.resource_type == BROKER && error.is_none());
                if let (Some(id), false) = (node, request.validate_only)
                    && let Some(node) = state.nodes.get_mut(&id)
                {
                    node.altered += 1;
                }
                responses.push(AlterConfigsResourceResponse {
                    error_code: code(error),
                    error_message: None,
                    resource_type: resource.resource_type,
                    resource_name: resource.resource_name,
                });
            }
            IncrementalAlterConfigsResponse {
                responses,
                ..Default::default()
            }
        },
    )
}

fn place<'a>(
    state: &'a mut State,
    kind: i8,
    name: &str,
) -> Result<&'a mut BTreeMap<String, String>, ErrorCode> {
    match kind {
        TOPIC => state
            .topics
            .get_mut(name)
            .map(|topic| &mut topic.configs)
            .ok_or(ErrorCode::UnknownTopicOrPartition),
        BROKER if name.is_empty() => Ok(state.broker_configs.entry(None).or_default()),
        BROKER => {
            let id: i32 = name.parse().map_err(|_| ErrorCode::InvalidRequest)?;
            Ok(state.broker_configs.entry(Some(id)).or_default())
        }
        _ => Err(ErrorCode::InvalidRequest),
    }
}

fn change(
    configs: &mut BTreeMap<String, String>,
    changes: Vec<AlterableConfig>,
    validate_only: bool,
) -> Result<(), ErrorCode> {
    let mut changed = configs.clone();
    for AlterableConfig {
        name,
        config_operation,
        value,
    } in changes
    {
        let items = |text: Option<&String>| -> Vec<String> {
            text.into_iter()
                .flat_map(|text| text.split(','))
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let current = items(changed.get(&name));
        match (config_operation, value) {
            (0, Some(value)) => {
                changed.insert(name, value);
            }
            (1, _) => {
                changed.remove(&name);
            }
            (2, Some(value)) => {
                let added = items(Some(&value))
                    .into_iter()
                    .filter(|item| !current.contains(item));
                let all: Vec<String> = current.iter().cloned().chain(added).collect();
                changed.insert(name, all.join(","));
            }
            (3, Some(value)) => {
                let gone = items(Some(&value));
                let left: Vec<String> = current
                    .into_iter()
                    .filter(|item| !gone.contains(item))
                    .collect();
                changed.insert(name, left.join(","));
            }
            _ => return Err(ErrorCode::InvalidConfig),
        }
    }
    if !validate_only {
        *configs = changed;
    }
    Ok(())
}
