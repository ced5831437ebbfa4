//! Groups: who coordinates one, and which there are.

use std::collections::BTreeMap;

use super::{Cluster, To, What};
use crate::error::{Cause, Error};
use crate::messages::{FindCoordinatorRequest, ListGroupsRequest};

/// A group as a coordinator lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The broker that coordinates it.
    pub coordinator: i32,
    /// `Classic`, `Consumer`, `Share` or `Streams`.
    pub kind: String,
    /// For instance `Stable` or `Empty`.
    pub state: String,
    /// What its members speak, for instance `consumer`.
    pub protocol: String,
}

impl Cluster {
    /// Whom to ask about this group.
    pub async fn coordinator_of_group(&self, group: &str) -> Result<To, Error> {
        let request = FindCoordinatorRequest {
            key_type: 0,
            coordinator_keys: vec![group.to_owned()],
            ..FindCoordinatorRequest::default()
        };
        let what = What {
            operation: "find coordinator of group",
            object: group,
            to: To::Any,
        };
        self.read(what, request, |response| {
            let found = response.coordinators.first();
            let found =
                found.ok_or_else(|| Cause::Nonsense("it names no coordinator".to_owned()))?;
            Cause::check(found.error_code, found.error_message.as_deref())?;
            Ok(To::Node(found.node_id))
        })
        .await
    }

    /// Every group of every broker that is not fenced, by name.
    pub async fn list_groups(&self) -> Result<BTreeMap<String, Group>, Error> {
        let view = self.describe_cluster().await?;
        let mut groups = BTreeMap::new();
        for node in view
            .nodes
            .iter()
            .filter(|node| node.is_fenced != Some(true))
        {
            let object = format!("of broker {}", node.id);
            let what = What {
                operation: "list groups",
                object: &object,
                to: To::Node(node.id),
            };
            let listed = self
                .read(what, ListGroupsRequest::default(), |response| {
                    Cause::check(response.error_code, None).map(|()| response.groups)
                })
                .await?;
            groups.extend(listed.into_iter().map(|group| {
                let known = Group {
                    coordinator: node.id,
                    kind: group.group_type,
                    state: group.group_state,
                    protocol: group.protocol_type,
                };
                (group.group_id, known)
            }));
        }
        Ok(groups)
    }
}
