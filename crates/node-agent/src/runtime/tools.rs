//! Kafka's own command-line tools: which class is behind which name, and launchers for them.
//!
//! The launchers are ours and short: Kafka's own scripts come with its archive, not with its jars.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::RuntimeError;

/// One of Kafka's tools.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// `topics`, as in `klamm kafka topics` and `kafka-topics.sh`.
    pub name: &'static str,
    /// The class with its `main`.
    class: &'static str,
    /// The class it had before `moved_in`, if it moved within the releases we know.
    before: Option<(&'static str, &'static str)>,
    /// The first minor that has it, if it is younger than the oldest release we know.
    since: Option<&'static str>,
    /// The first minor that has it no more.
    until: Option<&'static str>,
    /// What Kafka's own script puts before the user's arguments.
    arguments: &'static [&'static str],
}

const fn tool(name: &'static str, class: &'static str) -> Tool {
    Tool {
        name,
        class,
        before: None,
        since: None,
        until: None,
        arguments: &[],
    }
}

impl Tool {
    const fn moved(self, moved_in: &'static str, before: &'static str) -> Self {
        Self {
            before: Some((moved_in, before)),
            ..self
        }
    }

    const fn since(self, minor: &'static str) -> Self {
        Self {
            since: Some(minor),
            ..self
        }
    }

    const fn until(self, minor: &'static str) -> Self {
        Self {
            until: Some(minor),
            ..self
        }
    }

    const fn with(self, arguments: &'static [&'static str]) -> Self {
        Self { arguments, ..self }
    }
}

/// Every tool, by name. Source: the scripts in `bin/` of Apache Kafka 3.9 and 4.3.
pub const TOOLS: &[Tool] = &[
    tool("acls", "org.apache.kafka.tools.AclCommand").moved("4.0", "kafka.admin.AclCommand"),
    tool(
        "broker-api-versions",
        "org.apache.kafka.tools.BrokerApiVersionsCommand",
    )
    .moved("4.0", "kafka.admin.BrokerApiVersionsCommand"),
    tool(
        "client-metrics",
        "org.apache.kafka.tools.ClientMetricsCommand",
    ),
    tool("cluster", "org.apache.kafka.tools.ClusterTool"),
    tool("configs", "kafka.admin.ConfigCommand"),
    tool(
        "console-consumer",
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
    ),
    tool("console-producer", "org.apache.kafka.tools.ConsoleProducer")
        .moved("4.0", "kafka.tools.ConsoleProducer"),
    tool(
        "console-share-consumer",
        "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
    )
    .since("4.0"),
    tool(
        "consumer-groups",
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    ),
    tool(
        "consumer-perf-test",
        "org.apache.kafka.tools.ConsumerPerformance",
    ),
    tool(
        "delegation-tokens",
        "org.apache.kafka.tools.DelegationTokenCommand",
    ),
    tool(
        "delete-records",
        "org.apache.kafka.tools.DeleteRecordsCommand",
    ),
    tool("dump-log", "org.apache.kafka.tools.DumpLogSegments")
        .moved("4.3", "kafka.tools.DumpLogSegments"),
    tool("e2e-latency", "org.apache.kafka.tools.EndToEndLatency"),
    tool("features", "org.apache.kafka.tools.FeatureCommand"),
    tool("get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
    tool("groups", "org.apache.kafka.tools.GroupsCommand").since("4.0"),
    tool("jmx", "org.apache.kafka.tools.JmxTool"),
    tool(
        "leader-election",
        "org.apache.kafka.tools.LeaderElectionCommand",
    ),
    tool("log-dirs", "org.apache.kafka.tools.LogDirsCommand"),
    tool(
        "metadata-quorum",
        "org.apache.kafka.tools.MetadataQuorumCommand",
    ),
    tool("metadata-shell", "org.apache.kafka.shell.MetadataShell"),
    tool(
        "producer-perf-test",
        "org.apache.kafka.tools.ProducerPerformance",
    ),
    tool(
        "reassign-partitions",
        "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    ),
    tool(
        "share-consumer-perf-test",
        "org.apache.kafka.tools.ShareConsumerPerformance",
    )
    .since("4.0"),
    tool(
        "share-groups",
        "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
    )
    .since("4.0"),
    tool("storage", "kafka.tools.StorageTool"),
    tool(
        "streams-application-reset",
        "org.apache.kafka.tools.StreamsResetter",
    ),
    tool(
        "streams-groups",
        "org.apache.kafka.tools.streams.StreamsGroupCommand",
    )
    .since("4.0"),
    tool("topics", "org.apache.kafka.tools.TopicCommand"),
    tool("transactions", "org.apache.kafka.tools.TransactionsCommand"),
    tool(
        "verifiable-consumer",
        "org.apache.kafka.tools.VerifiableConsumer",
    ),
    tool(
        "verifiable-producer",
        "org.apache.kafka.tools.VerifiableProducer",
    ),
    tool(
        "verifiable-share-consumer",
        "org.apache.kafka.tools.VerifiableShareConsumer",
    )
    .since("4.0"),
    tool(
        "zookeeper-security-migration",
        "kafka.admin.ZkSecurityMigrator",
    )
    .until("4.0"),
    tool(
        "zookeeper-server-start",
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
    )
    .until("4.0"),
    tool(
        "zookeeper-shell",
        "org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka",
    )
    .until("4.0")
    .with(&["-server"]),
];

impl Tool {
    /// The class with `main` in that release; none if the release does not have the tool.
    pub fn class_in(&self, version: &str) -> Option<&'static str> {
        let too_old = self
            .since
            .is_some_and(|since| minor(version) < minor(since));
        let gone = self
            .until
            .is_some_and(|until| minor(version) >= minor(until));
        if too_old || gone {
            return None;
        }
        match self.before {
            Some((moved_in, class)) if minor(version) < minor(moved_in) => Some(class),
            Some(_) | None => Some(self.class),
        }
    }

    /// What goes before the user's own arguments, as in Kafka's scripts.
    pub fn arguments(&self) -> &'static [&'static str] {
        self.arguments
    }

    /// The tool of that name; `kafka-topics.sh`, `kafka-topics` and `topics` are the same.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let name = name.strip_suffix(".sh").unwrap_or(name);
        let name = name.strip_prefix("kafka-").unwrap_or(name);
        TOOLS.iter().find(|tool| tool.name == name)
    }

    /// The file name of its script in a release.
    fn script(&self) -> String {
        if self.name.starts_with("zookeeper-") {
            format!("{}.sh", self.name)
        } else {
            format!("kafka-{}.sh", self.name)
        }
    }
}

