//! Who watches what. One for data and one for children, as ZooKeeper has two.
//!
//! Not here: what a change triggers ([`crate::mirror`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use zookeeper_protocol::WatchMode;

/// The number of a connection.
pub(crate) type LineId = u64;

/// Modes of one watcher at one path, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Modes(u8);

impl Modes {
    const STANDARD: u8 = 1;

    fn bit(mode: WatchMode) -> u8 {
        match mode {
            WatchMode::Standard => Self::STANDARD,
            WatchMode::Persistent => 2,
            WatchMode::PersistentRecursive => 4,
        }
    }

    fn has(self, mode: WatchMode) -> bool {
        self.0 & Self::bit(mode) != 0
    }
}

/// Both tables.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) data: Watches,
    pub(crate) children: Watches,
}

/// A table of watches both ways.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    by_path: HashMap<Arc<str>, BTreeMap<LineId, Modes>>,
    by_line: HashMap<LineId, BTreeSet<Arc<str>>>,
    recursive: usize,
    total: usize,
}

impl Watches {
    /// Sets a watch. Setting it again changes nothing.
    pub(crate) fn add(&mut self, path: &str, line: LineId, mode: WatchMode) {
        let path: Arc<str> = match self.by_path.get_key_value(path) {
            Some((path, _)) => Arc::clone(path),
            None => path.into(),
        };
        let watchers = self.by_path.entry(Arc::clone(&path)).or_default();
        let bit = Modes::bit(mode);
        let modes = watchers.entry(line).or_insert_with(|| {
            self.total += 1;
            Modes(0)
        });
        if modes.0 & bit == 0 {
            modes.0 |= bit;
            if mode == WatchMode::PersistentRecursive {
                self.recursive += 1;
            }
        }
        self.by_line.entry(line).or_default().insert(path);
    }

    /// Who is to be told that something happened at `path`; those who watch once are told for the last time.
    pub(crate) fn trigger(&mut self, path: &str) -> Vec<LineId> {
        let mut told = Vec::new();
        let mut gone = Vec::new();
        if let Some(watchers) = self.by_path.get_mut(path) {
            watchers.retain(|line, modes| {
                told.push(*line);
                modes.0 &= !Modes::STANDARD;
                if modes.0 == 0 {
                    gone.push(*line);
                }
                modes.0 != 0
            });
            if watchers.is_empty() {
                self.by_path.remove(path);
            }
        }
        self.total -= gone.len();
        for line in gone {
            self.forget_path(line, path);
        }
        if self.recursive > 0 {
            let mut above = path;
            while let Some((parent, _)) = zookeeper_protocol::parent_and_name(above) {
                above = parent;
                for (line, modes) in self.by_path.get(above).into_iter().flatten() {
                    if modes.has(WatchMode::PersistentRecursive) && !told.contains(line) {
                        told.push(*line);
                    }
                }
            }
        }
        told
    }

    fn forget_path(&mut self, line: LineId, path: &str) {
        if let Some(paths) = self.by_line.get_mut(&line) {
            paths.remove(path);
            if paths.is_empty() {
                self.by_line.remove(&line);
            }
        }
    }

    /// Whether there is such a watch; `None`: of any mode.
    pub(crate) fn contains(&self, path: &str, line: LineId, mode: Option<WatchMode>) -> bool {
        self.by_path
            .get(path)
            .and_then(|watchers| watchers.get(&line))
            .is_some_and(|modes| mode.is_none_or(|mode| modes.has(mode)))
    }

    /// Removes a watch, `None`: of any mode; whether there was one.
    pub(crate) fn remove(&mut self, path: &str, line: LineId, mode: Option<WatchMode>) -> bool {
        let Some(watchers) = self.by_path.get_mut(path) else {
            return false;
        };
        let Some(modes) = watchers.get_mut(&line) else {
            return false;
        };
        let before = *modes;
        modes.0 &= mode.map_or(0, |mode| !Modes::bit(mode));
        let after = *modes;
        if before.has(WatchMode::PersistentRecursive) && !after.has(WatchMode::PersistentRecursive)
        {
            self.recursive -= 1;
        }
        if after.0 == 0 {
            watchers.remove(&line);
            self.total -= 1;
            if watchers.is_empty() {
                self.by_path.remove(path);
            }
            self.forget_path(line, path);
        }
        before != after
    }

    /// The connection is gone, and all its watches.
    pub(crate) fn remove_line(&mut self, line: LineId) {
        for path in self.by_line.remove(&line).unwrap_or_default() {
            if let Some(watchers) = self.by_path.get_mut(&path) {
                if let Some(modes) = watchers.remove(&line) {
                    self.total -= 1;
                    if modes.has(WatchMode::PersistentRecursive) {
                        self.recursive -= 1;
                    }
                }
                if watchers.is_empty() {
                    self.by_path.remove(&path);
                }
            }
        }
    }

    /// Watches there are.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Paths that are watched.
    pub(crate) fn paths(&self) -> usize {
        self.by_path.len()
    }

    /// Connections that watch.
    pub(crate) fn lines(&self) -> usize {
        self.by_line.len()
    }

    /// Every path with those who watch it.
    pub(crate) fn by_path(&self) -> impl Iterator<Item = (&str, Vec<LineId>)> {
        self.by_path
            .iter()
            .map(|(path, watchers)| (path.as_ref(), watchers.keys().copied().collect()))
    }

    /// Every connection with what it watches.
    pub(crate) fn by_line(&self) -> impl Iterator<Item = (LineId, Vec<&str>)> {
        self.by_line
            .iter()
            .map(|(line, paths)| (*line, paths.iter().map(AsRef::as_ref).collect()))
    }
}

#[cfg(test)]
mod tests;
