//! Log files of a container: one line per line of output, with its time and stream, as the kubelet's runtimes write them.
//!
//! ```text
//! 2026-11-21T09:00:00.123456789Z stdout F the text
//! ```
//!
//! `F` is a whole line, `P` a piece of one longer than 16 KiB. The monitor of the container writes; anybody reads.

mod read;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::container::attempt::log_file;
pub(crate) use read::{LogRequest, follow};

/// A longer line is written in pieces.
const LINE_BYTES: usize = 16 * 1024;

/// When a log file is rotated.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogLimits {
    /// Size of one file in bytes.
    pub max_bytes: u64,
    /// How many files are kept, the current one included.
    pub max_files: u32,
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    fn word(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Writes the log of one attempt.
#[derive(Debug)]
pub(crate) struct LogWriter {
    attempt: PathBuf,
    limits: LogLimits,
    file: File,
    bytes: u64,
}

impl LogWriter {
    /// Opens the log of an attempt, going on where it stopped.
    pub(crate) fn open(attempt: &Path, limits: LogLimits) -> io::Result<Self> {
        let file = append(&log_file(attempt, 0))?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            attempt: attempt.to_owned(),
            limits,
            file,
            bytes,
        })
    }

    /// Writes the whole lines of `chunk`; what is not whole yet waits in `rest`.
    pub(crate) fn write(
        &mut self,
        stream: Stream,
        now: Timestamp,
        chunk: &[u8],
        rest: &mut Vec<u8>,
    ) {
        let mut lines = chunk.split_inclusive(|byte| *byte == b'\n');
        let mut text = Vec::with_capacity(chunk.len() + 64);
        for piece in lines.by_ref() {
            rest.extend_from_slice(piece);
            if rest.last() == Some(&b'\n') {
                rest.pop();
                line(&mut text, stream, now, 'F', rest);
                rest.clear();
            } else if rest.len() >= LINE_BYTES {
                line(&mut text, stream, now, 'P', rest);
                rest.clear();
            }
        }
        self.append(&text);
    }

    /// The stream has ended: writes what had no end of line.
    pub(crate) fn finish(&mut self, stream: Stream, now: Timestamp, rest: &mut Vec<u8>) {
        if !rest.is_empty() {
            let mut text = Vec::with_capacity(rest.len() + 64);
            line(&mut text, stream, now, 'F', rest);
            rest.clear();
            self.append(&text);
        }
    }

    /// A log that cannot be written (a full disk) must not stop the container: the lines are lost.
    fn append(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        if self.bytes >= self.limits.max_bytes {
            self.rotate();
        }
        if self.file.write_all(text).is_ok() {
            self.bytes += text.len() as u64;
        }
    }

    fn rotate(&mut self) {
        let oldest = self.limits.max_files.saturating_sub(1);
        let _ = fs::remove_file(log_file(&self.attempt, oldest));
        for number in (0..oldest).rev() {
            let _ = fs::rename(
                log_file(&self.attempt, number),
                log_file(&self.attempt, number + 1),
            );
        }
        if let Ok(file) = append(&log_file(&self.attempt, 0)) {
            self.bytes = file.metadata().map_or(0, |metadata| metadata.len());
            self.file = file;
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

fn line(text: &mut Vec<u8>, stream: Stream, now: Timestamp, tag: char, content: &[u8]) {
    // Writing to a Vec cannot fail.
    let _ = write!(text, "{now:.9} {} {tag} ", stream.word());
    text.extend_from_slice(content);
    text.push(b'\n');
}
