//! Features, topics, configuration, users, ACLs.
//!
//! A change is answered when the controllers have it; a broker sees it a moment later. Hence [`eventually`].

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use kafka_client::cluster::{
    Acl, AclFilter, AclOperation, AclPattern, AclPermission, AclResource, ConfigChange,
    ConfigResource, ConfigSource, FeatureChange, NewTopic, To,
};
use kafka_client::{Error, ErrorCode, Retry, ScramMechanism, Settings};

use crate::kafka::kafka;

/// Asks until the answer is as expected.
async fn eventually<T: PartialEq + Debug, F: Future<Output = Result<T, Error>>>(
    ask: impl Fn() -> F,
    expected: T,
) {
    let mut last = None;
    for _ in 0..200 {
        let answer = ask().await.unwrap();
        if answer == expected {
            return;
        }
        last = Some(answer);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(last, Some(expected));
}

#[tokio::test]
async fn the_cluster_describes_itself_and_its_features() {
    let admin = kafka().admin();
    let view = admin.describe_cluster().await.unwrap();
    assert_eq!(view.cluster_id, "zlFXmVLFSNyDwbzFcEXUMQ");
    assert_eq!(view.nodes.len(), 1);
    assert_eq!(view.node(0).unwrap().is_fenced, Some(false));
    let features = admin.describe_features(To::Node(0)).await.unwrap();
    let level = features.finalized["metadata.version"];
    let (first, last) = features.supported["metadata.version"];
    assert!(level >= first && level <= last, "{features:?}");
    assert_eq!(features.finalized["kraft.version"], 1);
    let beyond = FeatureChange {
        name: "metadata.version".to_owned(),
        level: last + 1,
        may_downgrade: false,
    };
    let refused = admin.update_features(&[beyond], true).await.unwrap_err();
    assert_eq!(refused.retry(), Retry::OnChange, "{}", refused.report());

    let name = "eligible.leader.replicas.version";
    let now = || async {
        let features = admin.describe_features(To::Any).await?;
        Ok(features.finalized.get(name).copied().unwrap_or_default())
    };
    let before = now().await.unwrap();
    for level in [1 - before, before] {
        let change = FeatureChange {
            name: name.to_owned(),
            level,
            may_downgrade: level == 0,
        };
        admin.update_features(&[change], false).await.unwrap();
        eventually(now, level).await;
    }
    let direct = kafka().client("CONTROLLER", Settings::default());
    assert_eq!(
        direct
            .describe_features(To::Controller)
            .await
            .unwrap()
            .finalized["metadata.version"],
        level
    );
}

#[tokio::test]
async fn a_topic_lives_and_dies() {
    let admin = kafka().admin();
    let topic = NewTopic {
        name: "lives-and-dies".to_owned(),
        partitions: Some(3),
        replication: Some(1),
        configs: BTreeMap::from([("min.insync.replicas".to_owned(), "1".to_owned())]),
        assignment: Vec::new(),
    };
    let partitions = || async {
        let topics = admin.list_topics(&["lives-and-dies"]).await?;
        Ok(topics
            .get("lives-and-dies")
            .map(|topic| topic.partitions.len()))
    };
    admin.create_topic(&topic, true).await.unwrap();
    let id = admin.create_topic(&topic, false).await.unwrap();
    eventually(partitions, Some(3)).await;
    let twice = admin.create_topic(&topic, false).await.unwrap_err();
    assert_eq!(twice.code(), Some(ErrorCode::TopicAlreadyExists));
    assert!(
        twice
            .report()
            .starts_with("create topic lives-and-dies at "),
        "{}",
        twice.report()
    );
    let too_many = NewTopic {
        name: "too-many".to_owned(),
        replication: Some(5),
        ..topic.clone()
    };
    let refused = admin.create_topic(&too_many, false).await.unwrap_err();
    assert_eq!(
        refused.code(),
        Some(ErrorCode::InvalidReplicationFactor),
        "{}",
        refused.report()
    );

    admin
        .create_partitions("lives-and-dies", 4, false)
        .await
        .unwrap();
    eventually(partitions, Some(4)).await;
    let listed = admin.list_topics(&[]).await.unwrap();
    let listed = &listed["lives-and-dies"];
    assert_eq!((listed.id, listed.is_internal), (id, false));
    assert!(
        listed
            .partitions
            .iter()
            .all(|partition| partition.leader == Some(0) && partition.isr == [0])
    );
    assert_eq!(
        admin
            .min_insync_replicas(&["lives-and-dies"])
            .await
            .unwrap()["lives-and-dies"],
        1
    );

    let resource = ConfigResource::Topic("lives-and-dies".to_owned());
    let set = |value: &str| {
        BTreeMap::from([(
            "retention.ms".to_owned(),
            ConfigChange::Set(value.to_owned()),
        )])
    };
    admin
        .alter_configs(&resource, &set("60000"), false)
        .await
        .unwrap();
    let retention = || async {
        let configs = admin
            .describe_configs(&resource, Some(&["retention.ms"]))
            .await?;
        Ok(configs["retention.ms"]
            .value
            .clone()
            .map(|value| (value, configs["retention.ms"].source)))
    };
    eventually(retention, Some(("60000".to_owned(), ConfigSource::Topic))).await;
    let refused = admin
        .alter_configs(&resource, &set("soon"), false)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), refused.retry()),
        (Some(ErrorCode::InvalidConfig), Retry::OnChange)
    );

    admin.delete_topic(id).await.unwrap();
    eventually(partitions, None).await;
    assert_eq!(
        admin.delete_topic(id).await.unwrap_err().code(),
        Some(ErrorCode::UnknownTopicId)
    );
}

