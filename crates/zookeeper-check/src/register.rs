//! Whether a history of one register is linearizable.
//!
//! A register is a node that is set without conditions. Each set has a value of its own, and ZooKeeper numbers the sets:
//! the version tells the order that the servers say they happened in. So there is no search: the order is known, and only
//! has to agree with real time.
//!
//! Source: Herlihy and Wing, 1990; the check for registers whose writes are totally ordered.

use std::collections::BTreeMap;

/// One operation of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// When it was asked.
    pub begun: u64,
    /// When it was answered; `None` if it never was.
    pub ended: Option<u64>,
    /// What it did.
    pub act: Act,
}

/// What an operation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Wrote this value; with the version it got, if it was told.
    Wrote(u64, Option<i32>),
    /// Read this value and version.
    Read(u64, i32),
}

impl Operation {
    fn version(&self) -> Option<i32> {
        match self.act {
            Act::Wrote(_, version) => version,
            Act::Read(_, version) => Some(version),
        }
    }

    fn value(&self) -> u64 {
        match self.act {
            Act::Wrote(value, _) | Act::Read(value, _) => value,
        }
    }
}

/// Everything that is wrong with a history; `first` is the value at version 0.
pub fn check(history: &[Operation], first: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut values: BTreeMap<i32, u64> = BTreeMap::from([(0, first)]);
    let mut versions: BTreeMap<u64, i32> = BTreeMap::from([(first, 0)]);
    for operation in history {
        let (Some(version), value) = (operation.version(), operation.value()) else {
            continue;
        };
        let known = *values.entry(version).or_insert(value);
        if known != value {
            wrong.push(format!("version {version} is {known} and {value}"));
        }
        let known = *versions.entry(value).or_insert(version);
        if known != version {
            wrong.push(format!(
                "{value} was written as version {known} and as {version}"
            ));
        }
    }
    let written: BTreeMap<u64, u64> = history
        .iter()
        .filter_map(|operation| match operation.act {
            Act::Wrote(value, _) => Some((value, operation.begun)),
            Act::Read(..) => None,
        })
        .collect();
    for operation in history {
        if let (Act::Read(value, version), Some(ended)) = (operation.act, operation.ended)
            && value != first
            && written.get(&value).is_none_or(|begun| *begun > ended)
        {
            wrong.push(format!(
                "{value} (version {version}) was read before it was written"
            ));
        }
    }
    wrong.extend(real_time(history));
    wrong
}

/// What ended before something else began must not have a later version.
fn real_time(history: &[Operation]) -> Vec<String> {
    let mut by_begin: Vec<&Operation> = history.iter().collect();
    by_begin.sort_by_key(|operation| operation.begun);
    let mut by_end: Vec<(u64, i32)> = history
        .iter()
        .filter_map(|operation| Some((operation.ended?, operation.version()?)))
        .collect();
    by_end.sort_unstable();
    let mut wrong = Vec::new();
    let mut ended = by_end.into_iter().peekable();
    let mut newest = 0;
    for operation in by_begin {
        while let Some((_, version)) = ended.next_if(|(at, _)| *at < operation.begun) {
            newest = newest.max(version);
        }
        let Some(version) = operation.version() else {
            continue;
        };
        let stale = match operation.act {
            Act::Wrote(..) => version <= newest,
            Act::Read(..) => version < newest,
        };
        if stale {
            wrong.push(format!(
                "{operation:?} has version {version}, though version {newest} had been answered before it began"
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests;
