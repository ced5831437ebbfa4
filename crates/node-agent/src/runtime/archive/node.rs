//! The files of the throw-away node that a class-data archive is made with.
//!
//! Kafka 4 is a combined node of its own quorum; Kafka 3 is a broker of a ZooKeeper started beside it.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A node that can be started.
pub(super) struct Node {
    /// Its `server.properties`.
    pub(super) properties: PathBuf,
    /// The JVM option naming its logging configuration, which writes to standard output.
    pub(super) logging: String,
    /// The configuration of the ZooKeeper it needs, if it does.
    pub(super) zookeeper: Option<PathBuf>,
    /// What it logs once it is up.
    pub(super) started: &'static str,
}

const LOG4J2: &str = "appender.console.type=Console\nappender.console.name=STDOUT\n\
    appender.console.layout.type=PatternLayout\nappender.console.layout.pattern=[%d] %p %m (%c)%n\n\
    rootLogger.level=INFO\nrootLogger.appenderRefs=console\nrootLogger.appenderRef.console.ref=STDOUT\n";

const RELOAD4J: &str = "log4j.rootLogger=INFO, stdout\nlog4j.appender.stdout=org.apache.log4j.ConsoleAppender\n\
    log4j.appender.stdout.layout=org.apache.log4j.PatternLayout\n\
    log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n\n";

/// Writes properties, certificates and a logging configuration into `work`.
pub(super) fn write(work: &Path, version: &str) -> Result<Node, String> {
    let certificates = write_certificates(work)?;
    let [controller, replication, plain] = free_ports()?;
    let listeners = format!("REPLICATION://127.0.0.1:{replication},PLAIN://127.0.0.1:{plain}");
    let common = format!(
        "inter.broker.listener.name=REPLICATION\nlog.dirs={}\nlog.cleaner.dedupe.buffer.size=2097152\n\
         super.users=User:ANONYMOUS;User:CN=rcgen self signed cert\n{certificates}",
        work.join("data").display(),
    );
    if !version.starts_with("3.") {
        let listeners = format!("CONTROLLER://127.0.0.1:{controller},{listeners}");
        let properties = format!(
            "process.roles=broker,controller\nnode.id=0\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:SSL,REPLICATION:SSL,PLAIN:PLAINTEXT\n\
             listeners={listeners}\nadvertised.listeners={listeners}\n\
             controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n\
             authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n{common}"
        );
        return Ok(Node {
            properties: save(work, "server.properties", &properties)?,
            logging: format!(
                "-Dlog4j2.configurationFile={}",
                save(work, "log4j2.properties", LOG4J2)?.display()
            ),
            zookeeper: None,
            started: "Kafka Server started",
        });
    }
    let properties = format!(
        "broker.id=0\nzookeeper.connect=127.0.0.1:{controller}\n\
         listener.security.protocol.map=REPLICATION:SSL,PLAIN:PLAINTEXT\n\
         listeners={listeners}\nadvertised.listeners={listeners}\n\
         authorizer.class.name=kafka.security.authorizer.AclAuthorizer\n{common}"
    );
    let zookeeper = format!(
        "dataDir={}\nclientPort={controller}\nclientPortAddress=127.0.0.1\n",
        work.join("zookeeper").display()
    );
    Ok(Node {
        properties: save(work, "server.properties", &properties)?,
        logging: format!(
            "-Dlog4j.configuration=file:{}",
            save(work, "log4j.properties", RELOAD4J)?.display()
        ),
        zookeeper: Some(save(work, "zookeeper.properties", &zookeeper)?),
        started: "[KafkaServer id=0] started",
    })
}

fn save(work: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    let path = work.join(name);
    std::fs::write(&path, text).map_err(|error| error.to_string())?;
    Ok(path)
}

/// One certificate for every TLS listener; returns the properties that name it.
fn write_certificates(work: &Path) -> Result<String, String> {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])
        .map_err(|error| error.to_string())?;
    let (key, certificate) = (certified.signing_key.serialize_pem(), certified.cert.pem());
    let keystore = save(work, "node.pem", &format!("{key}{certificate}"))?;
    let truststore = save(work, "ca.pem", &certificate)?;
    Ok(["controller", "replication"]
        .map(|listener| {
            format!(
                "listener.name.{listener}.ssl.keystore.type=PEM\n\
                 listener.name.{listener}.ssl.keystore.location={}\n\
                 listener.name.{listener}.ssl.truststore.type=PEM\n\
                 listener.name.{listener}.ssl.truststore.location={}\n\
                 listener.name.{listener}.ssl.client.auth=required\n",
                keystore.display(),
                truststore.display(),
            )
        })
        .concat())
}

/// Where ports are looked for: outside the range that clients get theirs from (Linux: 32768 and more), so that no
/// client takes one before the node listens.
const PORTS: Range<u16> = 10_000..32_000;
/// How often a port is looked for; on a usual machine nearly all are free.
const ATTEMPTS: usize = 100;

/// Three ports nobody listens on now.
fn free_ports() -> Result<[u16; 3], String> {
    // Held until all are chosen, so that they differ.
    let mut held = Vec::new();
    let mut ports = [0; 3];
    for port in &mut ports {
        let mut candidates = (0..ATTEMPTS).map(|_| rand::random_range(PORTS));
        let free = candidates.find_map(|port| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
            Some((port, listener))
        });
        let (found, listener) = free.ok_or("no free port on 127.0.0.1 was found")?;
        *port = found;
        held.push(listener);
    }
    Ok(ports)
}
