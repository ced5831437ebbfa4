//! Reading log files as `kubectl logs` asks for them, while they are written to and rotated.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::container::attempt::log_file;

/// More rotated files than any setting asks for.
const MAX_FILES: u32 = 100;
const CHUNK_BYTES: usize = 64 * 1024;

/// What of a log is wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogRequest {
    /// Go on until the container has ended.
    pub follow: bool,
    /// Only so many lines from the end.
    pub tail_lines: Option<u64>,
    /// Only lines from then on.
    pub since: Option<Timestamp>,
    /// Put its time before each line.
    pub timestamps: bool,
    /// Stop after so many bytes.
    pub limit_bytes: Option<u64>,
}

/// Sends the log of an attempt, piece by piece, until its end or until nobody listens.
///
/// `ended` says whether the container can still write; it is asked only when all there is has been sent.
pub(crate) async fn follow(
    attempt: PathBuf,
    request: LogRequest,
    ended: impl Fn() -> bool + Send,
    pieces: mpsc::Sender<Bytes>,
) {
    let mut view = View {
        request,
        sent: 0,
        inside_line: false,
    };
    let mut files = open_all(&attempt);
    if let Some(lines) = view.request.tail_lines {
        seek_tail(&mut files, lines);
    }
    let mut current: Option<Tail> = None;
    for file in files {
        let mut tail = Tail {
            file,
            rest: Vec::new(),
        };
        if !view.send_all(&mut tail, &pieces).await {
            return;
        }
        current = Some(tail);
    }
    while view.request.follow {
        // Asked before reading, so that what was written before the end is not missed.
        let last = ended();
        let more = match &mut current {
            Some(tail) => view.send_all(tail, &pieces).await,
            None => true,
        };
        if !more {
            return;
        }
        if let Some(file) = newer(&attempt, current.as_ref().map(|tail| &tail.file)) {
            current = Some(Tail {
                file,
                rest: Vec::new(),
            });
        } else if last {
            return;
        } else {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
                () = pieces.closed() => return,
            }
        }
    }
}

/// A file and what was read of a line that is not whole yet.
struct Tail {
    file: File,
    rest: Vec<u8>,
}

struct View {
    request: LogRequest,
    sent: u64,
    inside_line: bool,
}

impl View {
    /// Sends what there is now. `false`: no more is wanted.
    async fn send_all(&mut self, tail: &mut Tail, pieces: &mpsc::Sender<Bytes>) -> bool {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = match tail.file.read(&mut chunk) {
                Ok(0) | Err(_) => return !pieces.is_closed(),
                Ok(length) => length,
            };
            let mut text = Vec::with_capacity(length);
            let mut full = false;
            for piece in chunk
                .get(..length)
                .unwrap_or_default()
                .split_inclusive(|byte| *byte == b'\n')
            {
                tail.rest.extend_from_slice(piece);
                if tail.rest.last() == Some(&b'\n') {
                    self.line(&tail.rest, &mut text);
                    tail.rest.clear();
                }
                if let Some(limit) = self.request.limit_bytes
                    && self.sent + text.len() as u64 >= limit
                {
                    text.truncate(usize::try_from(limit - self.sent).unwrap_or(usize::MAX));
                    full = true;
                    break;
                }
            }
            self.sent += text.len() as u64;
            if !text.is_empty() && pieces.send(Bytes::from(text)).await.is_err() || full {
                return false;
            }
        }
    }

    /// Writes one line of the file as it is wanted.
    fn line(&mut self, line: &[u8], text: &mut Vec<u8>) {
        let mut parts = line.splitn(4, |byte| *byte == b' ');
        let (Some(time), Some(_), Some(tag), Some(content)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return;
        };
        if let Some(since) = self.request.since
            && std::str::from_utf8(time)
                .ok()
                .and_then(|time| time.parse().ok())
                .is_none_or(|time: Timestamp| time < since)
        {
            return;
        }
        if self.request.timestamps && !self.inside_line {
            text.extend_from_slice(time);
            text.push(b' ');
        }
        self.inside_line = tag == b"P";
        text.extend_from_slice(if self.inside_line {
            content.strip_suffix(b"\n").unwrap_or(content)
        } else {
            content
        });
    }
}

/// The files of an attempt, oldest first.
fn open_all(attempt: &Path) -> Vec<File> {
    let mut files: Vec<File> = (0..MAX_FILES)
        .map_while(|number| File::open(log_file(attempt, number)).ok())
        .collect();
    files.reverse();
    files
}

/// The file that was begun after `current`: it is no longer number 0 once the log has been rotated.
fn newer(attempt: &Path, current: Option<&File>) -> Option<File> {
    let Some(current) = current else {
        return File::open(log_file(attempt, 0)).ok();
    };
    let inode = current.metadata().ok()?.ino();
    let number = (0..MAX_FILES).find(|number| {
        fs::metadata(log_file(attempt, *number)).is_ok_and(|file| file.ino() == inode)
    });
    match number {
        Some(0) => None,
        Some(number) => File::open(log_file(attempt, number - 1)).ok(),
        // It was rotated away altogether: go on with the oldest there is.
        None => open_all(attempt).into_iter().next(),
    }
}

/// Moves the files' positions so that only the last `lines` lines are left to read.
fn seek_tail(files: &mut Vec<File>, lines: u64) {
    let mut wanted = lines;
    let mut first = files.len();
    for (index, file) in files.iter_mut().enumerate().rev() {
        let found = seek_from_end(file, &mut wanted).unwrap_or(false);
        first = index;
        if found {
            break;
        }
    }
    files.drain(..first);
}

/// Puts the position before the last `wanted` lines; `false` if the file has fewer, then it is at the start.
fn seek_from_end(file: &mut File, wanted: &mut u64) -> io::Result<bool> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut position = end;
    let mut chunk = vec![0; CHUNK_BYTES];
    while position > 0 {
        let length = position.min(CHUNK_BYTES as u64);
        position -= length;
        let part = chunk
            .get_mut(..usize::try_from(length).unwrap_or(CHUNK_BYTES))
            .unwrap_or_default();
        file.seek(SeekFrom::Start(position))?;
        file.read_exact(part)?;
        for (index, byte) in part.iter().enumerate().rev() {
            let after = position + index as u64 + 1;
            if *byte == b'\n' && after < end {
                // An end of line that is not the last one: a line starts after it.
                *wanted -= u64::from(*wanted > 0);
                if *wanted == 0 {
                    file.seek(SeekFrom::Start(after))?;
                    return Ok(true);
                }
            } else if after == end && *wanted == 0 {
                file.seek(SeekFrom::End(0))?;
                return Ok(true);
            }
        }
    }
    if end > 0 {
        *wanted = wanted.saturating_sub(1);
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(*wanted == 0)
}
