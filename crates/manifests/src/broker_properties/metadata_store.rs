//! Where a broker finds its metadata, where those are behind ZooKeeper's protocol.

use model::desired::Node;

use super::{Properties, line};
use crate::facts::Input;
use crate::store;

/// Kafka's own access control lists, kept in ZooKeeper.
pub(super) const AUTHORIZER: &str = "kafka.security.authorizer.AclAuthorizer";

pub(super) fn render(input: &Input<'_>, node: &Node, properties: &mut Properties) {
    properties.section("Broker ID", [line("broker.id", node.id)]);
    let servers = store::addresses(input.cluster).join(",");
    properties.section("Zookeeper", [line("zookeeper.connect", servers)]);
}
