//! `KafkaNodePool`: Kafka nodes that are alike.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::condition::Condition;
use crate::container_resources::ContainerResources;
use crate::container_template::ContainerTemplate;
use crate::jvm::JvmOptions;
use crate::pod_template::PodTemplate;
use crate::storage::Storage;
use crate::template::ObjectTemplate;

/// Kafka nodes that are alike.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaNodePool",
    plural = "kafkanodepools",
    namespaced,
    schema = "disabled",
    category = "strimzi",
    shortname = "knp",
    derive = "PartialEq",
    status = "KafkaNodePoolStatus",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.labelSelector"
    ),
    printcolumn(
        name = "Desired replicas",
        type_ = "integer",
        json_path = ".spec.replicas",
        description = "How many are asked for"
    ),
    printcolumn(
        name = "Roles",
        type_ = "string",
        json_path = ".status.roles",
        description = "What the nodes are"
    ),
    printcolumn(
        name = "NodeIds",
        type_ = "string",
        json_path = ".status.nodeIds",
        description = "The node ids in use"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaNodePoolSpec {
    /// How many nodes.
    #[schemars(range(min = 0))]
    pub replicas: i32,
    /// The disks of each node.
    pub storage: Storage,
    /// What the nodes are: brokers, controllers, or both.
    pub roles: Vec<NodeRole>,
    /// Processor time and memory of each node.
    pub resources: Option<ContainerResources>,
    /// Options of the Java virtual machine.
    pub jvm_options: Option<JvmOptions>,
    /// Changes to the objects made for the pool; they come before the cluster's.
    pub template: Option<NodePoolTemplate>,
}

/// Changes to the objects made for a pool.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePoolTemplate {
    /// The `StrimziPodSet`. Klamm makes none.
    pub pod_set: Option<ObjectTemplate>,
    /// The Pods.
    pub pod: Option<PodTemplate>,
    /// The Services of single brokers for clients outside.
    pub per_pod_service: Option<ObjectTemplate>,
    /// The Routes of single brokers.
    pub per_pod_route: Option<ObjectTemplate>,
    /// The Ingresses of single brokers.
    pub per_pod_ingress: Option<ObjectTemplate>,
    /// The claims for the disks.
    pub persistent_volume_claim: Option<ObjectTemplate>,
    /// The container that runs Kafka.
    pub kafka_container: Option<ContainerTemplate>,
    /// The init container.
    pub init_container: Option<ContainerTemplate>,
}

/// What is known about the pool.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaNodePoolStatus {
    /// How the pool is.
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the specification that this status speaks of.
    pub observed_generation: Option<i64>,
    /// The node ids in use by the pool.
    pub node_ids: Option<Vec<i32>>,
    /// The id of the Kafka cluster that the pool belongs to.
    pub cluster_id: Option<String>,
    /// The roles in force.
    pub roles: Option<Vec<NodeRole>>,
    /// How many nodes there are.
    pub replicas: Option<i32>,
    /// Selects the pool's Pods.
    pub label_selector: Option<String>,
}

/// What a Kafka node does.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum NodeRole {
    /// It votes on the cluster's metadata.
    Controller,
    /// It holds partitions and serves clients.
    Broker,
}
