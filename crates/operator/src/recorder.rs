//! The flight recorder: the inputs of the last looks, so that any decision can be replayed.
//!
//! Invariants: bounded in looks and in bytes over all clusters, the oldest goes first; an input holds no secret, because
//! an observation holds none.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// How many looks are kept at most.
const MAX_LOOKS: usize = 256;
/// How many bytes of inputs are kept at most: 2 MiB, about 40 looks at a cluster of three.
const MAX_BYTES: usize = 2 << 20;

/// One look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// `namespace/name` of the cluster.
    pub cluster: String,
    /// When it began.
    pub at: jiff::Timestamp,
    /// The planner's input as JSON.
    pub input: String,
}

/// The last looks of all clusters; copies record together.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    looks: VecDeque<Look>,
    bytes: usize,
}

impl Recorder {
    /// Keeps `look` and lets go of the oldest where the bounds ask for it.
    pub fn keep(&self, look: Look) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += look.input.len();
        kept.looks.push_back(look);
        while kept.looks.len() > MAX_LOOKS || (kept.bytes > MAX_BYTES && kept.looks.len() > 1) {
            if let Some(oldest) = kept.looks.pop_front() {
                kept.bytes -= oldest.input.len();
            }
        }
    }

    /// Everything kept, oldest first, one JSON object a line.
    pub fn dump(&self) -> String {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = String::new();
        for Look { cluster, at, input } in &kept.looks {
            let cluster = serde_json::Value::from(cluster.as_str());
            let _ = writeln!(
                lines,
                "{{\"cluster\":{cluster},\"at\":\"{at}\",\"input\":{input}}}"
            );
        }
        lines
    }
}
