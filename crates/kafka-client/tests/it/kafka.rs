//! A real Kafka: one broker that is also controller, and one controller that waits to be added.
//!
//! Each JVM is the child of a shell that kills it when this process is gone, however it ends: the shell reads from a
//! pipe that only this process holds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use kafka_client::cluster::{Cluster, ClusterSettings, NodeKind, To};
use kafka_client::{Endpoint, Identity, Settings, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use tempfile::TempDir;

use crate::jars;

/// The name in the broker's certificate, which no DNS knows.
pub(crate) const NAME: &str = "broker-0.kafka.test.svc";

/// Everything that tests need to know of the running cluster.
pub(crate) struct Kafka {
    pub(crate) listeners: BTreeMap<&'static str, u16>,
    pub(crate) ca_pem: String,
    pub(crate) client_pem: (String, String),
    pub(crate) second: Second,
    shells: Vec<Child>,
    directory: TempDir,
}

/// The controller that is not a voter yet.
pub(crate) struct Second {
    pub(crate) port: u16,
    pub(crate) directory_id: String,
}

const LISTENERS: [&str; 6] = ["CONTROLLER", "PLAIN", "TLS", "MTLS", "SCRAM", "SCRAMTLS"];

/// The one cluster of this test binary, started when first asked for.
pub(crate) fn kafka() -> &'static Kafka {
    static KAFKA: OnceLock<Option<Kafka>> = OnceLock::new();
    // A thread of its own: the caller's runtime must not be entered twice. A start that failed is not tried again.
    let kafka = KAFKA.get_or_init(|| std::thread::spawn(start).join().ok());
    kafka
        .as_ref()
        .expect("Kafka did not start, see the first failure")
}

impl Kafka {
    /// The address of one listener.
    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.listeners[listener]))
    }

    /// A client of the plain listener, who may do everything.
    pub(crate) fn admin(&self) -> Cluster {
        self.client("PLAIN", Settings::default())
    }

    /// A client of one listener.
    pub(crate) fn client(&self, listener: &str, connection: Settings) -> Cluster {
        let kind = if listener == "CONTROLLER" {
            NodeKind::Controllers
        } else {
            NodeKind::Brokers
        };
        let bootstrap = vec![Endpoint::new(self.address(listener), NAME)];
        let names = BTreeMap::from([(NAME.to_owned(), IpAddr::V4(Ipv4Addr::LOCALHOST))]);
        Cluster::new(ClusterSettings {
            bootstrap,
            kind,
            names,
            connection,
        })
    }

    /// Trust in the cluster's CA, with or without a client certificate (CN=alice).
    pub(crate) fn tls(&self, with_identity: bool) -> Tls {
        let identity = Identity {
            certificate_pem: self.client_pem.0.as_bytes(),
            key_pem: self.client_pem.1.as_bytes(),
        };
        Tls::new(self.ca_pem.as_bytes(), with_identity.then_some(identity)).unwrap()
    }
}

fn start() -> Kafka {
    let directory = TempDir::with_prefix("klamm-kafka-").unwrap();
    // Held until all are chosen, so that all differ; outside the range that clients get their ports from (Linux: 32768
    // and more), so that none takes one before Kafka listens.
    let held: Vec<TcpListener> = (0..=LISTENERS.len())
        .map(|_| {
            std::iter::repeat_with(|| rand::random_range(10_000..32_000))
                .take(100)
                .find_map(|port: u16| TcpListener::bind(("127.0.0.1", port)).ok())
                .expect("a free port")
        })
        .collect();
    let mut ports = held
        .iter()
        .map(|listener| listener.local_addr().unwrap().port());
    let listeners: BTreeMap<&'static str, u16> =
        LISTENERS.into_iter().zip(ports.by_ref()).collect();
    let second_port = ports.next().unwrap();
    drop(held);
    let (ca_pem, client_pem) = certificates(directory.path());
    fs::write(directory.path().join("log4j2.properties"), LOG4J).unwrap();
    let bootstrap = listeners["CONTROLLER"];
    let broker = write_properties(
        directory.path(),
        0,
        &broker_properties(directory.path(), &listeners),
    );
    let controller = write_properties(
        directory.path(),
        1,
        &controller_properties(second_port, bootstrap),
    );
    std::thread::scope(|scope| {
        scope.spawn(|| format(directory.path(), &broker, "--standalone"));
        scope.spawn(|| format(directory.path(), &controller, "--no-initial-controllers"));
    });
    let shells = [&broker, &controller]
        .map(|properties| run(directory.path(), properties))
        .into();
    let second = Second {
        port: second_port,
        directory_id: directory_id(&directory.path().join("data-1")),
    };
    let kafka = Kafka {
        listeners,
        ca_pem,
        client_pem,
        second,
        shells,
        directory,
    };
    wait_until_ready(&kafka);
    kafka
}

