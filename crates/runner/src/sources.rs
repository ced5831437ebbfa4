//! Whether the mounted files changed that the runner joins or fills in, without reading them.
//!
//! A mounted Secret or `ConfigMap` is changed by putting another file in the place of the old one, and a local one as
//! well, so what tells a file from another tells one content from another.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use model::runner::RunnerConfig;

use crate::environment::Environment;
use crate::jvm;

/// What tells one file from another at the same path; `None` where there is none.
type Mark = Option<(u64, u64, i64, i64)>;

/// The files, as they were when they were last taken in.
#[derive(Debug)]
pub(crate) struct Sources {
    files: Vec<PathBuf>,
    marks: Vec<Mark>,
}

impl Sources {
    /// As they are now.
    pub(crate) fn of(environment: &Environment, config: &RunnerConfig) -> Self {
        let joined = config.pem_files.iter().flat_map(|file| &file.from);
        let mut files: Vec<PathBuf> = joined.map(|source| environment.path(source)).collect();
        files.push(environment.configuration_file(jvm::logging_file(config)));
        files.sort();
        files.dedup();
        let marks = marks(&files);
        Self { files, marks }
    }

    /// Whether any of them is another one than when this was asked last.
    pub(crate) fn changed(&mut self) -> bool {
        let now = marks(&self.files);
        let changed = now != self.marks;
        self.marks = now;
        changed
    }
}

fn marks(files: &[PathBuf]) -> Vec<Mark> {
    let mark = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((
            metadata.ino(),
            metadata.size(),
            metadata.mtime(),
            metadata.mtime_nsec(),
        ))
    };
    files.iter().map(mark).collect()
}

#[cfg(test)]
mod tests;
