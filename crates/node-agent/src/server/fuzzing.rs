//! What fuzz targets reach of this room's parsers; part of the crate only when it is built for them.

use super::{exec, spdy};

/// Reads bytes as a client's side of a SPDY connection.
pub fn spdy(mut bytes: &[u8]) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        return;
    };
    runtime.block_on(async {
        let mut headers = spdy::headers::HeaderReader::new();
        while let Ok(frame) = spdy::frame::read(&mut bytes).await {
            if let spdy::frame::Frame::OpenStream { headers: block, .. } = frame
                && headers.read(&block).is_none()
            {
                return;
            }
        }
    });
}

/// Reads the query of a request for exec.
pub fn query(text: &str) {
    let asked = exec::parse(text);
    assert!(asked.command.len() <= text.len());
}
