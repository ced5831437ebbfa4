//! Configuration of brokers, topics and groups: read with its source, changed key by key.

use std::collections::BTreeMap;

use super::{Cluster, To, What};
use crate::error::{Cause, Error};
use crate::error_code::ErrorCode;
use crate::messages::describe_configs_request::DescribeConfigsResource;
use crate::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use crate::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};

/// Something that has a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigResource {
    /// One broker; the asked node must be that broker, and is.
    Broker(i32),
    /// The cluster-wide default of brokers.
    AllBrokers,
    /// The log levels of one broker.
    BrokerLogger(i32),
    /// A topic.
    Topic(String),
    /// A group.
    Group(String),
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigSource {
    /// Set on the topic.
    Topic,
    /// Set dynamically on this broker.
    DynamicBroker,
    /// Set dynamically for all brokers.
    DynamicAllBrokers,
    /// From the broker's properties file.
    StaticBroker,
    /// Kafka's default.
    Default,
    /// Set dynamically for a logger.
    Logger,
    /// Set on a group.
    Group,
    /// A number we do not know.
    Other(i8),
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// The effective value; `None` if unset or secret.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: ConfigSource,
    /// What each layer says, where brokers were asked; secrets are absent.
    pub layers: BTreeMap<ConfigSource, String>,
    /// Whether it is secret; then `value` is never sent.
    pub is_sensitive: bool,
    /// Whether only a restart can change it.
    pub is_read_only: bool,
}

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigChange {
    /// Sets the value.
    Set(String),
    /// Back to the default.
    Delete,
    /// Adds to a list.
    Append(String),
    /// Takes from a list.
    Subtract(String),
}

impl ConfigResource {
    pub(crate) fn number(&self) -> i8 {
        match self {
            Self::Topic(_) => 2,
            Self::Broker(_) | Self::AllBrokers => 4,
            Self::BrokerLogger(_) => 8,
            Self::Group(_) => 32,
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Broker(id) | Self::BrokerLogger(id) => id.to_string(),
            Self::AllBrokers => String::new(),
            Self::Topic(name) | Self::Group(name) => name.clone(),
        }
    }

    /// What a broker answers about itself only it can answer.
    fn to(&self) -> To {
        match self {
            Self::Broker(id) | Self::BrokerLogger(id) => To::Node(*id),
            Self::AllBrokers | Self::Topic(_) | Self::Group(_) => To::Any,
        }
    }

    fn described(&self) -> String {
        match self {
            Self::Broker(id) => format!("broker {id}"),
            Self::AllBrokers => "all brokers".to_owned(),
            Self::BrokerLogger(id) => format!("loggers of broker {id}"),
            Self::Topic(name) => format!("topic {name}"),
            Self::Group(name) => format!("group {name}"),
        }
    }
}

impl ConfigSource {
    fn from_number(number: i8) -> Self {
        match number {
            1 => Self::Topic,
            2 => Self::DynamicBroker,
            3 => Self::DynamicAllBrokers,
            4 => Self::StaticBroker,
            5 => Self::Default,
            6 => Self::Logger,
            8 => Self::Group,
            other => Self::Other(other),
        }
    }
}

impl Cluster {
    /// The configuration of one thing; `keys` narrows it to some, `None` means all.
    pub async fn describe_configs(
        &self,
        resource: &ConfigResource,
        keys: Option<&[&str]>,
    ) -> Result<BTreeMap<String, ConfigEntry>, Error> {
        let object = resource.described();
        let all = self
            .describe_many(&object, std::slice::from_ref(resource), keys, resource.to())
            .await?;
        all.into_values().next().ok_or_else(|| {
            let gone = Cause::Kafka {
                code: ErrorCode::UnknownTopicOrPartition,
                message: None,
            };
            Error::new("describe configs of", gone).about("describe configs of", object)
        })
    }

    /// The configuration of many topics in one request, by topic name; topics that are gone are left out.
    pub async fn describe_topic_configs(
        &self,
        topics: &[&str],
        keys: Option<&[&str]>,
    ) -> Result<BTreeMap<String, BTreeMap<String, ConfigEntry>>, Error> {
        let resources: Vec<ConfigResource> = topics
            .iter()
            .map(|topic| ConfigResource::Topic((*topic).to_owned()))
            .collect();
        let object = format!("{} topics", topics.len());
        self.describe_many(&object, &resources, keys, To::Any).await
    }

