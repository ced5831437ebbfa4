//! Which Kafka properties need no restart.

/// Kafka properties that brokers of every supported release change while they run.
///
/// Source: `DynamicBrokerConfig` of 4.1.0, 4.2.0 and 4.3.1; what all three have, without what the operator owns. Settings of
/// TLS and SASL are not among them: they change while a broker runs only below a listener's prefix.
const DYNAMIC: [&str; 53] = [
    "background.threads",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "log.cleaner.backoff.ms",
    "log.cleaner.dedupe.buffer.size",
    "log.cleaner.delete.retention.ms",
    "log.cleaner.io.buffer.load.factor",
    "log.cleaner.io.buffer.size",
    "log.cleaner.io.max.bytes.per.second",
    "log.cleaner.max.compaction.lag.ms",
    "log.cleaner.min.cleanable.ratio",
    "log.cleaner.min.compaction.lag.ms",
    "log.cleaner.threads",
    "log.cleanup.policy",
    "log.flush.interval.messages",
    "log.flush.interval.ms",
    "log.index.interval.bytes",
    "log.index.size.max.bytes",
    "log.local.retention.bytes",
    "log.local.retention.ms",
    "log.message.timestamp.after.max.ms",
    "log.message.timestamp.before.max.ms",
    "log.message.timestamp.type",
    "log.preallocate",
    "log.retention.bytes",
    "log.retention.ms",
    "log.roll.jitter.ms",
    "log.roll.ms",
    "log.segment.bytes",
    "log.segment.delete.delay.ms",
    "max.connection.creation.rate",
    "max.connections",
    "max.connections.per.ip",
    "max.connections.per.ip.overrides",
    "message.max.bytes",
    "min.insync.replicas",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
    "producer.id.expiration.ms",
    "remote.fetch.max.wait.ms",
    "remote.list.offsets.request.timeout.ms",
    "remote.log.index.file.cache.total.size.bytes",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.copy.max.bytes.per.second",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.manager.fetch.max.bytes.per.second",
    "remote.log.reader.threads",
    "transaction.partition.verification.enable",
    "unclean.leader.election.enable",
];

/// Of these a listener may have its own, below its prefix.
const DYNAMIC_OF_LISTENER: [&str; 2] = ["max.connection.creation.rate", "max.connections"];

/// Whether brokers change this property while they run.
pub fn is_dynamic(property: &str) -> bool {
    let of_listener = property
        .strip_prefix("listener.name.")
        .and_then(|rest| rest.split_once('.'));
    match of_listener {
        Some((_, property)) => DYNAMIC_OF_LISTENER.contains(&property),
        None => DYNAMIC.contains(&property),
    }
}

/// All properties that brokers with these listeners (Kafka's names) change while they run.
pub fn dynamic_properties<'a>(listeners: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let of_listeners = listeners.into_iter().flat_map(|listener| {
        let prefix = format!("listener.name.{}", listener.to_lowercase());
        DYNAMIC_OF_LISTENER.map(|property| format!("{prefix}.{property}"))
    });
    let all = DYNAMIC.map(str::to_owned).into_iter();
    all.chain(of_listeners).collect()
}