#[tokio::test]
async fn a_brokers_configuration_is_changed_without_a_restart() {
    let admin = kafka().admin();
    let broker = ConfigResource::Broker(0);
    let key = "message.max.bytes";
    let now = || async {
        let configs = admin.describe_configs(&broker, Some(&[key])).await?;
        Ok((configs[key].value.clone(), configs[key].source))
    };
    let before = now().await.unwrap();
    assert_eq!(before.1, ConfigSource::Default);
    let set = BTreeMap::from([(key.to_owned(), ConfigChange::Set("2000000".to_owned()))]);
    admin.alter_configs(&broker, &set, true).await.unwrap();
    admin.alter_configs(&broker, &set, false).await.unwrap();
    eventually(
        now,
        (Some("2000000".to_owned()), ConfigSource::DynamicBroker),
    )
    .await;
    let back = BTreeMap::from([(key.to_owned(), ConfigChange::Delete)]);
    admin.alter_configs(&broker, &back, false).await.unwrap();
    eventually(now, before).await;

    let all = admin.describe_configs(&broker, None).await.unwrap();
    assert!(all["node.id"].is_read_only && all.len() > 100);
    let read_only = BTreeMap::from([("node.id".to_owned(), ConfigChange::Set("5".to_owned()))]);
    let refused = admin
        .alter_configs(&broker, &read_only, true)
        .await
        .unwrap_err();
    assert_eq!(refused.retry(), Retry::OnChange, "{}", refused.report());
    let loggers = admin
        .describe_configs(&ConfigResource::BrokerLogger(0), None)
        .await
        .unwrap();
    assert!(
        loggers.contains_key("root"),
        "{:?}",
        loggers.keys().take(5).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn scram_users_come_and_go() {
    let admin = kafka().admin();
    let name = "comes-and-goes";
    let mechanisms = || async {
        let users = admin.scram_users(Some(&[name, "nobody"])).await?;
        assert!(!users.contains_key("nobody"));
        Ok(users
            .get(name)
            .map(|user| user.iter().map(|one| one.mechanism).collect::<Vec<_>>()))
    };
    admin
        .set_scram_user(name, ScramMechanism::Sha512, "secret")
        .await
        .unwrap();
    admin
        .set_scram_user(name, ScramMechanism::Sha256, "secret")
        .await
        .unwrap();
    eventually(
        mechanisms,
        Some(vec![ScramMechanism::Sha256, ScramMechanism::Sha512]),
    )
    .await;
    admin
        .delete_scram_user(name, ScramMechanism::Sha256)
        .await
        .unwrap();
    admin
        .delete_scram_user(name, ScramMechanism::Sha512)
        .await
        .unwrap();
    eventually(mechanisms, None).await;
    let gone = admin
        .delete_scram_user(name, ScramMechanism::Sha512)
        .await
        .unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::ResourceNotFound));
    let refused = admin
        .set_scram_user(name, ScramMechanism::Sha512, "pässword")
        .await
        .unwrap_err();
    assert_eq!(refused.retry(), Retry::OnChange);
}

#[tokio::test]
async fn acls_are_created_described_and_deleted() {
    let admin = kafka().admin();
    let acl = |operation, pattern| Acl {
        resource: AclResource::Topic,
        name: "acl-test".to_owned(),
        pattern,
        principal: "User:bob".to_owned(),
        host: "*".to_owned(),
        operation,
        permission: AclPermission::Allow,
    };
    let all = vec![
        acl(AclOperation::Read, AclPattern::Literal),
        acl(AclOperation::Write, AclPattern::Prefixed),
    ];
    let bobs = AclFilter {
        principal: Some("User:bob".to_owned()),
        ..AclFilter::default()
    };
    let now = || admin.describe_acls(&bobs);
    admin.create_acls(&all).await.unwrap();
    admin.create_acls(&all).await.unwrap();
    eventually(now, all.clone()).await;
    assert_eq!(
        admin
            .delete_acls(&[AclFilter::from(&all[0])])
            .await
            .unwrap(),
        1
    );
    eventually(now, all[1..].to_vec()).await;
    assert_eq!(
        admin
            .delete_acls(std::slice::from_ref(&bobs))
            .await
            .unwrap(),
        1
    );
    eventually(now, Vec::new()).await;
}
