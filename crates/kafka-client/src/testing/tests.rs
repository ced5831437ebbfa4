use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::cluster::{
    Acl, AclFilter, AclOperation, AclPattern, AclPermission, AclResource, Cluster, ConfigChange,
    ConfigResource, ConfigSource, FeatureChange, NewTopic, To, VoterEndpoint,
};
use crate::error::{Cause, Retry};
use crate::error_code::ErrorCode;
use crate::fault::{Fault, FaultPoint, Faults};
use crate::messages::{ApiVersionsRequest, DescribeClusterRequest, MetadataRequest};
use crate::scram::ScramMechanism;

fn three() -> (TestCluster, Cluster) {
    let kafka = TestCluster::new(State::dual_role(3));
    let client = Cluster::new(kafka.client(NodeKind::Brokers));
    (kafka, client)
}

#[tokio::test(start_paused = true)]
async fn a_cluster_describes_itself_with_fenced_brokers() {
    let (kafka, client) = three();
    kafka.state().nodes.get_mut(&2).unwrap().is_fenced = true;
    let view = client.describe_cluster().await.unwrap();
    assert_eq!(view.cluster_id, kafka.state().cluster_id);
    let fenced: Vec<(i32, Option<bool>)> = view
        .nodes
        .iter()
        .map(|node| (node.id, node.is_fenced))
        .collect();
    assert_eq!(
        fenced,
        [(0, Some(false)), (1, Some(false)), (2, Some(true))]
    );
    assert_eq!(
        kafka.take_asked(),
        [Asked {
            node: 0,
            api: ApiKey::DescribeCluster
        }]
    );
}

