//! One connection to one server, frame by frame.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zookeeper_protocol::{ConnectRequest, ConnectResponse, put_frame, take_frame};

/// Answers may be longer than requests: a list of many children.
const MAX_FRAME: usize = 64 * 1024 * 1024;
/// Frames read ahead of who wants them.
const READ_AHEAD: usize = 4096;
/// A server that does not even connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// Why a server could not be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No connection.
    #[error("{address} cannot be reached")]
    Connect {
        /// The server.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It spoke, but not ZooKeeper's protocol.
    #[error("{address} does not speak ZooKeeper's protocol: {reason}")]
    Protocol {
        /// The server.
        address: String,
        /// What came instead.
        reason: String,
    },
}

/// An open connection; closed when dropped.
pub(crate) struct Link {
    write: OwnedWriteHalf,
    frames: mpsc::Receiver<Bytes>,
    reader: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Link {
    /// Connects and opens or resumes a session. Without a response, the server closed the connection instead.
    pub(crate) async fn open(
        address: &str,
        request: &ConnectRequest,
    ) -> Result<(Option<Self>, Option<ConnectResponse>), LinkError> {
        let unreachable = |source| LinkError::Connect {
            address: address.to_owned(),
            source,
        };
        let stream = tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address))
            .await
            .map_err(|_| unreachable(io::ErrorKind::TimedOut.into()))?
            .map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let (read, write) = stream.into_split();
        let (to, frames) = mpsc::channel(READ_AHEAD);
        let reader = tokio::spawn(read_frames(read, to));
        let mut link = Self {
            write,
            frames,
            reader,
        };
        // A server that closes at once is seen as a missing answer below.
        let _ = link.send(&[request.encode()]).await;
        match tokio::time::timeout(CONNECT_LIMIT, link.frames.recv()).await {
            Ok(Some(content)) => {
                let response =
                    ConnectResponse::decode(content).map_err(|error| LinkError::Protocol {
                        address: address.to_owned(),
                        reason: error.to_string(),
                    })?;
                Ok((Some(link), Some(response)))
            }
            Ok(None) => Ok((None, None)),
            Err(_) => Err(LinkError::Protocol {
                address: address.to_owned(),
                reason: "no answer to the connect request".to_owned(),
            }),
        }
    }

    /// Sends frames in one write.
    pub(crate) async fn send(&mut self, contents: &[Bytes]) -> io::Result<()> {
        let mut out = BytesMut::new();
        for content in contents {
            put_frame(&mut out, content);
        }
        self.write.write_all(&out).await
    }

    /// The next frame; `None` once the server has closed. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        self.frames.recv().await
    }
}

async fn read_frames(mut read: OwnedReadHalf, to: mpsc::Sender<Bytes>) {
    let mut buffer = BytesMut::with_capacity(16 * 1024);
    loop {
        while let Ok(Some(content)) = take_frame(&mut buffer, MAX_FRAME) {
            if to.send(content).await.is_err() {
                return;
            }
        }
        match read.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
