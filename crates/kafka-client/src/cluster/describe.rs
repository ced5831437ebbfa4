//! What a cluster says about itself: its id and nodes, fenced ones too.

use std::collections::BTreeMap;

use super::{Cluster, NodeKind, To, What};
use crate::error::{Cause, Error};
use crate::messages::{DescribeClusterRequest, DescribeClusterResponse};

/// A cluster as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterView {
    /// Its id, as Kafka writes it.
    pub cluster_id: String,
    /// The active controller when controllers were asked; some broker when brokers were.
    pub controller_id: Option<i32>,
    /// Brokers or controllers, whichever were asked, by id.
    pub nodes: Vec<Node>,
}

/// One node of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: i32,
    /// The host it advertises on the listener that was asked.
    pub host: String,
    /// The port it advertises there.
    pub port: u16,
    /// Its rack.
    pub rack: Option<String>,
    /// Whether it is registered but fenced, so not serving; `None` if the cluster is too old to say.
    pub is_fenced: Option<bool>,
}

impl ClusterView {
    /// The node of this id.
    pub fn node(&self, id: i32) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }
}

impl Cluster {
    /// Id and nodes, fenced brokers included.
    pub async fn describe_cluster(&self) -> Result<ClusterView, Error> {
        const OPERATION: &str = "describe cluster";
        let kind = self.inner.settings.kind;
        let connection = self.connection(To::Any).await.map_err(|error| Error {
            operation: OPERATION,
            ..error
        })?;
        let version = connection
            .version_of::<DescribeClusterRequest>()
            .map_err(|cause| Error::new(OPERATION, cause).at(connection.endpoint()))?;
        let tells_fenced = version >= 2 && kind == NodeKind::Brokers;
        let request = DescribeClusterRequest {
            include_cluster_authorized_operations: false,
            endpoint_type: if kind == NodeKind::Controllers { 2 } else { 1 },
            include_fenced_brokers: tells_fenced,
        };
        let what = What {
            operation: OPERATION,
            object: "",
            to: To::Any,
        };
        let view = self
            .read(what, request, |response| parse(response, tells_fenced))
            .await?;
        self.remember(&view);
        Ok(view)
    }
}

fn parse(response: DescribeClusterResponse, tells_fenced: bool) -> Result<ClusterView, Cause> {
    Cause::check(response.error_code, response.error_message.as_deref())?;
    let nodes: BTreeMap<i32, Node> = response
        .brokers
        .into_iter()
        .map(|broker| {
            let port = u16::try_from(broker.port).map_err(|_| {
                Cause::Nonsense(format!(
                    "node {} has port {}",
                    broker.broker_id, broker.port
                ))
            })?;
            let node = Node {
                id: broker.broker_id,
                host: broker.host,
                port,
                rack: broker.rack,
                is_fenced: tells_fenced.then_some(broker.is_fenced),
            };
            Ok((node.id, node))
        })
        .collect::<Result<_, Cause>>()?;
    Ok(ClusterView {
        cluster_id: response.cluster_id,
        controller_id: Some(response.controller_id).filter(|id| *id >= 0),
        nodes: nodes.into_values().collect(),
    })
}
