//! Where the metadata are behind ZooKeeper's protocol.

use expect_test::{expect, expect_file};
use manifests::{NodeFacts, broker_properties, config_map, shared, store, to_value};
use model::desired::{
    Authorization, ByteSize, Etcd, ExternalEtcd, KafkaVersion, Logging, MetadataStore,
    PersistentClaim, Roles, Storage, StoreVolume, VolumeKind,
};
use serde_json::Value;

use crate::example::{self, Example};

fn volume() -> StoreVolume {
    StoreVolume {
        size: ByteSize::from_bytes(8 << 30),
        class: None,
    }
}

fn stored(metadata_store: MetadataStore) -> Example {
    let claim = PersistentClaim {
        size: ByteSize::from_bytes(1 << 30),
        class: None,
        selector: std::collections::BTreeMap::new(),
        delete_claim: false,
        attributes_class: None,
    };
    let storage = Storage::Single(VolumeKind::PersistentClaim(claim));
    example::cluster("namespace", &[("brokers", Roles::Broker, 3, storage)]).with(|cluster| {
        cluster.version = KafkaVersion::DEFAULT_WITH_ZOOKEEPER;
        cluster.image = format!("apache/kafka:{}", cluster.version);
        cluster.metadata_store = metadata_store;
        cluster.authorization = Authorization::Simple {
            super_users: vec!["CN=admin".to_owned()],
        };
    })
}

fn ensemble() -> Example {
    stored(MetadataStore::ZooKeeper {
        servers: 3,
        volume: volume(),
    })
}

fn yaml(values: &[Value]) -> String {
    let documents: Vec<_> = values
        .iter()
        .map(|value| serde_saphyr::to_string(value).unwrap())
        .collect();
    documents.join("---\n")
}

/// Everything of the servers, each kind once.
fn servers(example: &Example) -> Vec<Value> {
    let input = example.input();
    let mut objects = store::objects(&input);
    let mut seen = Vec::new();
    for member in store::members(&example.cluster) {
        if seen.contains(&member.program) {
            continue;
        }
        seen.push(member.program);
        objects.push(to_value(&store::config_map::render(&input, member)));
        objects.extend(store::render_claim(&input, member).iter().map(to_value));
        objects.push(to_value(&store::render_pod(&input, member)));
    }
    objects
}

#[test]
fn an_ensemble_as_a_whole() {
    expect_file!["golden/zookeeper.yaml"].assert_eq(&yaml(&servers(&ensemble())));
}

#[test]
fn an_etcd_of_ones_own_and_the_servers_on_it() {
    let example = stored(MetadataStore::Etcd {
        servers: 2,
        etcd: Etcd::Managed(volume()),
    });
    expect_file!["golden/etcd.yaml"].assert_eq(&yaml(&servers(&example)));
}

#[test]
fn an_etcd_that_is_there_is_only_spoken_to() {
    let mut etcd = ExternalEtcd {
        endpoints: vec!["a:2379".to_owned(), "b:2379".to_owned()],
        tls: false,
        secret: None,
    };
    let example = stored(MetadataStore::Etcd {
        servers: 1,
        etcd: Etcd::External(etcd.clone()),
    });
    let input = example.input();
    let members = store::members(&example.cluster);
    assert_eq!(members.len(), 1);
    assert_eq!(store::render_claim(&input, members[0]), None);
    let pod = to_value(&store::render_pod(&input, members[0]));
    expect![[r#"["/klamm","zookeeper","--etcd","http://a:2379,http://b:2379","--prefix","/klamm.dev/namespace/my-cluster/9jKPI-77RHuI6ytG_I-dPQ","--listen","$(POD_IP):2181","--metrics-listen","$(POD_IP):9404"]"#]]
        .assert_eq(&pod["spec"]["containers"][0]["command"].to_string());

    // With TLS, and what it asks for in a Secret.
    etcd.tls = true;
    etcd.secret = Some("etcd-client".to_owned());
    let example = stored(MetadataStore::Etcd {
        servers: 1,
        etcd: Etcd::External(etcd),
    });
    let pod = to_value(&store::render_pod(&example.input(), members[0]));
    let container = &pod["spec"]["containers"][0];
    expect![[r#"["/klamm","zookeeper","--etcd","https://a:2379,https://b:2379","--etcd-secret","/etc/klamm/etcd","--prefix","/klamm.dev/namespace/my-cluster/9jKPI-77RHuI6ytG_I-dPQ","--listen","$(POD_IP):2181","--metrics-listen","$(POD_IP):9404"]"#]].assert_eq(&container["command"].to_string());
    expect![[r#"[{"mountPath":"/tmp","name":"strimzi-tmp"},{"mountPath":"/etc/klamm/etcd","name":"etcd-secret","readOnly":true}]"#]].assert_eq(&container["volumeMounts"].to_string());
    expect![[r#"[{"emptyDir":{"medium":"Memory","sizeLimit":"5Mi"},"name":"strimzi-tmp"},{"name":"etcd-secret","secret":{"defaultMode":288,"secretName":"etcd-client"}}]"#]].assert_eq(&pod["spec"]["volumes"].to_string());
}

#[test]
fn a_broker_is_told_of_its_store_and_of_no_quorum() {
    let example = ensemble();
    let (pool, node) = example.node(0);
    let properties = broker_properties::render(&example.input(), pool, node);
    expect_file!["golden/zookeeper-server.config"].assert_eq(&properties);
    let facts = NodeFacts::default();
    let data = config_map::render(&example.input(), pool, node, &facts)
        .data
        .unwrap();
    let keys: Vec<&str> = data.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "cluster.id",
            "log4j.properties",
            "runner.json",
            "server.config"
        ]
    );
    expect_file!["golden/zookeeper-log4j.properties"].assert_eq(&data["log4j.properties"]);
}

#[test]
fn users_levels_are_kept_and_ours_stay_on() {
    let loggers = [
        ("kafka.root.logger.level", "WARN"),
        ("log4j.logger.kafka.server.KafkaServer", "ERROR, MINE"),
        ("log4j.logger.kafka.log.LogManager", "TRACE"),
    ];
    let example = ensemble().with(|cluster| {
        cluster.logging = Logging::Inline {
            loggers: loggers
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        };
    });
    let (key, text) = manifests::logging::file(&example.cluster, None);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| loggers.iter().any(|(key, _)| line.starts_with(key)))
        .collect();
    assert_eq!(key, "log4j.properties");
    expect![[r"
        kafka.root.logger.level=WARN
        log4j.logger.kafka.log.LogManager=TRACE, klammstate
        log4j.logger.kafka.server.KafkaServer=INFO, klammstate, MINE"]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn what_all_share_is_among_the_shared_objects() {
    let example = ensemble();
    let shared = shared::objects(&example.input());
    for object in store::objects(&example.input()) {
        assert!(shared.contains(&object), "{object}");
    }
}
