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

/// Heap sizes that will be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heap {
    /// `-Xms`; the JVM's own choice when absent.
    pub initial: Option<ByteSize>,
    /// `-Xmx`; the JVM's own choice when absent.
    pub maximum: Option<ByteSize>,
}

/// Of a container's memory, the heap gets this share when the user says nothing; the page cache needs the rest.
const HEAP_PERCENT: u64 = 50;

/// More heap than this makes pauses longer without making Kafka faster.
const HEAP_MAXIMUM: ByteSize = ByteSize::from_mebibytes(5 * 1024);

/// Initial heap when nothing is known about memory.
const HEAP_INITIAL: ByteSize = ByteSize::from_mebibytes(128);

/// The heap of a container with these options and these resources.
///
/// What the user says goes. Without a maximum, half of the memory limit (else of the request), at most 5 GiB, is both
/// initial size and maximum. Without any memory, the heap starts at 128 MiB and the JVM chooses its maximum.
pub fn heap(options: &JvmOptions, resources: &ResourceRequirements) -> Heap {
    match (options.initial_heap, options.maximum_heap) {
        (initial, Some(maximum)) => Heap {
            initial,
            maximum: Some(maximum),
        },
        (initial, None) => match container_memory(resources) {
            Some(memory) => {
                let share =
                    ByteSize::from_bytes(memory.bytes() / 100 * HEAP_PERCENT).min(HEAP_MAXIMUM);
                Heap {
                    initial: initial.or(Some(share)).map(|size| size.min(share)),
                    maximum: Some(share),
                }
            }
            None => Heap {
                initial: initial.or(Some(HEAP_INITIAL)),
                maximum: None,
            },
        },
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