fn minor(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// How a release is told what to log: Kafka 4 reads log4j2's dialect, Kafka 3 that of reload4j.
///
/// What the tools log with: warnings and worse, on standard error, so that their output stays clean.
struct Logging {
    file: &'static str,
    option: &'static str,
    text: &'static str,
}

const LOG4J2: Logging = Logging {
    file: "log4j2.properties",
    option: "-Dlog4j2.configurationFile=",
    text: "\
name=KlammTools
appender.stderr.type=Console
appender.stderr.name=STDERR
appender.stderr.target=SYSTEM_ERR
appender.stderr.layout.type=PatternLayout
appender.stderr.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=WARN
rootLogger.appenderRefs=stderr
rootLogger.appenderRef.stderr.ref=STDERR
",
};

const RELOAD4J: Logging = Logging {
    file: "log4j.properties",
    option: "-Dlog4j.configuration=file:",
    text: "\
log4j.rootLogger=WARN, stderr
log4j.appender.stderr=org.apache.log4j.ConsoleAppender
log4j.appender.stderr.target=System.err
log4j.appender.stderr.layout=org.apache.log4j.PatternLayout
log4j.appender.stderr.layout.ConversionPattern=[%d] %p %m (%c)%n
",
};

impl Logging {
    fn of(version: &str) -> &'static Self {
        if minor(version) < (4, 0) {
            &RELOAD4J
        } else {
            &LOG4J2
        }
    }
}

/// The JVM option that makes a tool of this runtime log warnings only, on standard error.
pub fn logging_option(home: &Path, version: &str) -> Option<String> {
    let logging = Logging::of(version);
    let file = home.join("bin").join(logging.file);
    file.is_file()
        .then(|| format!("{}{}", logging.option, file.display()))
}

/// Writes `bin/` of a runtime: a launcher per tool. Writes nothing that is there already.
pub(super) fn write_launchers(home: &Path, version: &str) -> Result<(), RuntimeError> {
    let bin = home.join("bin");
    std::fs::create_dir_all(&bin).map_err(RuntimeError::cache(&bin))?;
    let logging = Logging::of(version);
    write_if_changed(&bin.join(logging.file), logging.text, 0o644)?;
    for tool in TOOLS {
        if let Some(class) = tool.class_in(version) {
            let script = launcher(class, tool.arguments, logging);
            write_if_changed(&bin.join(tool.script()), &script, 0o755)?;
        }
    }
    Ok(())
}

fn launcher(class: &str, arguments: &[&str], logging: &Logging) -> String {
    let arguments = [&[class], arguments].concat().join(" ");
    format!(
        "#!/bin/sh\n\
         # Starts {class} from the jars beside this file.\n\
         home=$(CDPATH= cd -- \"$(dirname -- \"$(readlink -f -- \"$0\")\")/..\" && pwd) || exit 1\n\
         java=${{KLAMM_JAVA:-${{JAVA_HOME:+$JAVA_HOME/bin/}}java}}\n\
         hosts=$KLAMM_HOSTS_FILE\n\
         # In a Pod, localhost is the Pod: one that is a process has a loopback address of its own.\n\
         if [ -n \"$hosts\" ] && [ -n \"$POD_IP\" ] && [ -d \"$KLAMM_ROOT/tmp\" ]; then\n\
         \x20 own=$KLAMM_ROOT/tmp/hosts\n\
         \x20 if awk -v ip=\"$POD_IP\" '{awk}' \"$hosts\" > \"$own.$$\" && mv -f \"$own.$$\" \"$own\"; then hosts=$own; else rm -f \"$own.$$\"; fi\n\
         fi\n\
         hosts=${{hosts:+-Djdk.net.hosts.file=$hosts}}\n\
         exec \"$java\" ${{KAFKA_HEAP_OPTS:--Xmx256m}} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 $hosts \\\n\
         \x20 {option}\"$home/bin/{file}\" $KAFKA_OPTS -cp \"$home/libs/*\" {arguments} \"$@\"\n",
        option = logging.option,
        file = logging.file,
        awk = OWN_LOCALHOST,
    )
}

/// Rewrites a hosts file so that `localhost`, and only that name, is at `ip`.
const OWN_LOCALHOST: &str = r#"BEGIN { print ip, "localhost" }
    { line = $1; names = 0
      for (i = 2; i <= NF && $i !~ /^#/; i++) if ($i != "localhost") { line = line " " $i; names++ }
      if (names) print line }"#;

fn write_if_changed(path: &Path, text: &str, mode: u32) -> Result<(), RuntimeError> {
    if std::fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    // A launcher may be running while another `klamm` rewrites it: replace, never truncate.
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    std::fs::write(&fresh, text).map_err(RuntimeError::cache(&fresh))?;
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(mode))
        .map_err(RuntimeError::cache(&fresh))?;
    std::fs::rename(&fresh, path).map_err(RuntimeError::cache(path))
}
