//! The task that owns a socket: writes requests, reads answers, matches the two.
//!
//! Invariants: at most `max_in_flight` requests are unanswered; the buffer grows with what has arrived, not with
//! what a length prefix claims; when it ends, every unanswered request learns why.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::error::Cause;

/// How much room an idle connection keeps for what may come: 2 KiB, for there are many of them.
const IDLE_BYTES: usize = 2 * 1024;

/// How much is read at once at most: 256 KiB.
const READ_BYTES: usize = 256 * 1024;

/// One request on its way.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) correlation_id: i32,
    pub(super) frame: Vec<u8>,
    pub(super) reply: oneshot::Sender<Result<Bytes, Cause>>,
}

pub(super) struct Limits {
    pub(super) max_frame_bytes: usize,
    pub(super) max_in_flight: usize,
}

struct Driver<S> {
    stream: S,
    input: BytesMut,
    output: Bytes,
    must_flush: bool,
    waiting: VecDeque<(i32, oneshot::Sender<Result<Bytes, Cause>>)>,
    limits: Limits,
}

/// Runs until the connection breaks, `abort` is notified or every sender of `jobs` is gone.
pub(super) async fn drive<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    mut jobs: mpsc::Receiver<Job>,
    abort: Arc<Notify>,
    limits: Limits,
) {
    let mut driver = Driver {
        stream,
        input: BytesMut::new(),
        output: Bytes::new(),
        must_flush: false,
        waiting: VecDeque::new(),
        limits,
    };
    let cause = driver.run(&mut jobs, &abort).await;
    jobs.close();
    for (_, reply) in driver.waiting.drain(..) {
        let _ = reply.send(Err(cause.clone()));
    }
    while let Some(job) = jobs.recv().await {
        let _ = job.reply.send(Err(cause.clone()));
    }
    let _ = driver.stream.shutdown().await;
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    async fn run(&mut self, jobs: &mut mpsc::Receiver<Job>, abort: &Notify) -> Cause {
        loop {
            if let Err(cause) = self.answer() {
                return cause;
            }
            let may_take = self.output.is_empty() && self.waiting.len() < self.limits.max_in_flight;
            self.input.reserve(self.room());
            let (mut read, mut write) = tokio::io::split(&mut self.stream);
            tokio::select! {
                () = abort.notified() => return Cause::Closed,
                job = jobs.recv(), if may_take => match job {
                    Some(job) => {
                        self.output = Bytes::from(job.frame);
                        self.must_flush = true;
                        self.waiting.push_back((job.correlation_id, job.reply));
                    }
                    None => return Cause::Closed,
                },
                written = write_some(&mut write, &self.output), if self.must_flush => match written {
                    Ok(Some(0)) => return Cause::Closed,
                    Ok(Some(count)) => self.output.advance(count),
                    Ok(None) => self.must_flush = false,
                    Err(error) => return broken(error),
                },
                count = read.read_buf(&mut self.input) => match count {
                    Ok(0) => return Cause::Closed,
                    Ok(_) => {}
                    Err(error) => return broken(error),
                },
            }
        }
    }

    /// Room for what is known to be missing of a frame that has begun.
    fn room(&self) -> usize {
        let announced = self
            .input
            .first_chunk::<4>()
            .map_or(0, |prefix| u32::from_be_bytes(*prefix) as usize);
        announced
            .saturating_sub(self.input.len())
            .clamp(IDLE_BYTES, READ_BYTES)
    }

    /// Hands out every complete answer that has arrived.
    fn answer(&mut self) -> Result<(), Cause> {
        while let Some(frame) = take_frame(&mut self.input, self.limits.max_frame_bytes)? {
            let got = frame
                .first_chunk::<4>()
                .map(|bytes| i32::from_be_bytes(*bytes));
            let got =
                got.ok_or_else(|| Cause::Nonsense("an answer shorter than its header".to_owned()))?;
            let Some((expected, reply)) = self.waiting.pop_front() else {
                return Err(Cause::Nonsense(
                    "an answer that nobody asked for".to_owned(),
                ));
            };
            if got != expected {
                let cause = Cause::Correlation { expected, got };
                let _ = reply.send(Err(cause.clone()));
                return Err(cause);
            }
            // The asker may have gone; its answer goes with it.
            let _ = reply.send(Ok(frame));
        }
        Ok(())
    }
}

/// Writes a part of `output`, or flushes once nothing is left (`None`). May be cancelled at any time.
async fn write_some<W: AsyncWrite + Unpin>(
    write: &mut W,
    output: &[u8],
) -> io::Result<Option<usize>> {
    if output.is_empty() {
        write.flush().await?;
        return Ok(None);
    }
    write.write(output).await.map(Some)
}

/// The next frame without its length prefix, once it is whole.
pub(crate) fn take_frame(input: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, Cause> {
    let Some(prefix) = input.first_chunk::<4>().copied() else {
        return Ok(None);
    };
    if prefix.starts_with(&[0x15, 0x03]) {
        return Err(Cause::NotKafka(
            "it answers with a TLS alert, so this listener wants TLS",
        ));
    }
    if &prefix == b"HTTP" {
        return Err(Cause::NotKafka("it speaks HTTP"));
    }
    let length = u32::from_be_bytes(prefix);
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    if size > limit {
        return Err(Cause::FrameTooLong { length, limit });
    }
    if input.len().saturating_sub(4) < size {
        return Ok(None);
    }
    input.advance(4);
    Ok(Some(input.split_to(size).freeze()))
}

pub(super) fn broken(error: io::Error) -> Cause {
    Cause::Broken(Arc::new(error))
}
