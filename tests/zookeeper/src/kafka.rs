//! A broker of Kafka 3.9, configured by hand, as its users did.

use std::path::PathBuf;

use anyhow::Result;

use crate::{Address, Process, Rig, Runtime, wait_for_program};

/// How brokers find their metadata and what they offer.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// `zookeeper.connect`.
    pub zookeeper: String,
    /// More lines of `server.properties`, in which `{ip}` is the broker's address.
    pub properties: String,
}

/// A running broker.
#[derive(Debug)]
pub struct Broker {
    /// `broker.id`.
    pub id: i32,
    /// `IP:9092`.
    pub address: String,
    /// The program.
    pub process: Process,
    command: Vec<String>,
    log: PathBuf,
    _ip: Address,
}

/// Small and quick to boot; nothing here changes what brokers do with their metadata.
const SMALL: &str = "log.cleaner.dedupe.buffer.size=2097152\nlog.cleaner.io.buffer.size=65536\n\
    log.index.size.max.bytes=262144\nnum.network.threads=2\nnum.io.threads=4\nbackground.threads=2\n\
    offsets.topic.num.partitions=3\ntransaction.state.log.num.partitions=3\n\
    group.initial.rebalance.delay.ms=0\nzookeeper.session.timeout.ms=6000\n\
    default.replication.factor=3\noffsets.topic.replication.factor=3\nmin.insync.replicas=2\n\
    controlled.shutdown.retry.backoff.ms=500\nreplica.lag.time.max.ms=5000\n";

impl Broker {
    /// Starts broker `id`; does not wait, so that several start at once.
    pub fn start(rig: &Rig, id: i32, options: &BrokerOptions) -> Result<Self> {
        let runtime = Runtime::find()?;
        let ip = Address::take()?;
        let folder = rig.sub(&format!("broker-{id}"))?;
        let properties = folder.join("server.properties");
        let address = ip.port(9092);
        std::fs::write(
            &properties,
            format!(
                "broker.id={id}\nlisteners=PLAINTEXT://{address}\nlog.dirs={}\nzookeeper.connect={}\n{SMALL}{}",
                folder.join("data").display(),
                options.zookeeper,
                options.properties.replace("{ip}", &ip.ip.to_string())
            ),
        )?;
        let logging = folder.join("log4j.properties");
        std::fs::write(
            &logging,
            "log4j.rootLogger=INFO, stdout\nlog4j.appender.stdout=org.apache.log4j.ConsoleAppender\n\
             log4j.appender.stdout.layout=org.apache.log4j.PatternLayout\n\
             log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n\n\
             log4j.logger.org.apache.zookeeper=WARN\n",
        )?;
        let logging = format!("-Dlog4j.configuration=file:{}", logging.display());
        let command = runtime.java(
            &["-Xms64m", "-Xmx320m", "-Xss512k", &logging],
            "kafka.Kafka",
            &[properties.display().to_string()],
        )?;
        let log = folder.join("log");
        let process = Process::start(&command, &[("MALLOC_ARENA_MAX", "2".to_owned())], &log)?;
        Ok(Self {
            id,
            address,
            process,
            command,
            log,
            _ip: ip,
        })
    }

    /// Waits until it says it has started since the last [`Self::restart`].
    pub fn wait(&self) -> Result<()> {
        let started = format!("[KafkaServer id={}] started", self.id);
        let stopped = format!("[KafkaServer id={}] starting", self.id);
        let log = self.log.clone();
        let what = format!("the start of broker {}", self.id);
        wait_for_program(&what, &self.process, || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            match (text.rfind(&started), text.rfind(&stopped)) {
                (Some(up), Some(begun)) => up > begun,
                (Some(_), None) => true,
                _ => false,
            }
        })
    }

    /// What it wrote so far.
    pub fn whole_log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Starts it again on its data; does not wait.
    pub fn restart(&mut self) -> Result<()> {
        // An old "started" must not be taken for a new one.
        std::fs::rename(&self.log, self.log.with_extension("old"))?;
        self.process = Process::start(
            &self.command,
            &[("MALLOC_ARENA_MAX", "2".to_owned())],
            &self.log,
        )?;
        Ok(())
    }
}