fn wait_until_ready(kafka: &Kafka) {
    let deadline = Instant::now() + Duration::from_mins(2);
    let directory = kafka.directory.path();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        loop {
            let admin = kafka.admin();
            let view = admin.describe_cluster().await;
            if view
                .as_ref()
                .is_ok_and(|view| view.nodes.iter().any(|node| node.is_fenced == Some(false)))
                && admin
                    .describe_features(To::Any)
                    .await
                    .is_ok_and(|features| features.epoch.is_some())
            {
                return;
            }
            if Instant::now() > deadline {
                let log = fs::read_to_string(directory.join("node-0.log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(40).collect();
                panic!(
                    "Kafka did not come up: {view:?}\n{}",
                    tail.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    assert_eq!(kafka.shells.len(), 2);
}

fn write_properties(directory: &Path, node: u8, text: &str) -> PathBuf {
    let path = directory.join(format!("node-{node}.properties"));
    let data = directory.join(format!("data-{node}"));
    fs::write(
        &path,
        format!("node.id={node}\nlog.dirs={}\n{text}{SMALL}", data.display()),
    )
    .unwrap();
    path
}

fn broker_properties(directory: &Path, listeners: &BTreeMap<&'static str, u16>) -> String {
    let mut text = String::from("process.roles=broker,controller\n");
    let bind: Vec<String> = listeners
        .iter()
        .map(|(name, port)| format!("{name}://127.0.0.1:{port}"))
        .collect();
    let advertised: Vec<String> = listeners
        .iter()
        .map(|(name, port)| {
            let host = if matches!(*name, "PLAIN" | "CONTROLLER") {
                "127.0.0.1"
            } else {
                NAME
            };
            format!("{name}://{host}:{port}")
        })
        .collect();
    let store = directory.join("broker.pem");
    let trust = directory.join("ca.pem");
    write!(
        text,
        "listeners={}\nadvertised.listeners={}\ncontroller.quorum.bootstrap.servers=127.0.0.1:{}\n\
         controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAIN\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,TLS:SSL,MTLS:SSL,SCRAM:SASL_PLAINTEXT,SCRAMTLS:SASL_SSL\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS;User:root\nsasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN\n",
        bind.join(","),
        advertised.join(","),
        listeners["CONTROLLER"],
    )
    .unwrap();
    for name in ["tls", "mtls", "scramtls"] {
        write!(
            text,
            "listener.name.{name}.ssl.keystore.type=PEM\nlistener.name.{name}.ssl.keystore.location={}\n\
             listener.name.{name}.ssl.truststore.type=PEM\nlistener.name.{name}.ssl.truststore.location={}\n",
            store.display(),
            trust.display(),
        )
        .unwrap();
    }
    text.push_str("listener.name.mtls.ssl.client.auth=required\n");
    for name in ["scram", "scramtls"] {
        for mechanism in ["scram-sha-256", "scram-sha-512"] {
            writeln!(
                text,
                "listener.name.{name}.{mechanism}.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"
            )
            .unwrap();
        }
        writeln!(
            text,
            "listener.name.{name}.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_root=\"toor\";"
        )
        .unwrap();
    }
    // Sessions end soon, so that a test can see one end.
    text.push_str("listener.name.scramtls.connections.max.reauth.ms=3000\n");
    text
}

fn controller_properties(port: u16, bootstrap: u16) -> String {
    format!(
        "process.roles=controller\nlisteners=CONTROLLER://127.0.0.1:{port}\n\
         advertised.listeners=CONTROLLER://127.0.0.1:{port}\ncontroller.quorum.bootstrap.servers=127.0.0.1:{bootstrap}\n\
         controller.listener.names=CONTROLLER\nlistener.security.protocol.map=CONTROLLER:PLAINTEXT\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\nsuper.users=User:ANONYMOUS\n"
    )
}

/// Small buffers and one replica of everything: this is a test, not a cluster.
const SMALL: &str = "\
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
log.cleaner.dedupe.buffer.size=2097152
log.index.size.max.bytes=262144
num.network.threads=1
num.io.threads=2
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=300
auto.create.topics.enable=false
";

const LOG4J: &str = "\
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
";

fn java(directory: &Path) -> Vec<String> {
    let log4j = directory.join("log4j2.properties");
    [
        "java",
        "-Xms64m",
        "-Xmx256m",
        "-Xss512k",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([
        format!("-Dlog4j2.configurationFile={}", log4j.display()),
        "-cp".into(),
        jars::class_path().into(),
    ])
    .collect()
}

fn format(directory: &Path, properties: &Path, quorum: &str) {
    let command = java(directory);
    let output = Command::new(&command[0])
        .args(&command[1..])
        .args([
            "kafka.tools.StorageTool",
            "format",
            "--cluster-id",
            "zlFXmVLFSNyDwbzFcEXUMQ",
            quorum,
            "--config",
        ])
        .arg(properties)
        .stdin(Stdio::null())
        .output()
        .expect(
            "java is needed (17 or newer, for instance `apt-get install default-jdk-headless`)",
        );
    assert!(output.status.success(), "format: {output:?}");
}

/// Starts a node under a shell that kills it and tidies up once our end of its input is gone.
fn run(directory: &Path, properties: &Path) -> Child {
    let log = File::create(properties.with_extension("log")).unwrap();
    Command::new("sh")
        .arg("-c")
        .arg("trap '' INT TERM; directory=$1; shift; \"$@\" </dev/null & pid=$!; read -r _; kill -9 $pid; wait $pid; rm -rf \"$directory\"")
        .arg("sh")
        .arg(directory)
        .args(java(directory))
        .arg("kafka.Kafka")
        .arg(properties)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn directory_id(data: &Path) -> String {
    let text = fs::read_to_string(data.join("meta.properties")).unwrap();
    text.lines()
        .find_map(|line| line.strip_prefix("directory.id="))
        .unwrap()
        .to_owned()
}

/// A CA, a broker certificate that names only [`NAME`], a client certificate for alice.
fn certificates(directory: &Path) -> (String, (String, String)) {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "test-ca");
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut broker = CertificateParams::new(Vec::new()).unwrap();
    broker.distinguished_name.push(DnType::CommonName, "broker");
    broker.subject_alt_names = vec![SanType::DnsName(NAME.try_into().unwrap())];
    let broker = broker.signed_by(&key, &ca).unwrap();
    fs::write(
        directory.join("broker.pem"),
        key.serialize_pem() + &broker.pem(),
    )
    .unwrap();
    fs::write(directory.join("ca.pem"), ca.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut alice = CertificateParams::new(Vec::new()).unwrap();
    alice.distinguished_name = rcgen::DistinguishedName::new();
    alice.distinguished_name.push(DnType::CommonName, "alice");
    let alice = alice.signed_by(&key, &ca).unwrap();
    (ca.pem(), (alice.pem(), key.serialize_pem()))
}