#[tokio::test(start_paused = true)]
async fn an_older_broker_cannot_say_who_is_fenced_and_that_is_unknown() {
    let (kafka, client) = three();
    kafka
        .state()
        .versions
        .insert(ApiKey::DescribeCluster, Some((0, 1)));
    let view = client.describe_cluster().await.unwrap();
    assert!(
        view.nodes.iter().all(|node| node.is_fenced.is_none()),
        "{view:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_version_fallback_finds_an_old_brokers_versions() {
    let (kafka, client) = three();
    kafka
        .state()
        .versions
        .insert(ApiKey::ApiVersions, Some((0, 2)));
    let connection = client.connection(To::Any).await.unwrap();
    assert_eq!(connection.version_of::<ApiVersionsRequest>().unwrap(), 2);
    assert_eq!(
        connection.version_of::<DescribeClusterRequest>().unwrap(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_not_offered_is_an_error_that_says_so() {
    let (kafka, client) = three();
    kafka.state().versions.insert(ApiKey::DescribeQuorum, None);
    let error = client.describe_quorum().await.unwrap_err();
    assert_eq!(error.retry(), Retry::OnChange);
    assert_eq!(
        error.report(),
        "describe quorum at 127.1.0.1:9091 failed: the broker speaks DescribeQuorum no version of it, we speak 0 to 2"
    );
}

#[tokio::test(start_paused = true)]
async fn quorum_changes_go_to_the_leading_controller_even_when_it_moves() {
    let kafka = TestCluster::new(State::dual_role(3));
    let client = Cluster::new(kafka.client(NodeKind::Controllers));
    let quorum = client.describe_quorum().await.unwrap();
    assert_eq!(quorum.leader_id, Some(0));
    assert_eq!(quorum.voters.len(), 3);
    kafka.state().leader = Some(2);
    let gone = quorum.voter(1).unwrap().directory_id.unwrap();
    let cluster_id = kafka.state().cluster_id.clone();
    kafka.take_asked();
    client
        .remove_voter(Some(&cluster_id), 1, gone)
        .await
        .unwrap();
    let asked: Vec<i32> = kafka
        .take_asked()
        .iter()
        .filter(|asked| asked.api == ApiKey::RemoveRaftVoter)
        .map(|asked| asked.node)
        .collect();
    assert_eq!(
        asked,
        [0, 2],
        "the old leader refuses, the new one carries it out"
    );
    let quorum = client.describe_quorum().await.unwrap();
    assert!(quorum.voter(1).is_none() && quorum.observer(1).is_some());
    let at = VoterEndpoint {
        name: "CONTROLPLANE-9090".to_owned(),
        host: "127.1.0.2".to_owned(),
        port: 9090,
    };
    client
        .add_voter(Some(&cluster_id), 1, gone, std::slice::from_ref(&at))
        .await
        .unwrap();
    assert_eq!(client.describe_quorum().await.unwrap().voters.len(), 3);
    let twice = client
        .add_voter(Some(&cluster_id), 1, gone, &[at])
        .await
        .unwrap_err();
    assert_eq!(twice.code(), Some(ErrorCode::DuplicateVoter));
    let other = client
        .remove_voter(Some("another"), 1, gone)
        .await
        .unwrap_err();
    assert_eq!(other.code(), Some(ErrorCode::InconsistentClusterId));
    let wrong = client.remove_voter(None, 1, Uuid::nil()).await.unwrap_err();
    assert_eq!(wrong.code(), Some(ErrorCode::VoterNotFound));
}

#[tokio::test(start_paused = true)]
async fn a_dead_node_is_passed_over_and_its_leaderships_move() {
    let (kafka, client) = three();
    kafka.state().add_topic("orders", 6, 3);
    client.describe_cluster().await.unwrap();
    kafka.state().stop(0);
    let topics = client.list_topics(&[]).await.unwrap();
    let orders = &topics["orders"];
    assert_eq!(orders.partitions.len(), 6);
    assert!(
        orders
            .partitions
            .iter()
            .all(|partition| partition.leader != Some(0) && partition.isr.len() == 2)
    );
    assert!(
        orders
            .partitions
            .iter()
            .all(|partition| partition.offline == [0])
    );
    kafka.state().start(0);
    let topics = client.list_topics(&["orders", "none"]).await.unwrap();
    assert!(
        topics["orders"]
            .partitions
            .iter()
            .all(|partition| partition.isr.len() == 3)
    );
    assert_eq!(topics.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_partitions_come_in_pages() {
    let (kafka, client) = three();
    for topic in 0..5 {
        kafka.state().add_topic(&format!("t{topic}"), 900, 2);
    }
    let page = client.topics_page(None, &[]).await.unwrap();
    assert_eq!(
        page.topics
            .iter()
            .map(|topic| topic.partitions.len())
            .sum::<usize>(),
        2000
    );
    assert!(page.next.is_some());
    let topics = client.list_topics(&[]).await.unwrap();
    assert!(topics.len() == 5 && topics.values().all(|topic| topic.partitions.len() == 900));
    let indexes: Vec<i32> = topics["t2"]
        .partitions
        .iter()
        .map(|partition| partition.index)
        .collect();
    assert_eq!(indexes, (0..900).collect::<Vec<i32>>());
}

#[tokio::test(start_paused = true)]
async fn nobody_to_ask_is_later_and_names_who_was_dialled() {
    let (kafka, client) = three();
    for id in 0..3 {
        kafka.state().stop(id);
    }
    let error = client.describe_quorum().await.unwrap_err();
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!(
        error.report(),
        "describe quorum at 127.1.0.3:9091 failed: cannot connect: connection refused"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_a_deadline_and_breaks_the_connection() {
    let (kafka, client) = three();
    kafka.state().hang.insert(ApiKey::DescribeCluster);
    let connection = client.connection(To::Any).await.unwrap();
    let before = tokio::time::Instant::now();
    let error = connection
        .call_within(DescribeClusterRequest::default(), Duration::from_secs(3))
        .await
        .unwrap_err();
    assert!(matches!(error.cause, Cause::Deadline(_)));
    assert_eq!(error.retry(), Retry::Soon);
    assert_eq!(before.elapsed(), Duration::from_secs(3));
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(!connection.is_usable());
    kafka.state().hang.clear();
    client.describe_cluster().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_askers_share_one_connection_and_get_their_own_answers() {
    let (kafka, client) = three();
    for topic in 0..40 {
        kafka.state().add_topic(&format!("t{topic}"), 1, 1);
    }
    let mut asks = tokio::task::JoinSet::new();
    for topic in 0..40 {
        let client = client.clone();
        asks.spawn(async move {
            let name = format!("t{topic}");
            let found = client.list_topics(&[&name]).await.unwrap();
            found.keys().eq([&name])
        });
    }
    let answers = asks.join_all().await;
    assert!(answers.len() == 40 && answers.iter().all(|own| *own));
    assert!(kafka.take_asked().iter().all(|asked| asked.node == 0));
}

#[tokio::test(start_paused = true)]
async fn faults_strike_where_they_are_told_to() {
    let kafka = TestCluster::new(State::dual_role(1));
    let mut settings = kafka.client(NodeKind::Brokers);
    let strikes = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&strikes);
    settings.connection.faults = Faults::new(move |point| match point {
        FaultPoint::Request {
            api: ApiKey::CreateTopics,
            ..
        } if counter.fetch_add(1, Ordering::Relaxed) == 0 => Some(Fault::LoseReply),
        FaultPoint::Request {
            api: ApiKey::DescribeCluster,
            ..
        } => Some(Fault::Delay(Duration::from_secs(2))),
        FaultPoint::Request {
            api: ApiKey::DeleteTopics,
            ..
        } => Some(Fault::Refuse),
        FaultPoint::Request { .. } | FaultPoint::Dial { .. } => None,
    });
    let client = Cluster::new(settings);
    let topic = NewTopic {
        name: "t".to_owned(),
        ..NewTopic::default()
    };
    let lost = client.create_topic(&topic, false).await.unwrap_err();
    assert!(matches!(lost.cause, Cause::Closed), "{}", lost.report());
    assert!(
        kafka.state().topics.contains_key("t"),
        "it was carried out, and not sent twice"
    );
    assert_eq!(strikes.load(Ordering::Relaxed), 1);
    let again = client.create_topic(&topic, false).await.unwrap_err();
    assert_eq!(again.code(), Some(ErrorCode::TopicAlreadyExists));
    let before = tokio::time::Instant::now();
    client.describe_cluster().await.unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(2));
    let id = kafka.state().topics["t"].id;
    client.delete_topic(id).await.unwrap_err();
    assert!(kafka.state().topics.contains_key("t"), "it never arrived");
}

#[tokio::test(start_paused = true)]
async fn features_change_upwards_only() {
    let (_kafka, client) = three();
    let up = FeatureChange {
        name: "metadata.version".to_owned(),
        level: 29,
        may_downgrade: false,
    };
    client
        .update_features(std::slice::from_ref(&up), true)
        .await
        .unwrap();
    assert_eq!(
        client.describe_features(To::Any).await.unwrap().finalized["metadata.version"],
        27
    );
    client.update_features(&[up], false).await.unwrap();
    assert_eq!(
        client.describe_features(To::Any).await.unwrap().finalized["metadata.version"],
        29
    );
    let down = FeatureChange {
        name: "metadata.version".to_owned(),
        level: 7,
        may_downgrade: false,
    };
    let refused = client.update_features(&[down], false).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.retry()),
        (Some(ErrorCode::InvalidUpdateVersion), Retry::OnChange)
    );
}

#[tokio::test(start_paused = true)]
async fn topics_and_configs_can_be_changed() {
    let (kafka, client) = three();
    let topic = NewTopic {
        name: "orders".to_owned(),
        partitions: Some(2),
        replication: Some(3),
        configs: BTreeMap::from([("min.insync.replicas".to_owned(), "2".to_owned())]),
        assignment: Vec::new(),
    };
    let id = client.create_topic(&topic, false).await.unwrap();
    client.create_partitions("orders", 4, false).await.unwrap();
    assert_eq!(
        client.min_insync_replicas(&["orders"]).await.unwrap()["orders"],
        2
    );
    let resource = ConfigResource::Topic("orders".to_owned());
    let changes = BTreeMap::from([(
        "retention.ms".to_owned(),
        ConfigChange::Set("1000".to_owned()),
    )]);
    client
        .alter_configs(&resource, &changes, false)
        .await
        .unwrap();
    let configs = client.describe_configs(&resource, None).await.unwrap();
    assert_eq!(configs["retention.ms"].source, ConfigSource::Topic);
    client.delete_topic(id).await.unwrap();
    assert!(
        client
            .min_insync_replicas(&["orders"])
            .await
            .unwrap()
            .is_empty()
    );
    let gone = client.describe_configs(&resource, None).await.unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::UnknownTopicOrPartition));
    let gone = client.delete_topic(id).await.unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::UnknownTopicId));

    let broker = ConfigResource::Broker(1);
    let changes = BTreeMap::from([(
        "log.cleaner.threads".to_owned(),
        ConfigChange::Set("2".to_owned()),
    )]);
    kafka.take_asked();
    client
        .alter_configs(&broker, &changes, false)
        .await
        .unwrap();
    assert_eq!(
        client.describe_configs(&broker, None).await.unwrap()["log.cleaner.threads"]
            .value
            .as_deref(),
        Some("2")
    );
    let asked: Vec<i32> = kafka
        .take_asked()
        .iter()
        .filter(|asked| {
            matches!(
                asked.api,
                ApiKey::DescribeConfigs | ApiKey::IncrementalAlterConfigs
            )
        })
        .map(|asked| asked.node)
        .collect();
    assert_eq!(
        asked,
        [1, 1],
        "a broker's configuration is asked of that broker"
    );
}

#[tokio::test(start_paused = true)]
async fn users_and_acls_can_be_changed() {
    let (_kafka, client) = three();
    client
        .set_scram_user("alice", ScramMechanism::Sha512, "secret")
        .await
        .unwrap();
    let users = client.scram_users(None).await.unwrap();
    assert_eq!(users["alice"].len(), 1);
    client
        .delete_scram_user("alice", ScramMechanism::Sha512)
        .await
        .unwrap();
    assert!(
        client
            .scram_users(Some(&["alice"]))
            .await
            .unwrap()
            .is_empty()
    );

    let acl = Acl {
        resource: AclResource::Topic,
        name: "orders".to_owned(),
        pattern: AclPattern::Literal,
        principal: "User:alice".to_owned(),
        host: "*".to_owned(),
        operation: AclOperation::Read,
        permission: AclPermission::Allow,
    };
    let write = Acl {
        operation: AclOperation::Write,
        ..acl.clone()
    };
    client
        .create_acls(&[acl.clone(), write.clone()])
        .await
        .unwrap();
    assert_eq!(
        client.describe_acls(&AclFilter::default()).await.unwrap(),
        [acl.clone(), write.clone()]
    );
    assert_eq!(
        client.delete_acls(&[AclFilter::from(&acl)]).await.unwrap(),
        1
    );
    assert_eq!(
        client.describe_acls(&AclFilter::default()).await.unwrap(),
        [write]
    );
}

#[tokio::test]
async fn it_answers_on_real_sockets_too() {
    let kafka = TestCluster::new(State::dual_role(1));
    let address = kafka.listen(0, NodeKind::Brokers).await.unwrap();
    let connection = crate::Connection::dial(&Endpoint::from(address), &Settings::default())
        .await
        .unwrap();
    let metadata = connection
        .call(MetadataRequest {
            topics: None,
            ..MetadataRequest::default()
        })
        .await
        .unwrap();
    assert_eq!(
        metadata.brokers.first().unwrap().port,
        i32::from(address.port())
    );
    kafka.state().stop(0);
    let closed = connection
        .call(MetadataRequest::default())
        .await
        .unwrap_err();
    assert_eq!(closed.retry(), Retry::Soon);
}
