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
}

const fn tool(name: &'static str, class: &'static str) -> Tool {
    Tool {
        name,
        class,
        before: None,
    }
}

/// Every tool, by name. Source: the scripts in `bin/` of Apache Kafka 4.3.
pub const TOOLS: &[Tool] = &[
    tool("acls", "org.apache.kafka.tools.AclCommand"),
    tool(
        "broker-api-versions",
        "org.apache.kafka.tools.BrokerApiVersionsCommand",
    ),
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
    tool("console-producer", "org.apache.kafka.tools.ConsoleProducer"),
    tool(
        "console-share-consumer",
        "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
    ),
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
    Tool {
        name: "dump-log",
        class: "org.apache.kafka.tools.DumpLogSegments",
        before: Some(("4.3", "kafka.tools.DumpLogSegments")),
    },
    tool("e2e-latency", "org.apache.kafka.tools.EndToEndLatency"),
    tool("features", "org.apache.kafka.tools.FeatureCommand"),
    tool("get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
    tool("groups", "org.apache.kafka.tools.GroupsCommand"),
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
    ),
    tool(
        "share-groups",
        "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
    ),
    tool("storage", "kafka.tools.StorageTool"),
    tool(
        "streams-application-reset",
        "org.apache.kafka.tools.StreamsResetter",
    ),
    tool(
        "streams-groups",
        "org.apache.kafka.tools.streams.StreamsGroupCommand",
    ),
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
    ),
];

impl Tool {
    /// The class with `main` in that release.
    pub fn class_in(&self, version: &str) -> &'static str {
        match self.before {
            Some((moved_in, class)) if minor(version) < minor(moved_in) => class,
            Some(_) | None => self.class,
        }
    }

    /// The tool of that name; `kafka-topics.sh`, `kafka-topics` and `topics` are the same.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let name = name.strip_suffix(".sh").unwrap_or(name);
        let name = name.strip_prefix("kafka-").unwrap_or(name);
        TOOLS.iter().find(|tool| tool.name == name)
    }
}

fn minor(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// What the tools log with: warnings and worse, on standard error, so that their output stays clean.
const TOOLS_LOG4J2: &str = "\
name=KlammTools
appender.stderr.type=Console
appender.stderr.name=STDERR
appender.stderr.target=SYSTEM_ERR
appender.stderr.layout.type=PatternLayout
appender.stderr.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=WARN
rootLogger.appenderRefs=stderr
rootLogger.appenderRef.stderr.ref=STDERR
";

/// Writes `bin/` of a runtime: a launcher per tool. Writes nothing that is there already.
pub(super) fn write_launchers(home: &Path, version: &str) -> Result<(), RuntimeError> {
    let bin = home.join("bin");
    std::fs::create_dir_all(&bin).map_err(RuntimeError::cache(&bin))?;
    write_if_changed(&bin.join("log4j2.properties"), TOOLS_LOG4J2, 0o644)?;
    for tool in TOOLS {
        let script = launcher(tool.class_in(version));
        write_if_changed(&bin.join(format!("kafka-{}.sh", tool.name)), &script, 0o755)?;
    }
    Ok(())
}

fn launcher(class: &str) -> String {
    format!(
        "#!/bin/sh\n\
         # Starts {class} from the jars beside this file.\n\
         home=$(CDPATH= cd -- \"$(dirname -- \"$0\")/..\" && pwd) || exit 1\n\
         java=${{KLAMM_JAVA:-${{JAVA_HOME:+$JAVA_HOME/bin/}}java}}\n\
         hosts=${{KLAMM_HOSTS_FILE:+-Djdk.net.hosts.file=$KLAMM_HOSTS_FILE}}\n\
         exec \"$java\" ${{KAFKA_HEAP_OPTS:--Xmx256m}} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 $hosts \\\n\
         \x20 -Dlog4j2.configurationFile=\"$home/bin/log4j2.properties\" $KAFKA_OPTS -cp \"$home/libs/*\" {class} \"$@\"\n"
    )
}

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
