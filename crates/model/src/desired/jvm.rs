//! How the JVM of a node is started.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use serde::{Deserialize, Serialize};

use super::size::ByteSize;

/// Options of the JVM.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JvmOptions {
    /// `-Xms`; see [`heap`] for what applies when absent.
    pub initial_heap: Option<ByteSize>,
    /// `-Xmx`; see [`heap`] for what applies when absent.
    pub maximum_heap: Option<ByteSize>,
    /// `-XX` options: `true` and `false` are switches, anything else a value.
    pub xx: BTreeMap<String, String>,
    /// Whether garbage collection is logged.
    pub gc_logging: bool,
    /// `-D` properties, in the user's order.
    pub system_properties: Vec<(String, String)>,
}

/// Heap sizes that follow from the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heap {
    /// `-Xms`; when absent, the manifest is silent about it.
    pub initial: Option<ByteSize>,
    /// `-Xmx`; when absent, the manifest is silent about it.
    pub maximum: Option<ByteSize>,
}

/// Of a container's memory, the heap gets this share when the user says nothing; the page cache needs the rest.
const HEAP_PERCENT: u64 = 50;

/// More heap than this makes pauses longer without making Kafka faster.
const HEAP_MAXIMUM: ByteSize = ByteSize::from_mebibytes(5 * 1024);

/// `-XX` option by which users let the JVM work out the maximum itself.
const MAXIMUM_BY_SHARE: &str = "MaxRAMPercentage";

/// The heap of a container with these options and these resources.
///
/// What the user says goes. Without a maximum, half of the memory limit (else of the request), at most 5 GiB, is both
/// initial size and maximum. Without any memory the manifest is silent: the runner then starts with 128 MiB, as Strimzi
/// does, and lets the JVM choose the maximum.
pub fn heap(options: &JvmOptions, resources: &ResourceRequirements) -> Heap {
    let JvmOptions {
        initial_heap: initial,
        maximum_heap: maximum,
        xx,
        gc_logging: _,
        system_properties: _,
    } = options;
    let by_memory = || {
        let memory = container_memory(resources).filter(|_| !xx.contains_key(MAXIMUM_BY_SHARE))?;
        Some(ByteSize::from_bytes(memory.bytes() / 100 * HEAP_PERCENT).min(HEAP_MAXIMUM))
    };
    match (*initial, maximum.or_else(by_memory)) {
        (initial, Some(share)) if maximum.is_none() => Heap {
            initial: Some(initial.unwrap_or(share)),
            maximum: Some(share.max(initial.unwrap_or(share))),
        },
        (initial, maximum) => Heap { initial, maximum },
    }
}

/// Memory limit, else memory request, if there is one that can be read.
fn container_memory(resources: &ResourceRequirements) -> Option<ByteSize> {
    [&resources.limits, &resources.requests]
        .into_iter()
        .find_map(|quantities| quantities.as_ref()?.get("memory")?.0.parse().ok())
}

#[cfg(test)]
mod tests;
