//! What a server with a volume reads: `zookeeper.properties`, its log configuration, and what the runner is told. One
//! without has an empty `ConfigMap`, in which the planner keeps its Pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use model::runner::store::{STORE_CONFIG_KEY, StoreConfig, StoreProgram, ZOOKEEPER_CONFIG_KEY};
use model::runner::{CONTRACT, placeholder};

use super::{
    CLIENT_PORT, CLUSTERING_PORT, ELECTION_PORT, ETCD_CLIENT_PORT, ETCD_PEER_PORT, Member, Program,
    members,
};
use crate::broker_properties::in_root;
use crate::facts::Input;
use crate::labels::{self, Map};
use crate::logging::reload4j;
use crate::names;

/// `<pod>`.
pub fn render(input: &Input<'_>, member: Member) -> ConfigMap {
    let cluster = input.cluster;
    let pod = member.pod_name(cluster.name.as_str());
    let mut labels = labels::cluster_labels(cluster, member.program.component());
    labels.insert("strimzi.io/pod-name".to_owned(), pod.clone());
    let mut data = BTreeMap::new();
    if member.has_volume() {
        let config = serde_json::to_string_pretty(&config(input, member))
            .expect("numbers in it are finite and keys are strings");
        data.insert(STORE_CONFIG_KEY.to_owned(), config);
    }
    if member.program == Program::ZooKeeper {
        data.insert(ZOOKEEPER_CONFIG_KEY.to_owned(), properties(input));
        data.insert(reload4j::KEY.to_owned(), reload4j::for_zookeeper());
    }
    ConfigMap {
        metadata: labels::metadata(input, pod, labels, Map::new()),
        data: Some(data),
        ..ConfigMap::default()
    }
}

/// Where the volume of a server is mounted.
pub(super) const fn mount(program: Program) -> &'static str {
    match program {
        Program::ZooKeeper | Program::Gateway => "/var/lib/zookeeper",
        Program::Etcd => "/var/lib/etcd",
    }
}

fn config(input: &Input<'_>, member: Member) -> StoreConfig {
    let cluster = input.cluster;
    let mount = mount(member.program).to_owned();
    StoreConfig {
        contract: CONTRACT,
        cluster: cluster.name.to_string(),
        cluster_id: input.facts.identity.cluster_id.clone(),
        server: member.server,
        data_dir: format!("{mount}/data"),
        mount,
        program: match member.program {
            Program::ZooKeeper | Program::Gateway => StoreProgram::ZooKeeper {
                id: id(member),
                client_port: CLIENT_PORT,
            },
            Program::Etcd => StoreProgram::Etcd {
                name: member.pod_name(cluster.name.as_str()),
                client_port: ETCD_CLIENT_PORT,
                peer_port: ETCD_PEER_PORT,
            },
        },
        health_port: names::RUNNER_PORT,
    }
}

/// ZooKeeper counts its servers from 1, as Strimzi's ensembles do.
const fn id(member: Member) -> u32 {
    member.server + 1
}

/// ZooKeeper's own configuration, the same on each server.
///
/// A server whose disk is empty does not vote before it followed a leader, unless the runner says that it is a first
/// one (ZOOKEEPER-2325): a lost disk cannot make a majority forget.
fn properties(input: &Input<'_>) -> String {
    let data = in_root(&format!("{}/data", mount(Program::ZooKeeper)));
    let mut lines = vec![
        "# Written by the operator; the runner fills in what stands in double braces.".to_owned(),
        "tickTime=2000".to_owned(),
        "initLimit=10".to_owned(),
        "syncLimit=5".to_owned(),
        format!("dataDir={data}"),
        format!("clientPort={CLIENT_PORT}"),
        format!("clientPortAddress={}", placeholder::BIND),
        "autopurge.snapRetainCount=3".to_owned(),
        "autopurge.purgeInterval=1".to_owned(),
        "admin.enableServer=false".to_owned(),
        "reconfigEnabled=false".to_owned(),
        "db.autocreate=false".to_owned(),
        "4lw.commands.whitelist=ruok,srvr,mntr,stat,conf,cons,wchs,isro".to_owned(),
    ];
    let servers = members(input.cluster);
    lines.extend(servers.iter().map(|member| {
        format!(
            "server.{}={}:{CLUSTERING_PORT}:{ELECTION_PORT}",
            id(*member),
            member.host(input.cluster)
        )
    }));
    lines.join("\n") + "\n"
}