    /// The effective `min.insync.replicas` of topics; topics that are gone are left out.
    pub async fn min_insync_replicas(
        &self,
        topics: &[&str],
    ) -> Result<BTreeMap<String, i32>, Error> {
        const KEY: &str = "min.insync.replicas";
        let configs = self.describe_topic_configs(topics, Some(&[KEY])).await?;
        let parse = |(topic, entries): (String, BTreeMap<String, ConfigEntry>)| {
            let value = entries
                .get(KEY)
                .and_then(|entry| entry.value.as_deref())
                .unwrap_or_default();
            let number = value.parse().map_err(|_| {
                Error::new(
                    "describe configs",
                    Cause::Nonsense(format!("{KEY} is {value:?}")),
                )
                .about("describe configs", &topic)
            });
            number.map(|number| (topic, number))
        };
        configs.into_iter().map(parse).collect()
    }

    /// By name; what is gone is left out.
    async fn describe_many(
        &self,
        object: &str,
        resources: &[ConfigResource],
        keys: Option<&[&str]>,
        to: To,
    ) -> Result<BTreeMap<String, BTreeMap<String, ConfigEntry>>, Error> {
        let keys: Option<Vec<String>> =
            keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect());
        let requested = resources.iter().map(|resource| DescribeConfigsResource {
            resource_type: resource.number(),
            resource_name: resource.name(),
            configuration_keys: keys.clone(),
        });
        let request = DescribeConfigsRequest {
            resources: requested.collect(),
            // The layers below a value matter for brokers only, and there are many topics.
            include_synonyms: matches!(resources, [ConfigResource::Broker(_)]),
            include_documentation: false,
        };
        let what = What {
            operation: "describe configs of",
            object,
            to,
        };
        self.read(what, request, |response| {
            let mut found = BTreeMap::new();
            for result in response.results {
                let is_gone =
                    ErrorCode::from_code(result.error_code) == ErrorCode::UnknownTopicOrPartition;
                if is_gone {
                    continue;
                }
                Cause::check(result.error_code, result.error_message.as_deref())?;
                let entries = result.configs.into_iter().map(|config| {
                    let layers = config.synonyms.into_iter().filter_map(|synonym| {
                        let own = synonym.name == config.name;
                        let source = ConfigSource::from_number(synonym.source);
                        Some((source, synonym.value.filter(|_| own)?))
                    });
                    let entry = ConfigEntry {
                        layers: layers.collect(),
                        value: config.value,
                        source: ConfigSource::from_number(config.config_source),
                        is_sensitive: config.is_sensitive,
                        is_read_only: config.read_only,
                    };
                    (config.name, entry)
                });
                found.insert(result.resource_name, entries.collect());
            }
            Ok(found)
        })
        .await
    }

    /// Changes keys of one thing, all or none; `validate_only` only asks whether it could.
    pub async fn alter_configs(
        &self,
        resource: &ConfigResource,
        changes: &BTreeMap<String, ConfigChange>,
        validate_only: bool,
    ) -> Result<(), Error> {
        let configs = changes.iter().map(|(name, change)| {
            let (config_operation, value) = match change {
                ConfigChange::Set(value) => (0, Some(value.clone())),
                ConfigChange::Delete => (1, None),
                ConfigChange::Append(value) => (2, Some(value.clone())),
                ConfigChange::Subtract(value) => (3, Some(value.clone())),
            };
            AlterableConfig {
                name: name.clone(),
                config_operation,
                value,
            }
        });
        let request = IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type: resource.number(),
                resource_name: resource.name(),
                configs: configs.collect(),
            }],
            validate_only,
        };
        let to = match resource.to() {
            To::Any => To::Controller,
            other => other,
        };
        let object = resource.described();
        let what = What {
            operation: "alter configs of",
            object: &object,
            to,
        };
        self.write(what, request, |response| {
            response.responses.iter().try_for_each(|result| {
                Cause::check(result.error_code, result.error_message.as_deref())
            })
        })
        .await
    }
}
