//! Apache ZooKeeper itself, one server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::{Address, Process, Rig, Runtime, client_jars, wait_for_program};

/// Which Apache ZooKeeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// The newest: what others are compared with.
    Newest,
    /// The one that Kafka 3.9 was released with.
    WithKafka,
}

/// What a test may want otherwise.
#[derive(Debug, Clone)]
pub struct ZooKeeperOptions {
    /// Which one.
    pub release: Release,
    /// Milliseconds; sessions last 2 to 20 of them.
    pub tick: u32,
    /// Whether every transaction is on disk before it is answered.
    pub fsync: bool,
    /// More lines of its configuration.
    pub configuration: String,
    /// More options of its JVM.
    pub java: Vec<&'static str>,
}

impl Default for ZooKeeperOptions {
    fn default() -> Self {
        Self {
            release: Release::Newest,
            tick: 2000,
            fsync: false,
            configuration: String::new(),
            java: Vec::new(),
        }
    }
}

/// A running Apache ZooKeeper.
#[derive(Debug)]
pub struct ZooKeeper {
    /// `IP:PORT` for clients.
    pub address: String,
    /// The program.
    pub process: Process,
    command: Vec<String>,
    log: PathBuf,
    _ip: Address,
}

/// Starts with another address each, when one cannot be had.
const ATTEMPTS: u32 = 3;

impl ZooKeeper {
    /// Starts it and waits until it answers. An address that the machine does not give it, although it gave it to us a
    /// moment before, is exchanged for another one: that is not what is tested.
    pub fn start(rig: &Rig, name: &str, options: &ZooKeeperOptions) -> Result<Self> {
        let mut started = Self::try_start(rig, name, options);
        for attempt in 1..ATTEMPTS {
            match started {
                Err(error) if format!("{error:#}").contains("java.net.BindException") => {
                    started = Self::try_start(rig, &format!("{name}-{attempt}"), options);
                }
                _ => break,
            }
        }
        started
    }

    fn try_start(rig: &Rig, name: &str, options: &ZooKeeperOptions) -> Result<Self> {
        let runtime = Runtime::find()?;
        let ip = Address::take()?;
        let folder = rig.sub(name)?;
        let configuration = folder.join("zookeeper.properties");
        std::fs::write(
            &configuration,
            format!(
                "dataDir={}\nclientPort=2181\nclientPortAddress={}\nadmin.enableServer=false\n\
                 4lw.commands.whitelist=*\nmaxClientCnxns=0\ntickTime={}\nextendedTypesEnabled=true\n{}",
                folder.join("data").display(),
                ip.ip,
                options.tick,
                options.configuration
            ),
        )?;
        let logging = folder.join("log4j.properties");
        std::fs::write(
            &logging,
            "log4j.rootLogger=WARN, stderr\nlog4j.appender.stderr=org.apache.log4j.ConsoleAppender\n\
             log4j.appender.stderr.layout=org.apache.log4j.PatternLayout\n\
             log4j.appender.stderr.layout.ConversionPattern=[%d] %p %m (%c)%n\n",
        )?;
        let logging = format!("-Dlog4j.configuration=file:{}", logging.display());
        let sync = format!(
            "-Dzookeeper.forceSync={}",
            if options.fsync { "yes" } else { "no" }
        );
        let mut java = vec![
            "-Xmx512m",
            // Containers and nodes with a time to live stay while they are compared.
            "-Dznode.container.checkIntervalMs=86400000",
            // One of the two releases reads the one, the other the other.
            &logging,
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            &sync,
        ];
        java.extend(&options.java);
        let main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
        let arguments = [configuration.display().to_string()];
        let command = match options.release {
            Release::WithKafka => runtime.java(&java, main, &arguments)?,
            Release::Newest => runtime.java_on(
                &format!("{}/*", client_jars()?.display()),
                &java,
                main,
                &arguments,
            ),
        };
        let log = folder.join("log");
        let process = Process::start(&command, &[], &log)?;
        let server = Self {
            address: ip.port(2181),
            process,
            command,
            log,
            _ip: ip,
        };
        server.wait()?;
        Ok(server)
    }

    fn wait(&self) -> Result<()> {
        wait_for_program("Apache ZooKeeper's answer", &self.process, || {
            is_serving(&self.address)
        })
    }

    /// Starts it again on the same data.
    pub fn restart(&mut self) -> Result<()> {
        self.process = Process::start(&self.command, &[], &self.log)?;
        self.wait()
    }
}

/// Whether a server at this address serves requests; `ruok` is answered too early.
pub(crate) fn is_serving(address: &str) -> bool {
    four_letter(address, "srvr").is_ok_and(|answer| answer.contains("Mode:"))
}

/// A four-letter word, answered.
pub fn four_letter(address: &str, word: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address.parse()?, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(word.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
